//! Who takes part: nodes, workers, users.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// The longest node or worker id.
pub const MAX_ID_LENGTH: usize = 48;

/// An id that is no NATS subject token of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("id {0:?} is not valid; expected 1 to {MAX_ID_LENGTH} of a-z, 0-9 and '-'")]
pub struct IdError(String);

/// The random part of a run's id.
const SUFFIX_LENGTH: usize = 8;
/// The longest name of a process.
pub const MAX_NAME_LENGTH: usize = MAX_ID_LENGTH - SUFFIX_LENGTH - 1;

/// A name that cannot be part of an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a process; expected 1 to {MAX_NAME_LENGTH} of a-z, 0-9 and '-'")]
pub struct NameError(String);

macro_rules! process_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// # Errors
            /// When `id` is not 1 to [`MAX_ID_LENGTH`] of `a-z`, `0-9` and `-`.
            pub fn parse(id: &str) -> Result<Self, IdError> {
                let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
                if id.is_empty() || id.len() > MAX_ID_LENGTH || !id.bytes().all(legal) {
                    return Err(IdError(id.to_owned()));
                }
                Ok(Self(id.into()))
            }

            /// A new id for one run of a process that people call `name`: the name and a random
            /// suffix.
            ///
            /// # Errors
            /// When `name` is not 1 to [`MAX_NAME_LENGTH`] of `a-z`, `0-9` and `-`.
            pub fn for_run(name: &str) -> Result<Self, NameError> {
                let suffix = uuid::Uuid::new_v4().simple().to_string();
                Self::parse(&format!("{name}-{}", &suffix[..SUFFIX_LENGTH]))
                    .ok()
                    .filter(|_| !name.is_empty())
                    .ok_or_else(|| NameError(name.to_owned()))
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(id: String) -> Result<Self, Self::Error> {
                Self::parse(&id)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

process_id!(
    /// One run of a connection node. A restarted node has another id, so that what its former self
    /// held can be told from what it holds now.
    NodeId
);

process_id!(
    /// One run of a fan-out worker.
    WorkerId
);

/// A user as others see one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The token's `sub`.
    pub user_id: Arc<str>,
    /// The token's `name`, or its `sub` where there is none.
    pub username: Arc<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        assert!(NodeId::parse("node-1").is_ok());
        for bad in ["", "a.b", "A", "a b", "*", &"x".repeat(MAX_ID_LENGTH + 1)] {
            assert!(NodeId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_run_has_an_id_of_its_own() {
        let longest = "x".repeat(MAX_NAME_LENGTH);
        assert_eq!(NodeId::for_run(&longest).unwrap().as_str().len(), MAX_ID_LENGTH);
        assert_ne!(WorkerId::for_run("worker"), WorkerId::for_run("worker"));
        for bad in ["", "A", "a.b", &"x".repeat(MAX_NAME_LENGTH + 1)] {
            assert!(NodeId::for_run(bad).is_err(), "{bad:?}");
        }
    }
}
