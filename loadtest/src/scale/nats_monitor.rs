//! What a nats-server counts of what passes through it, as its monitoring tells (`/varz`,
//! `/connz`).

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};
use http::{Request, Uri};
use http_body_util::Full;
use serde::{Deserialize, de::DeserializeOwned};

use crate::http_exchange;

/// Messages and bytes since the server started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Varz {
    pub in_msgs: u64,
    pub out_msgs: u64,
    pub in_bytes: u64,
    pub out_bytes: u64,
}

#[derive(Deserialize)]
struct Connz {
    connections: Vec<Connection>,
}

#[derive(Deserialize)]
struct Connection {
    #[serde(default)]
    name: String,
    #[serde(flatten)]
    counts: Varz,
}

#[derive(Deserialize)]
struct Ports {
    monitoring: Vec<String>,
}

/// Where the server with its files in `folder` tells of itself.
///
/// # Errors
/// When it has written no file of its ports.
pub fn address(folder: &Path) -> anyhow::Result<Uri> {
    let files =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = files.filter_map(|entry| Some(entry.ok()?.path()));
    let file = paths
        .find(|path| path.extension().is_some_and(|extension| extension == "ports"))
        .with_context(|| format!("nats-server has named no ports in {}", folder.display()))?;
    let text = fs::read_to_string(&file)?;
    let ports: Ports = serde_json::from_str(&text)
        .with_context(|| format!("{} does not name the ports: {text}", file.display()))?;
    let first = ports.monitoring.first().context("nats-server has no monitoring")?;
    Ok(first.parse()?)
}

/// Asks the server that tells of itself at `base`.
///
/// # Errors
/// When it does not answer.
pub async fn varz(base: &Uri) -> anyhow::Result<Varz> {
    ask(base, "varz").await
}

/// What passes between the server and those of its clients that are open, and whose names begin with `kind`.
///
/// # Errors
/// When the server does not answer.
pub async fn of_clients(base: &Uri, kind: &str) -> anyhow::Result<Varz> {
    let connz: Connz = ask(base, "connz").await?;
    let of_kind = connz.connections.into_iter().filter(|client| client.name.starts_with(kind));
    Ok(of_kind.fold(Varz::default(), |sum, Connection { counts, .. }| Varz {
        in_msgs: sum.in_msgs + counts.in_msgs,
        out_msgs: sum.out_msgs + counts.out_msgs,
        in_bytes: sum.in_bytes + counts.in_bytes,
        out_bytes: sum.out_bytes + counts.out_bytes,
    }))
}

async fn ask<T: DeserializeOwned>(base: &Uri, what: &str) -> anyhow::Result<T> {
    let url = format!("{}/{what}", base.to_string().trim_end_matches('/'));
    let (status, body) = http_exchange::send(Request::get(&url).body(Full::default())?).await?;
    ensure!(status == 200, "{url} answered {status}; expected 200 and counts");
    serde_json::from_slice(&body).with_context(|| format!("{url} tells no counts"))
}
