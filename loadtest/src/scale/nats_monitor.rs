//! What a nats-server counts of what passes through it, as its monitoring tells (`/varz`).

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};
use http::{Request, Uri};
use http_body_util::Full;
use serde::Deserialize;

use crate::http_exchange;

/// Messages and bytes since the server started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Varz {
    pub in_msgs: u64,
    pub out_msgs: u64,
    pub in_bytes: u64,
    pub out_bytes: u64,
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
    let url = format!("{}/varz", base.to_string().trim_end_matches('/'));
    let (status, body) = http_exchange::send(Request::get(&url).body(Full::default())?).await?;
    ensure!(status == 200, "{url} answered {status}; expected 200 and counts");
    serde_json::from_slice(&body).with_context(|| format!("{url} tells no counts"))
}
