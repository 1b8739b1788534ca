//! What was granted to an uploader, signed and kept by the uploader: the worker remembers nothing, so
//! that any other can complete the upload.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use wire::{RoomName, User};

use service_shell::telemetry::{Span, SpanKind};

use crate::intake::Upload;

/// How long an upload may be completed.
const GOOD_FOR: Duration = Duration::from_hours(1);

/// The content of an upload's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ticket {
    pub media_id: String,
    pub room: RoomName,
    #[serde(flatten)]
    pub author: User,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub filename: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    ticket: Ticket,
    exp: u64,
}

impl Ticket {
    /// Where the browser puts the bytes.
    pub(crate) fn raw_key(&self) -> String {
        format!("uploads/{}", self.media_id)
    }

    /// The upload's id.
    pub(crate) fn sign(&self, key: &[u8], now: SystemTime) -> jsonwebtoken::errors::Result<String> {
        let end = (now + GOOD_FOR).duration_since(UNIX_EPOCH).unwrap_or_default();
        let claims = Claims { ticket: self.clone(), exp: end.as_secs() };
        let header = Header::new(Algorithm::HS256);
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(key))
    }

    /// Reads an upload's id; `None` for any that was not signed with `key` or is too old.
    pub(crate) fn read(id: &str, key: &[u8]) -> Option<Self> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        let key = DecodingKey::from_secret(key);
        jsonwebtoken::decode::<Claims>(id, &key, &validation).ok().map(|read| read.claims.ticket)
    }
}

impl From<Ticket> for Upload {
    fn from(ticket: Ticket) -> Self {
        let Ticket { media_id, room, author, filename } = ticket;
        let span = Span::root("complete-upload", SpanKind::Server);
        Self { media_id, room, author, filename, span }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_reads_back_for_an_hour_and_with_its_key_alone() {
        let ticket = Ticket {
            media_id: "m-1".to_owned(),
            room: RoomName::parse("general").unwrap(),
            author: User { user_id: "u".into(), username: "U".into() },
            filename: Some("cat.jpg".to_owned()),
        };
        let now = SystemTime::now();
        let id = ticket.sign(b"key", now).unwrap();
        assert_eq!(Ticket::read(&id, b"key"), Some(ticket.clone()));
        assert_eq!(Ticket::read(&id, b"other"), None);
        assert_eq!(Ticket::read("x", b"key"), None);
        let old = ticket.sign(b"key", now - GOOD_FOR - Duration::from_secs(5)).unwrap();
        assert_eq!(Ticket::read(&old, b"key"), None);
    }
}
