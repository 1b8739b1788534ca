//! The router as AWS Lambda calls it: an event of a function URL in, an answer out; and the function itself
//! in the emulator of cargo-lambda.

use std::path::PathBuf;

use axum::http::{Request, header};
use http_body_util::BodyExt as _;
use local_stack::leashed_child::LeashedChild;
use local_stack::places::Places;
use local_stack::s3::S3Options;
use local_stack::s3_server::{S3Kind, S3Server};
use local_stack::search_path;
use serde_json::json;
use tower::ServiceExt as _;
use wire::media::{UploadDone, UploadTicket};

use crate::direct::{SECRET, token, wish};
use crate::make::jpeg;
use crate::servers::say;
use crate::web::{Answer, PAGE, fetch, get, send};
use crate::world::{World, room, until};

#[tokio::test]
async fn an_event_of_a_function_url_is_answered() {
    let world = World::start(S3Kind::Embedded).await;
    let router = media_worker::router(&world.config()).await.unwrap();
    let body = json!({ "room": "general", "mime": "image/png", "size": 10 }).to_string();
    let event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/media/uploads",
        "rawQueryString": "",
        "headers": {
            "authorization": format!("Bearer {}", token("u-1", SECRET)),
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

/// The name that the emulator gives to a function that it does not build itself.
const FUNCTION: &str = "_";

/// `cargo-lambda` on PATH, or where `.ci/run` keeps its tools; where there is none, that is said.
fn emulator() -> Option<PathBuf> {
    let places = Places::of_this_machine();
    let found = search_path::find("cargo-lambda", &places.path)
        .or_else(|| search_path::find("cargo-lambda", places.cache.join("ci/bin").as_os_str()));
    if found.is_none() {
        say(
            "NOT TESTED in Lambda's emulator: there is no cargo-lambda on PATH (pip install cargo-lambda)",
        );
    }
    found
}

#[tokio::test]
async fn the_function_serves_an_upload_in_the_emulator() {
    let Some(emulator) = emulator() else { return };
    let world = World::start(S3Kind::Embedded).await;
    let logs = tempfile::tempdir().unwrap();
    let port = S3Server::free_port().await.unwrap().to_string();
    let command = [
        emulator.into_os_string(),
        "lambda".into(),
        "watch".into(),
        "--only-lambda-apis".into(),
        "--invoke-address=127.0.0.1".into(),
        format!("--invoke-port={port}").into(),
    ];
    let _emulator =
        LeashedChild::spawn("cargo-lambda", &command, &[], &logs.path().join("emulator")).unwrap();
    let (config, keys) = (world.config(), S3Options::default());
    let (nats, s3) = (world.nats.url(), config.s3_endpoint.unwrap().to_string());
    let runtime = format!("http://127.0.0.1:{port}/.rt");
    let environment = [
        ("AWS_LAMBDA_RUNTIME_API", &*runtime),
        ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("NATS_URL", &*nats),
        ("S3_ENDPOINT", &*s3),
        ("S3_ACCESS_KEY", &*keys.access_key),
        ("S3_SECRET_KEY", &*keys.secret_key),
        ("S3_FORCE_PATH_STYLE", "true"),
        ("MEDIA_URL", "https://media.example"),
        ("JWT_SECRET", SECRET),
        ("ALLOWED_ORIGINS", PAGE),
    ];
    let program = [env!("CARGO_BIN_EXE_media-lambda").into()];
    let log = logs.path().join("function");
    let _function = LeashedChild::spawn("media-lambda", &program, &environment, &log).unwrap();
    let base = format!("http://127.0.0.1:{port}/lambda-url/{FUNCTION}");
    until(async || get_anyway(&format!("{base}/healthz")).await).await;

    let photo = jpeg(800, 600);
    let wish = wish("image/jpeg", photo.len()).to_string();
    let ticket: UploadTicket = post(&format!("{base}/media/uploads"), wish).await.read();
    assert!(send(&ticket.url, &ticket.fields, &photo).await.is_success());
    let done = format!("{base}/media/uploads/{}/complete", ticket.upload_id);
    post(&done, String::new()).await.read::<UploadDone>();
    let file = world.files(&room("team-1")).await.remove(0);
    let path = file.url.strip_prefix("https://media.example").unwrap();
    let shown = get(&format!("{base}{path}")).await;
    // Bytes and not text, which is what they are on the way.
    assert_eq!((shown.status.as_u16(), shown.body.len() as u64), (200, file.size));
    assert!(shown.body.starts_with(&[0xFF, 0xD8]));
    // Everybody may reach the function.
    assert_eq!(get(&format!("{base}/metrics")).await.status, 404);
}

/// Whether it answers well, where nothing may listen yet.
async fn get_anyway(url: &str) -> bool {
    let host = url.split('/').nth(2).unwrap();
    match tokio::net::TcpStream::connect(host).await {
        Ok(_) => get(url).await.status == 200,
        Err(_) => false,
    }
}

async fn post(url: &str, body: String) -> Answer {
    let request = Request::post(url)
        .header(header::AUTHORIZATION, format!("Bearer {}", token("u-1", SECRET)))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into())
        .unwrap();
    fetch(request).await
}
