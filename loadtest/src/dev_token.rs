//! Tokens from the local stack's `POST /dev/token`.

use anyhow::{Context as _, ensure};
use http::{Request, Uri, header::CONTENT_TYPE};
use wire::client::{DevToken, DevTokenRequest};

use crate::http_exchange;

/// A token for `user_id`, from the node at `url`.
///
/// # Errors
/// When the node does not answer, or is none of a local stack.
pub async fn fetch(url: &Uri, user_id: String) -> anyhow::Result<String> {
    let body = DevTokenRequest { user_id, username: None, role: None, rooms: None };
    let request = Request::post(format!("{}/dev/token", url.to_string().trim_end_matches('/')))
        .header(CONTENT_TYPE, "application/json")
        .body(serde_json::to_vec(&body)?.into())?;
    let (status, body) = http_exchange::send(request).await?;
    ensure!(status == 200, "{url}dev/token answered {status}; only a local stack hands out tokens");
    let token: DevToken = serde_json::from_slice(&body).context("the answer is no token")?;
    Ok(token.token)
}
