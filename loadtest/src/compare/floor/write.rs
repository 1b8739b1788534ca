//! What the kernel alone asks for a delivery.

use std::path::Path;

use anyhow::Context as _;

use super::{
    Cost, Load,
    bare_write::{Order, SUBCOMMAND},
    readers::Readers,
};
use crate::{compare::assistant::Assistant, cpu::Processes};

/// Has one process write at the load's rate.
///
/// # Errors
/// When it does not run, or not everything comes.
pub async fn measure(program: &Path, load: &Load) -> anyhow::Result<Cost> {
    let Load { connections, room_size, messages, duration, ref text } = *load;
    let order = Order { connections, room_size, rate: messages, duration, text: text.clone() };
    let mut writer = Assistant::start(program, SUBCOMMAND, &order).await?;
    let port: u16 = writer.answer().await?;
    let readers = Readers::default();
    for _ in 0..connections {
        readers.connect(port).await?;
    }
    let _: usize = writer.answer().await?;
    let pid = writer.pid().context("the bare server has ended")?;
    let processes = Processes { servers: vec![pid], broker: None };
    let before = processes.used();
    writer.order(&"go").await?;
    let deliveries: u64 = writer.answer().await?;
    let used = processes.used().since(&before).server;
    let seconds = used.context("the processor time of the bare server cannot be read")?;
    readers.expect(deliveries).await?;
    Ok(Cost::of(seconds, deliveries))
}
