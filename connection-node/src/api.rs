//! The way in for backends: messages by HTTP, with a `service` token.
//!
//! What is posted goes the way of every message: into the log, once for each key.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use service_shell::{
    HttpFailure, bearer,
    token::{Role, Verifier},
};
use tokio::sync::oneshot;
use wire::{
    ErrorCode, RoomName,
    client::{ApiMessage, ChatStored},
    event,
};

use crate::{gateway::Gateway, log::publisher::unavailable, request};

/// The header that makes a repetition known (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What backends need.
#[derive(Clone)]
pub struct Api {
    pub gateway: Arc<Gateway>,
    pub tokens: Verifier,
}

/// `POST /api/rooms/{room}/messages`
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/api/rooms/{room}/messages", post(speak))
        .layer(DefaultBodyLimit::max(event::MAX_EVENT_BYTES))
        .with_state(api)
}

async fn speak(
    State(api): State<Api>,
    Path(room): Path<String>,
    headers: HeaderMap,
    message: Result<Json<ApiMessage>, JsonRejection>,
) -> Result<(StatusCode, Json<ChatStored>), HttpFailure> {
    let identity = bearer(&api.tokens, &headers).await?;
    if identity.role != Role::Service {
        let message = "this is for backends: expected a token whose role is `service`";
        return Err(HttpFailure::new(ErrorCode::Forbidden, message));
    }
    if let Some(ban) = api.gateway.entrance.ban_of(&identity.user.user_id) {
        return Err(HttpFailure::new(ErrorCode::Forbidden, ban.to_string()));
    }
    let room = RoomName::parse(&room)
        .map_err(|error| HttpFailure::new(ErrorCode::Invalid, error.to_string()))?;
    if !identity.may_enter(&room) {
        let message = format!("your token does not allow the room {room:?}");
        return Err(HttpFailure::new(ErrorCode::Forbidden, message));
    }
    let Json(message) = message.map_err(|rejection| refused(&rejection))?;
    let content = request::content(message.content)?;
    let key = key(&headers)?;
    let (done, stored) = oneshot::channel();
    let answer = Box::new(move |outcome| drop(done.send(outcome)));
    api.gateway.publish(identity.user, &room, content, key, answer);
    // Whoever is asked to publish answers, always.
    let stored = stored.await.unwrap_or_else(|_| Err(unavailable()))?;
    Ok((StatusCode::CREATED, Json(stored)))
}

fn refused(rejection: &JsonRejection) -> HttpFailure {
    let code = match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
        _ => ErrorCode::Invalid,
    };
    let message = format!("expected JSON, {{ \"content\": string }}: {}", rejection.body_text());
    HttpFailure::new(code, message)
}

fn key(headers: &HeaderMap) -> Result<Option<String>, HttpFailure> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = key.to_str().map_err(|_| {
        HttpFailure::new(ErrorCode::Invalid, "Idempotency-Key holds what is no visible ASCII")
    })?;
    // The draft has it in quotes; most senders leave them out.
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    Ok(Some(request::client_message_id(bare.to_owned())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn keys_in_quotes_or_not() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(value).unwrap());
            key(&headers)
        };
        assert_eq!(key(&HeaderMap::new()).unwrap(), None);
        for value in ["k-1", "\"k-1\""] {
            assert_eq!(read(value).unwrap().as_deref(), Some("k-1"));
        }
        for wrong in ["", "\"\"", &"x".repeat(129)] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
