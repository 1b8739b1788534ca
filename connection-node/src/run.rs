//! A node's life: start, serve, drain.

use std::{sync::Arc, time::Duration};

use service_shell::{BadConfiguration, token::Verifier};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    Config,
    admin::{self, AdminGateway, Desk, orders::Orders},
    api::{self, Api},
    edge::{self, Edge},
    engine::{Engine, Heard, READS},
    entrance::Entrance,
    expiry::Expiry,
    gateway::{self, Gateway},
    http::{self, Readiness},
    limits::Limits,
    metrics::Instruments,
    stay::House,
};

/// Runs a node on `listener` until `shutdown`; then it turns unready, closes its connections paced so
/// that clients find another node, gives up its rooms, and returns.
///
/// # Errors
/// [`BadConfiguration`] for settings that cannot work, a NATS server that does not answer at the
/// start, or streams that are not there.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let edge_config = config.edge().map_err(|error| BadConfiguration(error.to_string()))?;
    config.check_folders().map_err(|error| BadConfiguration(error.to_string()))?;
    let signer = config.signer().map_err(|error| BadConfiguration(error.to_string()))?;
    let (tokens, upkeep) = config.tokens.open()?;
    let (engine, Heard { asked, ban_changes }) = Box::pin(Engine::start(&config)).await?;
    let (tasks, stop) = (engine.io.tasks.clone(), engine.io.stop.clone());
    tasks.spawn(upkeep.run(stop.clone()));

    let (io_service, socket_io) = edge::build(&edge_config);
    let edge = Edge::new(edge_config);
    let limits = edge.limits().clone();
    tasks.spawn(limits.clone().sweep(stop.clone()));
    let house = House::new(Expiry::new(tokens.leeway()));
    let gateway = Arc::new(chat(&config, &engine, tokens.clone(), house.clone(), limits));
    tasks.spawn(house.expiry.clone().run(stop.clone()));
    gateway::register(&socket_io, gateway.clone());
    let desk = Desk { client: engine.io.client.clone(), bans: engine.bans.clone() };
    let (gateway_too, tasks_too) = (gateway.clone(), tasks.clone());
    let admins = AdminGateway { gateway: gateway_too, desk, tasks: tasks_too, stop: stop.clone() };
    admin::register(&socket_io, Arc::new(admins));

    let orders = Arc::new(Orders::new(&engine, house, edge.clone()));
    tasks.spawn(orders.clone().serve(asked, stop.clone()));
    let (bans, losses) = (engine.bans.clone(), engine.losses.clone());
    let banned = Box::new(move |bans: &[_]| orders.banned(bans));
    tasks.spawn(bans.follow(ban_changes, losses, banned, stop));

    let instruments = instruments(&engine, edge.clone());
    let api = api::router(Api { gateway: gateway.clone(), tokens: tokens.clone() });
    let readiness = Readiness::new(engine.down_since.clone(), config.nats_grace, tokens);
    let app = http::router(&config, signer, readiness.clone(), instruments, api);
    let accepting = CancellationToken::new();
    let turning = turn_away(shutdown, readiness, config.drain_delay, accepting.clone());
    let serving = edge::serve(listener, app, io_service, edge, accepting);
    tracing::info!(node = %engine.io.node, "serving");
    let ((), served) = tokio::join!(turning, serving);
    drop((gateway, socket_io));
    engine.stop().await;
    served
}

/// The chat namespace over the engine.
fn chat(
    config: &Config,
    engine: &Engine,
    tokens: Verifier,
    house: Arc<House>,
    limits: Arc<Limits>,
) -> Gateway {
    let io = &engine.io;
    let (bans, metrics) = (engine.bans.clone(), io.metrics.clone());
    Gateway {
        node: io.node.clone(),
        entrance: Entrance::new(tokens, house, bans, limits.clone(), metrics),
        limits,
        default_rooms: config.default_rooms.clone(),
        hub: engine.hub.clone(),
        publisher: io.publisher.clone(),
        reader: io.reader.clone(),
        teller: io.teller.clone(),
        uploads: engine.uploads.clone(),
        reads: io.reads.clone(),
        tasks: io.tasks.clone(),
        metrics: io.metrics.clone(),
    }
}

fn instruments(engine: &Engine, edge: Arc<Edge>) -> Instruments {
    let io = &engine.io;
    Instruments {
        metrics: io.metrics.clone(),
        edge,
        hub: engine.hub.clone(),
        publisher: io.publisher.clone(),
        uploads: engine.uploads.clone(),
        reads: io.reads.clone(),
        most_reads: READS,
        tasks: io.tasks.clone(),
        refusals: engine.refusals.clone(),
    }
}

/// Turns unready when told to stop, and stops accepting once that had time to be noticed.
async fn turn_away(
    shutdown: CancellationToken,
    readiness: Readiness,
    delay: Duration,
    accepting: CancellationToken,
) {
    shutdown.cancelled().await;
    readiness.drain();
    tokio::time::sleep(delay).await;
    accepting.cancel();
}
