//! What the way of a message asks for: nats-server, which stores it as it does for Starling, a bare worker, and
//! bare nodes, each of one thread.

use std::path::Path;

use anyhow::Context as _;
use local_stack::{
    data_folder::DataFolder,
    nats_process::{NatsOptions, NatsProcess, NatsSettings},
    provision::{ProvisionOptions, provision},
};

use super::{Cost, Load, bare_node, bare_worker, readers::Readers};
use crate::{chaos::topology::one_go_thread, compare::assistant::Assistant, cpu::Processes};

/// Has `nodes` bare nodes publish and deliver at the load's rate.
///
/// # Errors
/// When a process does not run, or not everything comes.
pub async fn measure(program: &Path, nodes: usize, load: &Load) -> anyhow::Result<Cost> {
    let nats = nats().await?;
    let nats_url = nats.url();
    let order = bare_worker::Order { nats_url, nodes, room_size: load.room_size };
    let mut worker = Assistant::start(program, bare_worker::SUBCOMMAND, &order).await?;
    let () = worker.answer().await?;
    let mut carriers = carriers(program, nodes, &nats, load).await?;
    let readers = Readers::default();
    let mut ports = Vec::new();
    for carrier in &mut carriers {
        ports.push(carrier.answer::<u16>().await?);
    }
    for client in 0..load.connections {
        readers.connect(ports[client % nodes]).await?;
    }
    for carrier in &mut carriers {
        let _: usize = carrier.answer().await?;
    }
    let pids = carriers.iter().chain([&worker]).map(Assistant::pid).collect::<Option<_>>();
    let servers = pids.context("a bare server has ended")?;
    let processes = Processes { servers, broker: nats.pid() };
    let before = processes.used();
    for carrier in &mut carriers {
        carrier.order(&"go").await?;
    }
    let mut deliveries = 0;
    for carrier in &mut carriers {
        deliveries += carrier.answer::<u64>().await? * load.room_size as u64;
    }
    readers.expect(deliveries).await?;
    let used = processes.used().since(&before);
    let seconds = used.server.zip(used.broker).map(|(servers, broker)| servers + broker);
    let seconds = seconds.context("the processor time of the bare servers cannot be read")?;
    Ok(Cost::of(seconds, deliveries))
}

/// A server with the streams of a new installation, as that of the compared system.
async fn nats() -> anyhow::Result<NatsProcess> {
    let options = NatsOptions { data: DataFolder::temporary()?, port: None };
    let settings = NatsSettings { environment: one_go_thread(), ..NatsSettings::default() };
    let nats = NatsProcess::start_with(options, settings).await?;
    let client = async_nats::connect(nats.url()).await?;
    provision(&client, &ProvisionOptions::default()).await?;
    Ok(nats)
}

async fn carriers(
    program: &Path,
    nodes: usize,
    nats: &NatsProcess,
    load: &Load,
) -> anyhow::Result<Vec<Assistant>> {
    let Load { connections, room_size, messages, duration, ref text } = *load;
    #[allow(clippy::cast_precision_loss)]
    let rate = messages / nodes as f64;
    let mut carriers = Vec::new();
    for index in 0..nodes {
        let (nats_url, text) = (nats.url(), text.clone());
        let order = bare_node::Order {
            nats_url,
            index,
            nodes,
            connections,
            room_size,
            rate,
            duration,
            text,
        };
        carriers.push(Assistant::start(program, bare_node::SUBCOMMAND, &order).await?);
    }
    Ok(carriers)
}
