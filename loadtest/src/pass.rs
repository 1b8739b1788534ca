//! What a client shows at a server's entrance.

use http::Uri;
use serde::{Deserialize, Serialize};

use crate::{chaos::token, dev_token};

/// All rooms of a load generator begin with this.
pub const ROOM_PREFIX: &str = "bench-";

/// How clients come by their tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pass {
    /// The node itself hands them out, as those of a local stack do.
    Dev,
    /// The generator signs them with this secret. They open only the generator's own rooms: everybody
    /// in the default room is another load than the one that is asked for.
    Signed(String),
    /// Nobody asks for one.
    Nothing,
}

impl Pass {
    /// The token of `user`, for the node at `url`.
    ///
    /// # Errors
    /// When the node hands out none, or none can be signed.
    pub async fn token(&self, url: &Uri, user: String) -> anyhow::Result<Option<String>> {
        match self {
            Self::Dev => dev_token::fetch(url, user).await.map(Some),
            Self::Signed(secret) => {
                token::sign(secret, &user, &format!("{ROOM_PREFIX}*")).map(Some)
            }
            Self::Nothing => Ok(None),
        }
    }
}
