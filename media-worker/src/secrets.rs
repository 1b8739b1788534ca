//! Keys that are derived from one secret, one for each purpose, so that what is made with one
//! is worth nothing elsewhere: a ticket for an upload is no token.

use hmac::{Hmac, KeyInit as _, Mac as _};
use service_shell::token::Secret;
use sha2::Sha256;
use uuid::Uuid;

/// HMAC-SHA-256 (RFC 2104).
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    #[allow(clippy::expect_used)] // HMAC takes a key of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Signs tickets and names folders.
#[derive(Clone)]
pub(crate) struct Secrets {
    pub tickets: [u8; 32],
    folders: [u8; 32],
}

impl Secrets {
    pub(crate) fn derive(secret: &Secret) -> Self {
        let derive = |purpose: &[u8]| hmac_sha256(secret.as_bytes(), purpose);
        Self {
            tickets: derive(b"starling media tickets"),
            folders: derive(b"starling media folders"),
        }
    }

    /// The folder of an upload's renditions, of the form of a random UUID. Nobody can guess it from the
    /// media id. Whoever works on the same bytes again finds the same one; other bytes under the same media
    /// id have another, so that what is published never changes.
    pub(crate) fn folder(&self, media_id: &str, contents: &[u8; 32]) -> Uuid {
        let random = hmac_sha256(&self.folders, &[media_id.as_bytes(), contents].concat());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&random[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_the_uploads_the_bytes_and_the_secrets_own() {
        let [one, other] = ["secret", "another"].map(|text| Secrets::derive(&Secret::own(text)));
        let bytes = [7; 32];
        assert_eq!(one.folder("m-1", &bytes), one.folder("m-1", &bytes));
        assert_ne!(one.folder("m-1", &bytes), one.folder("m-2", &bytes));
        assert_ne!(one.folder("m-1", &bytes), one.folder("m-1", &[8; 32]));
        assert_ne!(one.folder("m-1", &bytes), other.folder("m-1", &bytes));
        assert_eq!(one.folder("m-1", &bytes).get_version_num(), 4);
        assert_ne!(one.tickets, one.folders);
    }
}
