//! The renditions over HTTP, for where no CDN serves them from the bucket.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use service_shell::HttpFailure;
use uuid::Uuid;

use crate::bucket::{Bucket, Description, Opening};
use crate::byte_range::{ByteRange, is_known, is_same};
use crate::http_failure::not_served;
use crate::intake::CACHE_CONTROL;

/// `GET /media/{folder}/{name}`: the file, the part of it that `Range` names, or `304`.
pub(crate) async fn get(
    State(bucket): State<Bucket>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, HttpFailure> {
    let key = key_of(path)?;
    let mut range = ByteRange::of(&headers);
    let if_range = headers.get(header::IF_RANGE).filter(|_| range.is_some());
    if headers.contains_key(header::IF_NONE_MATCH) || if_range.is_some() {
        let description = describe(&bucket, &key).await?;
        if let Some(known) = not_modified(&headers, &description) {
            return Ok(known);
        }
        range = range.filter(|_| is_same(if_range, description.etag.as_deref()));
    }
    let opened = bucket.open_object(&key, range.as_ref()).await;
    match opened.map_err(|error| not_served(&error))? {
        Opening::Opened(description, body) => Ok(answer(&description, Body::from_stream(body))),
        Opening::Missing => Err(missing()),
        Opening::BeyondItsEnd => Ok(beyond_the_end(&describe(&bucket, &key).await?)),
    }
}

/// `HEAD`: as `GET` of the whole, without reading it.
pub(crate) async fn head(
    State(bucket): State<Bucket>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, HttpFailure> {
    let description = describe(&bucket, &key_of(path)?).await?;
    let known = not_modified(&headers, &description);
    Ok(known.unwrap_or_else(|| answer(&description, Body::empty())))
}

/// Where the file is in the bucket, if the intake could have named it so: a UUID, then letters and an
/// extension.
fn key_of((folder, name): (String, String)) -> Result<String, HttpFailure> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.';
    let known = Uuid::try_parse(&folder).is_ok_and(|uuid| uuid.to_string() == folder);
    if !known || name.starts_with('.') || !name.bytes().all(plain) {
        return Err(missing());
    }
    Ok(format!("media/{folder}/{name}"))
}

fn missing() -> HttpFailure {
    HttpFailure::not_found("There is no such file")
}

async fn describe(bucket: &Bucket, key: &str) -> Result<Description, HttpFailure> {
    let description = bucket.describe(key).await;
    description.map_err(|error| not_served(&error))?.ok_or_else(missing)
}

fn answer(description: &Description, body: Body) -> Response {
    let status = match description.content_range {
        Some(_) => StatusCode::PARTIAL_CONTENT,
        None => StatusCode::OK,
    };
    let mut response = (status, body).into_response();
    let length = description.length.map(|length| length.to_string());
    for (name, value) in [
        (header::CONTENT_TYPE, description.content_type.as_deref()),
        (header::CONTENT_LENGTH, length.as_deref()),
        (header::CONTENT_RANGE, description.content_range.as_deref()),
        (header::CONTENT_DISPOSITION, description.content_disposition.as_deref()),
        (header::CONTENT_SECURITY_POLICY, Some("default-src 'none'; sandbox")),
        (header::X_CONTENT_TYPE_OPTIONS, Some("nosniff")),
    ] {
        set(&mut response, name, value);
    }
    about(&mut response, description);
    response
}

fn not_modified(headers: &HeaderMap, description: &Description) -> Option<Response> {
    description.etag.as_ref().filter(|etag| is_known(headers, etag)).map(|_| {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        about(&mut response, description);
        response
    })
}

fn beyond_the_end(description: &Description) -> Response {
    let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    let length = description.length.map(|length| format!("bytes */{length}"));
    set(&mut response, header::CONTENT_RANGE, length.as_deref());
    about(&mut response, description);
    // Of the answer, which is no file.
    response.headers_mut().remove(header::CACHE_CONTROL);
    response
}

/// What every answer about a file says.
fn about(response: &mut Response, description: &Description) {
    let caching = description.cache_control.as_deref().unwrap_or(CACHE_CONTROL);
    for (name, value) in [
        (header::ETAG, description.etag.as_deref()),
        (header::CACHE_CONTROL, Some(caching)),
        (header::ACCEPT_RANGES, Some("bytes")),
        (HeaderName::from_static("cross-origin-resource-policy"), Some("cross-origin")),
    ] {
        set(response, name, value);
    }
}

fn set(response: &mut Response, name: HeaderName, value: Option<&str>) {
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
        response.headers_mut().insert(name, value);
    }
}
