//! Files as a browser asks a worker for them: whole, in parts, and whether they have changed.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, Request, header};
use wire::media::UploadDone;

use crate::direct::{ask, complete, grant, wish};
use crate::make::wav;
use crate::servers::against_each_s3;
use crate::web::{Answer, PAGE, lets_the_page, send};
use crate::world::{World, room};

against_each_s3! {
    a_sound_is_served_whole_and_in_parts
    a_file_that_the_client_has_is_not_sent_again
}

/// A sound in the bucket: who serves it, and where.
async fn sound(world: &World) -> (Router, String, u64) {
    let router = media_worker::router(&world.config()).await.unwrap();
    let bytes = wav(16_000, 1, 2);
    let ticket = grant(&router, "u-1", &wish("audio/wav", bytes.len())).await;
    assert!(send(&ticket.url, &ticket.fields, &bytes).await.is_success());
    complete(&router, "u-1", &ticket.upload_id).await.read::<UploadDone>();
    let file = world.files(&room("team-1")).await.remove(0);
    let path = file.url.strip_prefix("https://media.example").unwrap().to_owned();
    (router, path, file.size)
}

async fn request(
    router: &Router,
    method: &str,
    path: &str,
    headers: &[(HeaderName, &str)],
) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header(header::ORIGIN, PAGE);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    ask(router, request.body(Body::empty()).unwrap()).await
}

fn header_of(answer: &Answer, name: HeaderName) -> Option<&str> {
    answer.headers.get(name).map(|value| value.to_str().unwrap())
}

async fn a_sound_is_served_whole_and_in_parts(world: World) {
    let (router, path, size) = sound(&world).await;
    let whole = request(&router, "GET", &path, &[]).await;
    assert_eq!((whole.status.as_u16(), whole.body.len() as u64), (200, size));
    assert_eq!(header_of(&whole, header::CONTENT_TYPE), Some("audio/ogg"));
    let resource_policy = HeaderName::from_static("cross-origin-resource-policy");
    assert_eq!(header_of(&whole, resource_policy), Some("cross-origin"));
    assert!(lets_the_page(&whole));

    let end = usize::try_from(size).unwrap();
    let last = end - 1;
    for (range, part) in [
        ("bytes=0-".to_owned(), 0..end),
        ("bytes=0-0".to_owned(), 0..1),
        ("bytes=100-199".to_owned(), 100..200),
        (format!("bytes={last}-"), last..end),
        ("bytes=-10".to_owned(), end - 10..end),
        (format!("bytes=0-{}", size * 2), 0..end),
    ] {
        let answer = request(&router, "GET", &path, &[(header::RANGE, &range)]).await;
        assert_eq!(answer.status, 206, "{range}");
        let expected = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        assert_eq!(header_of(&answer, header::CONTENT_RANGE), Some(&*expected), "{range}");
        let length = part.len().to_string();
        assert_eq!(header_of(&answer, header::CONTENT_LENGTH), Some(&*length), "{range}");
        assert_eq!(header_of(&answer, header::ACCEPT_RANGES), Some("bytes"));
        assert_eq!(answer.body, whole.body[part], "{range}");
    }
    let beyond = format!("bytes={size}-");
    let answer = request(&router, "GET", &path, &[(header::RANGE, &beyond)]).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (416, 0));
    let all = format!("bytes */{size}");
    assert_eq!(header_of(&answer, header::CONTENT_RANGE), Some(&*all));
    // What is not one range of bytes is no range.
    for range in ["bytes=0-1,5-6", "bytes=9-2", "lines=1-2"] {
        let answer = request(&router, "GET", &path, &[(header::RANGE, range)]).await;
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &whole.body), "{range}");
    }
}

async fn a_file_that_the_client_has_is_not_sent_again(world: World) {
    let (router, path, size) = sound(&world).await;
    let head = request(&router, "HEAD", &path, &[]).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(header_of(&head, header::CONTENT_LENGTH), Some(&*size.to_string()));
    let tag = header_of(&head, header::ETAG).unwrap();
    assert!(tag.starts_with('"'), "{tag}");

    for method in ["GET", "HEAD"] {
        let known = request(&router, method, &path, &[(header::IF_NONE_MATCH, tag)]).await;
        assert_eq!((known.status.as_u16(), known.body.len()), (304, 0), "{method}");
        assert_eq!(header_of(&known, header::ETAG), Some(tag));
        let caching = header_of(&known, header::CACHE_CONTROL).unwrap();
        assert_eq!(caching, "public, max-age=31536000, immutable");
        let other = request(&router, method, &path, &[(header::IF_NONE_MATCH, "\"x\"")]).await;
        assert_eq!(other.status, 200, "{method}");
    }
    // The rest of a file, if it is still the same one.
    for (condition, status) in [(tag, 206), ("\"x\"", 200)] {
        let headers = [(header::RANGE, "bytes=10-"), (header::IF_RANGE, condition)];
        assert_eq!(request(&router, "GET", &path, &headers).await.status, status);
    }
    let missing = "/media/9b2c6a5e-52c0-4b1f-8f3c-0d6f2a7b1c55/main.ogg";
    for (method, headers) in [
        ("GET", vec![]),
        ("HEAD", vec![]),
        ("GET", vec![(header::RANGE, "bytes=0-")]),
        ("GET", vec![(header::IF_NONE_MATCH, tag)]),
    ] {
        assert_eq!(request(&router, method, missing, &headers).await.status, 404, "{method}");
    }
}
