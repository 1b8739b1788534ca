//! What NATS refuses to a service: said once of each kind, and counted.
//!
//! A denied permission shows nowhere else. A denied publication is just lost, a denied request times
//! out, a denied subscription stays silent.

use std::collections::HashSet;

use tokio::sync::watch;

/// Kinds that are told apart; further ones are only counted.
const KINDS: usize = 64;
/// Tokens of a subject that make a kind: `rt.7.m.general` is the same trouble as `rt.8.m.random`.
const TOKENS: usize = 1;
/// The same for requests to JetStream: `$JS.API.STREAM.INFO`.
const API_TOKENS: usize = 4;

/// The refusals of one connection.
pub(crate) struct Refusals {
    count: watch::Sender<u64>,
    said: HashSet<String>,
}

impl Refusals {
    /// Keeps the count in `count`.
    pub(crate) fn new(count: watch::Sender<u64>) -> Self {
        Self { count, said: HashSet::new() }
    }

    /// Takes note of an error that the server sent; the sentence to log, where it is a refusal of a new
    /// kind. `None` for one that is known.
    pub(crate) fn note(&mut self, error: &str) -> Option<String> {
        self.count.send_modify(|count| *count += 1);
        let denied = Denied::read(error);
        let kind = denied.as_ref().map_or_else(|| error.to_owned(), Denied::kind);
        if self.said.len() >= KINDS || !self.said.insert(kind) {
            return None;
        }
        Some(
            denied.map_or_else(
                || format!("NATS refused something: {error}"),
                |denied| denied.sentence(),
            ),
        )
    }
}

/// A permission that is missing.
#[derive(Debug, PartialEq, Eq)]
struct Denied {
    /// `publish to` or `subscribe to`
    action: &'static str,
    subject: String,
}

impl Denied {
    /// Reads `Permissions Violation for Publish to "subject"`.
    fn read(error: &str) -> Option<Self> {
        let (_, denied) = error.split_once("Permissions Violation for ")?;
        let (action, rest) = denied.split_once(" to \"")?;
        let action = match action {
            "Publish" => "publish to",
            "Subscription" => "subscribe to",
            _ => return None,
        };
        let (subject, _) = rest.split_once('"')?;
        Some(Self { action, subject: subject.to_owned() })
    }

    fn kind(&self) -> String {
        let tokens = if self.subject.starts_with("$JS.") { API_TOKENS } else { TOKENS };
        let leading: Vec<&str> = self.subject.split('.').take(tokens).collect();
        format!("{} {}", self.action, leading.join("."))
    }

    fn sentence(&self) -> String {
        let Self { action, subject } = self;
        format!(
            "NATS does not let this service {action} {subject}: its key is that of another role, or \
             infra/nats/roles.conf lacks the permission; this is said once of each kind"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_said_once_and_every_one_counted() {
        let (count, counted) = watch::channel(0);
        let mut refusals = Refusals::new(count);
        let table = [
            (r#"Permissions Violation for Publish to "rt.1.m.a""#, Some("publish to rt.1.m.a")),
            (r#"nats: Permissions Violation for Publish to "rt.2.m.b""#, None),
            (
                r#"Permissions Violation for Subscription to "rt.1.m.a""#,
                Some("subscribe to rt.1.m.a"),
            ),
            (r#"Permissions Violation for Subscription to "rt.>" using queue "q""#, None),
            (
                r#"Permissions Violation for Publish to "$JS.API.STREAM.PURGE.ROOMS""#,
                Some("publish to $JS.API.STREAM.PURGE.ROOMS"),
            ),
            (r#"Permissions Violation for Publish to "$JS.API.STREAM.DELETE.X""#, Some("DELETE.X")),
            (r#"Permissions Violation for Publish to "$JS.API.STREAM.DELETE.Y""#, None),
            ("maximum subscriptions exceeded", Some("maximum subscriptions exceeded")),
            ("maximum subscriptions exceeded", None),
        ];
        for (at, (error, expected)) in table.iter().enumerate() {
            let said = refusals.note(error);
            assert_eq!(said.is_some(), expected.is_some(), "{error}");
            assert!(said.unwrap_or_default().contains(expected.unwrap_or_default()), "{error}");
            assert_eq!(*counted.borrow(), at as u64 + 1);
        }
    }

    #[test]
    fn kinds_without_end_take_no_memory_without_end() {
        let mut refusals = Refusals::new(watch::channel(0).0);
        let said = (0..1_000).filter(|n| refusals.note(&format!("trouble {n}")).is_some()).count();
        assert_eq!((said, refusals.said.len()), (KINDS, KINDS));
    }
}
