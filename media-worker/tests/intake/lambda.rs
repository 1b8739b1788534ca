//! The router as AWS Lambda calls it: an event of a function URL in, an answer out.

use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;
use wire::media::UploadTicket;

use crate::direct::token;
use crate::servers::against_each_s3;
use crate::world::World;

against_each_s3! {
    an_event_of_a_function_url_is_answered
}

async fn an_event_of_a_function_url_is_answered(world: World) {
    let router = media_worker::router(&world.config()).await.unwrap();
    let body = json!({ "room": "general", "mime": "image/png", "size": 10 }).to_string();
    let event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/media/uploads",
        "rawQueryString": "",
        "headers": {
            "authorization": format!("Bearer {}", token("u-1", "local development only")),
            "content-type": "application/json",
            "host": "abc.lambda-url.eu-central-1.on.aws"
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "domainName": "abc.lambda-url.eu-central-1.on.aws",
            "domainPrefix": "abc",
            "http": {
                "method": "POST",
                "path": "/media/uploads",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "test"
            },
            "requestId": "1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "23/Nov/2026:02:03:30 +0000",
            "timeEpoch": 1_795_399_410_000_u64
        },
        "body": body,
        "isBase64Encoded": false
    });
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 201);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let ticket: UploadTicket = serde_json::from_slice(&body).unwrap();
    assert!(ticket.fields["key"].starts_with("uploads/"));
}
