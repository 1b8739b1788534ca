//! JSON Web Tokens: from a client's `auth.token` to who one is.
//!
//! With what tokens are checked is fixed by configuration and never taken from a token (RFC 8725
//! §3.1): the algorithm, the key, the issuer and the audience. What an identity may do in a room is
//! decided by [`Identity`]; when it is asked, and what happens at a token's end, is the services'
//! business.
//!
//! | file | owns |
//! | --- | --- |
//! | `args` | the settings, and the one kind of key that they choose |
//! | `secret` | secrets, and which of them anybody could guess |
//! | `algorithm` | the algorithms that there are |
//! | `jws` | a token's three parts and its header |
//! | `claims` | what a token says, and whether it says it now and here |
//! | `identity` | who one is, and which rooms one may enter |
//! | `key` | one key: a secret, from a PEM file, or of a key set |
//! | `key_set` | a JWKS: the keys of an issuer |
//! | `schedule` | when the key set is fetched; pure |
//! | `fetch` | one fetch, within bounds |
//! | `remote_keys` | the key set of a running service |
//! | `verifier` | all of it together: a token in, an identity out |
//! | `signer` | development tokens |

mod algorithm;
mod args;
mod claims;
mod fetch;
mod identity;
mod jws;
mod key;
mod key_set;
mod remote_keys;
mod schedule;
mod secret;
mod signer;
#[cfg(test)]
mod test_key;
#[cfg(test)]
mod tests;
mod verifier;

pub use algorithm::Algorithm;
pub use args::TokenArgs;
pub use identity::{Identity, MAX_NAME_BYTES, MAX_PATTERN_BYTES, MAX_PATTERNS, Role};
pub use jws::MAX_TOKEN_BYTES;
pub use remote_keys::KeyUpkeep;
pub use secret::Secret;
pub use signer::{Claims, Signer};
pub use verifier::{TokenError, Verifier};
