//! The direct path: HTTP to the worker and a presigned POST to S3, as a browser does it.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::BodyExt as _;
use local_stack::s3::{REGION, S3Options};
use local_stack::s3_server::S3Kind;
use serde_json::{Value, json};
use service_shell::token::{Claims, Role, Secret, TokenArgs};
use sha2::Sha256;
use tower::ServiceExt as _;
use wire::admin::{Ban, ban_key};
use wire::media::{UploadDone, UploadTicket};
use wire::{Timestamp, stream};

use crate::make::jpeg;
use crate::servers::against_each_s3;
use crate::web::{Answer, PAGE, fetch, lets_the_page, send};
use crate::world::{World, room};

against_each_s3! {
    a_browsers_upload_becomes_one_message
    s3_holds_the_browser_to_its_ticket
    s3_takes_nothing_after_the_tickets_end
    s3_lets_the_page_ask_before_it_sends
    an_upload_is_completed_by_its_owner_alone_and_refused_by_its_bytes
    without_s3_the_answer_is_to_try_again
}

/// As good as one from outside has to be.
pub const SECRET: &str = "8f1c06d27be94a35f0a8c1d47e6b92530d9e4f7a1b3c5d6e";

/// A token for `user`, good for rooms `team-*` and `general`.
pub fn token(user: &str, secret: &str) -> String {
    let claims = Claims {
        sub: user.to_owned(),
        name: None,
        role: Role::User,
        rooms: vec!["team-*".to_owned(), "general".to_owned()],
    };
    let signer = TokenArgs::of_secret(Secret::own(secret)).signer().unwrap();
    signer.sign(&claims, 60, Timestamp::now()).unwrap().0
}

pub async fn ask(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: head.status, headers: head.headers, body }
}

async fn post(router: &Router, path: &str, token: Option<&str>, body: Body) -> Answer {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    ask(router, request.body(body).unwrap()).await
}

pub fn wish(mime: &str, size: usize) -> Value {
    json!({ "room": "team-1", "filename": "cat.jpg", "mime": mime, "size": size })
}

pub async fn grant(router: &Router, user: &str, wish: &Value) -> UploadTicket {
    let body = Body::from(wish.to_string());
    let answer = post(router, "/media/uploads", Some(&token(user, SECRET)), body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    answer.read()
}

pub async fn complete(router: &Router, user: &str, upload: &str) -> Answer {
    let path = format!("/media/uploads/{upload}/complete");
    post(router, &path, Some(&token(user, SECRET)), Body::empty()).await
}

async fn a_browsers_upload_becomes_one_message(world: World) {
    let router = media_worker::router(&world.config()).await.unwrap();
    let photo = jpeg(800, 600);
    let ticket = grant(&router, "u-1", &wish("image/jpeg", photo.len())).await;
    assert_eq!(complete(&router, "u-1", &ticket.upload_id).await.code(), "invalid");
    assert!(send(&ticket.url, &ticket.fields, &photo).await.is_success());
    assert_eq!(world.keys("uploads/").await.len(), 1);

    let done = complete(&router, "u-1", &ticket.upload_id).await;
    let done: UploadDone = done.read();
    let files = world.files(&room("team-1")).await;
    let [file] = &files[..] else { panic!("{files:?}") };
    assert_eq!((&file.media_id, &*file.author.user_id), (&done.media_id, "u-1"));
    assert_eq!((file.width, file.filename.as_deref()), (Some(800), Some("cat.jpg")));
    assert!(world.keys("uploads/").await.is_empty(), "the raw upload was left behind");

    // A second time the answer is the same, and so is the room; a new worker knows as much.
    let other = media_worker::router(&world.config()).await.unwrap();
    for router in [&router, &other] {
        assert_eq!(complete(router, "u-1", &ticket.upload_id).await.read::<UploadDone>(), done);
    }
    assert_eq!(world.files(&room("team-1")).await.len(), 1);

    let path = file.url.strip_prefix("https://media.example").unwrap();
    let shown = ask(&router, Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!((shown.status, shown.body.len() as u64), (StatusCode::OK, file.size));
    assert_eq!(shown.headers[header::CONTENT_TYPE], "image/jpeg");
    assert_eq!(shown.headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert_eq!(shown.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
}

async fn s3_holds_the_browser_to_its_ticket(world: World) {
    let router = media_worker::router(&world.config()).await.unwrap();
    let photo = jpeg(64, 48);
    let ticket = grant(&router, "u-1", &wish("image/jpeg", photo.len())).await;
    let with = |name: &str, value: &str| {
        let mut fields = ticket.fields.clone();
        fields.insert(name.to_owned(), value.to_owned());
        fields
    };
    let other_policy = grant(&router, "u-2", &wish("image/png", 9)).await.fields["policy"].clone();
    for fields in [
        with("key", "media/mine.jpg"),
        with("Content-Type", "text/html"),
        with("x-amz-signature", &"0".repeat(64)),
        with("policy", &other_policy),
    ] {
        let status = send(&ticket.url, &fields, &photo).await;
        assert!(status.is_client_error(), "{status} for {fields:?}");
    }
    let large = vec![0; wire::event::MAX_FILE_BYTES + 1];
    assert!(send(&ticket.url, &ticket.fields, &large).await.is_client_error());
    assert!(send(&ticket.url, &ticket.fields, b"").await.is_client_error());
    assert!(world.keys("").await.is_empty());
    assert!(send(&ticket.url, &ticket.fields, &photo).await.is_success());
}

/// The fields with another end in their policy, signed with the key that signed them.
fn resigned(ticket: &UploadTicket, expiration: &str) -> std::collections::BTreeMap<String, String> {
    let mut fields = ticket.fields.clone();
    let mut policy: Value =
        serde_json::from_slice(&STANDARD.decode(&fields["policy"]).unwrap()).unwrap();
    policy["expiration"] = json!(expiration);
    let policy = STANDARD.encode(policy.to_string());
    let sign = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let key = format!("AWS4{}", S3Options::default().secret_key).into_bytes();
    let day = &fields["x-amz-date"][..8];
    let key = [day, REGION, "s3", "aws4_request"].iter().fold(key, |key, part| sign(&key, part));
    fields.insert("x-amz-signature".to_owned(), hex::encode(sign(&key, &policy)));
    fields.insert("policy".to_owned(), policy);
    fields
}

async fn s3_takes_nothing_after_the_tickets_end(world: World) {
    let router = media_worker::router(&world.config()).await.unwrap();
    let photo = jpeg(64, 48);
    let ticket = grant(&router, "u-1", &wish("image/jpeg", photo.len())).await;
    let over = send(&ticket.url, &resigned(&ticket, "2020-01-01T00:00:00.000Z"), &photo).await;
    assert!(over.is_client_error(), "{over}");
    assert!(world.keys("").await.is_empty());
    let good = send(&ticket.url, &resigned(&ticket, "2999-01-01T00:00:00.000Z"), &photo).await;
    assert!(good.is_success(), "{good}");
}

/// As a browser does where the page follows the progress of an upload.
async fn s3_lets_the_page_ask_before_it_sends(world: World) {
    let router = media_worker::router(&world.config()).await.unwrap();
    let ticket = grant(&router, "u-1", &wish("image/jpeg", 9)).await;
    let request = Request::options(&ticket.url)
        .header(header::ORIGIN, PAGE)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .body(Bytes::new())
        .unwrap();
    let answer = fetch(request).await;
    assert!(answer.status.is_success() && lets_the_page(&answer), "{:?}", answer.headers);
    let methods = answer.headers[header::ACCESS_CONTROL_ALLOW_METHODS].to_str().unwrap();
    assert!(methods == "*" || methods.contains("POST"), "{methods}");
}

#[tokio::test]
async fn what_cannot_be_is_answered_with_a_reason() {
    let world = World::start(S3Kind::Embedded).await;
    let router = media_worker::router(&world.config()).await.unwrap();
    let (good, forged) = (token("u-1", SECRET), token("u-1", "another secret altogether"));
    let fine = wish("image/jpeg", 1_000);
    let with = |name: &str, value: Value| {
        let mut wish = fine.clone();
        wish[name] = value;
        wish.to_string()
    };
    let max = wire::event::MAX_FILE_BYTES;
    let table = [
        (None, fine.to_string(), 401, "forbidden"),
        (Some(&forged), fine.to_string(), 401, "forbidden"),
        (Some(&good), with("room", json!("secret")), 403, "forbidden"),
        (Some(&good), with("room", json!("")), 400, "invalid"),
        (Some(&good), with("size", json!(max + 1)), 413, "too_large"),
        (Some(&good), with("size", json!(0)), 400, "invalid"),
        (Some(&good), with("mime", json!("text/html")), 415, "unsupported_media"),
        (Some(&good), "{".to_owned(), 400, "invalid"),
        (Some(&good), "{}".to_owned(), 400, "invalid"),
        (Some(&good), with("filename", json!("x".repeat(20_000))), 400, "invalid"),
    ];
    for (token, wish, status, code) in table {
        let token = token.map(String::as_str);
        let answer = post(&router, "/media/uploads", token, Body::from(wish.clone())).await;
        assert_eq!((answer.status.as_u16(), &*answer.code()), (status, code), "{wish:.200}");
    }
    let largest = with("size", json!(max));
    let answer = post(&router, "/media/uploads", Some(&good), Body::from(largest)).await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

async fn an_upload_is_completed_by_its_owner_alone_and_refused_by_its_bytes(world: World) {
    let router = media_worker::router(&world.config()).await.unwrap();
    let ticket = grant(&router, "u-1", &wish("image/jpeg; charset=x", 20)).await;
    let status = |answer: &Answer| answer.status.as_u16();
    for unknown in ["x", &token("u-1", SECRET)] {
        assert_eq!(status(&complete(&router, "u-1", unknown).await), 404, "{unknown}");
    }
    assert_eq!(status(&complete(&router, "u-2", &ticket.upload_id).await), 403);
    let path = format!("/media/uploads/{}/complete", ticket.upload_id);
    assert_eq!(status(&post(&router, &path, None, Body::empty()).await), 401);

    // A ticket is no token.
    let fine = Body::from(wish("image/jpeg", 10).to_string());
    let answer = post(&router, "/media/uploads", Some(&ticket.upload_id), fine).await;
    assert_eq!(status(&answer), 401);

    assert!(send(&ticket.url, &ticket.fields, b"<script>alert(1)</script>").await.is_success());
    for _ in 0..2 {
        let answer = complete(&router, "u-1", &ticket.upload_id).await;
        assert_eq!((status(&answer), &*answer.code()), (415, "unsupported_media"));
    }
    assert!(world.keys("uploads/").await.is_empty(), "the raw upload was left behind");
    assert!(world.files(&room("team-1")).await.is_empty());
}

async fn without_s3_the_answer_is_to_try_again(mut world: World) {
    let router = media_worker::router(&world.config()).await.unwrap();
    let photo = jpeg(64, 48);
    let ticket = grant(&router, "u-1", &wish("image/jpeg", photo.len())).await;
    assert!(send(&ticket.url, &ticket.fields, &photo).await.is_success());
    world.kill_s3().await;
    let answer = complete(&router, "u-1", &ticket.upload_id).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (503, "unavailable"));
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    world.start_s3().await;
    complete(&router, "u-1", &ticket.upload_id).await.read::<UploadDone>();
    assert_eq!(world.files(&room("team-1")).await.len(), 1);
}

#[tokio::test]
async fn who_is_banned_puts_no_file_into_a_room() {
    let mut world = World::start(S3Kind::Embedded).await;
    // By this subject alone the worker may read the bucket.
    let asked = format!("$JS.API.DIRECT.GET.KV_RT.$KV.RT.{}", ban_key("u.1 *"));
    let mut asked = world.client.subscribe(asked).await.unwrap();
    let mut described = world.client.subscribe("$JS.API.STREAM.INFO.KV_RT").await.unwrap();
    let router = media_worker::router(&world.config()).await.unwrap();
    let photo = jpeg(64, 48);
    let ticket = grant(&router, "u.1 *", &wish("image/jpeg", photo.len())).await;
    assert!(send(&ticket.url, &ticket.fields, &photo).await.is_success());
    assert!(asked.next().await.is_some());
    described.unsubscribe().await.unwrap();
    assert!(described.next().await.is_none(), "the bucket was asked about itself");

    let bans = world.jetstream.get_key_value(stream::RT_BUCKET).await.unwrap();
    let ban = |until| Ban {
        user_id: "u.1 *".into(),
        until,
        reason: Some("spam".into()),
        by: "admin".into(),
        timestamp: Timestamp::now(),
    };
    let put = async |ban: Ban| {
        let record = serde_json::to_vec(&ban).unwrap();
        bans.put(ban_key(&ban.user_id), record.into()).await.unwrap()
    };
    let (good, body) = (token("u.1 *", SECRET), || Body::from(wish("image/jpeg", 9).to_string()));
    put(ban(None)).await;
    for answer in [
        post(&router, "/media/uploads", Some(&good), body()).await,
        complete(&router, "u.1 *", &ticket.upload_id).await,
    ] {
        assert_eq!((answer.status.as_u16(), &*answer.code()), (403, "forbidden"));
        assert_eq!(answer.read::<Value>()["message"], "You are banned: spam");
    }
    assert!(world.files(&room("team-1")).await.is_empty());
    grant(&router, "u-2", &wish("image/jpeg", 9)).await;

    put(ban(Some(Timestamp::now()))).await;
    complete(&router, "u.1 *", &ticket.upload_id).await.read::<UploadDone>();
    put(ban(None)).await;
    bans.delete(ban_key("u.1 *")).await.unwrap();
    grant(&router, "u.1 *", &wish("image/jpeg", 9)).await;

    world.nats.kill().unwrap();
    let answer = post(&router, "/media/uploads", Some(&good), body()).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (503, "unavailable"));
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn only_the_configured_pages_may_ask() {
    let world = World::start(S3Kind::Embedded).await;
    let router = media_worker::router(&world.config()).await.unwrap();
    for (origin, allowed) in [(PAGE, true), ("https://evil.example", false)] {
        let request = Request::builder()
            .method(Method::OPTIONS)
            .uri("/media/uploads")
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type");
        let answer = ask(&router, request.body(Body::empty()).unwrap()).await;
        let granted = answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        assert_eq!(granted.is_some_and(|granted| granted == origin), allowed, "{origin}");
    }
    for path in [
        "/media/uploads/../x",
        "/media/x/main.jpg",
        "/media/9b2c6a5e-52c0-4b1f-8f3c-0d6f2a7b1c55/main.jpg",
    ] {
        let answer = ask(&router, Request::get(path).body(Body::empty()).unwrap()).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
    }
}
