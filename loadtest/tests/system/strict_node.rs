//! One more node beside a stack, whose limits a single client meets: those of the stack are off.

use anyhow::Context as _;
use connection_node::limits::{LimitSettings, Rate};
use local_stack::{port, service::Service, slot::Slot, stack::Stack};
use service_shell::token::{Secret, TokenArgs};
use wire::NatsRole;

/// The tests that want it.
pub const TESTS: &str = "limits.test.mjs";
/// Where they find its URL.
pub const URL: &str = "STARLING_STRICT_NODE";

/// Starts it and waits until it is ready.
pub async fn start(stack: &Stack) -> anyhow::Result<Slot> {
    let config = connection_node::Config {
        nats: stack.nats_args(NatsRole::Node)?,
        tokens: TokenArgs::of_secret(Secret::own(stack.jwt_secret())),
        limits: LimitSettings {
            limit_handshakes: Rate::new(1, 20),
            limit_socket_events: Rate::new(5, 10),
            limit_user_events: Rate::new(5, 25),
            ..LimitSettings::off()
        },
        ..connection_node::Config::local(&stack.nats_url())
    };
    let slot =
        Slot::start("strict-node".to_owned(), port::listen_anywhere().await?, move |listener| {
            let config = config.clone();
            Service::start("strict-node", listener, |listener, shutdown| {
                connection_node::run(config, listener, shutdown)
            })
        })?;
    slot.ready().await.context("the node with limits does not start")?;
    Ok(slot)
}
