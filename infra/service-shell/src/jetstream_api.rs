//! Where JetStream answers requests.

use async_nats::{
    Client,
    jetstream::{
        Context,
        context::{ContextBuilder, No},
    },
};

/// The JetStream of the server at hand, or that of a domain behind it: a leaf stores nothing itself.
/// Publishing into a stream is the same for both; for buckets see [`Self::record`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JetStreamApi {
    prefix: String,
}

impl Default for JetStreamApi {
    fn default() -> Self {
        Self { prefix: "$JS.API".to_owned() }
    }
}

impl JetStreamApi {
    /// That of a domain.
    pub fn of_domain(name: &str) -> Self {
        Self { prefix: format!("$JS.{name}.API") }
    }

    /// The subject of a request (`STREAM.INFO.ROOMS`).
    pub fn subject(&self, request: &str) -> String {
        format!("{}.{request}", self.prefix)
    }

    /// Where a record of a bucket is published whose stream would store `subject`. A leaf passes a
    /// publication on only where what the hub subscribes to is permitted as a whole, and that is the
    /// whole bucket; requests to the domain, which buckets' records may be, it passes one by one.
    pub fn record(&self, subject: &str) -> String {
        if *self == Self::default() { subject.to_owned() } else { self.subject(subject) }
    }

    /// A context of the client library, with its defaults.
    pub fn context(&self, client: Client) -> Context {
        self.builder().build(client)
    }

    /// A context to be set up.
    pub fn builder(&self) -> ContextBuilder<No> {
        ContextBuilder::new().api_prefix(&*self.prefix)
    }
}
