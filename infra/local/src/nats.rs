//! The NATS of the stack: a server started here, or one that somebody else runs.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use service_shell::{BadConfiguration, NatsArgs, NatsUrl};
use wire::NatsRole;

use crate::data_folder::DataFolder;
use crate::external_nats;
use crate::nats_keys::{NatsKeys, SINGLE};
use crate::nats_process::{NatsOptions, NatsProcess, NatsSettings};
use crate::provision::{ProvisionOptions, provision};

/// How often a server that was started here is looked at.
const POLL: Duration = Duration::from_millis(250);

/// A provisioned NATS.
#[derive(Debug)]
pub struct Nats {
    server: Server,
    /// By which services get in; without them everyone may do everything.
    keys: Option<NatsKeys>,
}

#[derive(Debug)]
enum Server {
    /// Started here, and stopped with the stack.
    Own(NatsProcess),
    /// Somebody else's, by its URL.
    External(String),
}

impl Nats {
    /// Reaches the server at `url`, or starts one with its data in the folder `data`, and provisions it;
    /// with the folder `keys` each role gets in by its own.
    ///
    /// # Errors
    /// As [`external_nats::connect`], [`NatsProcess::start`], [`NatsKeys::open_or_make`] and [`provision`].
    pub async fn start(
        url: Option<&str>,
        keys: Option<&Path>,
        data: &Path,
    ) -> anyhow::Result<Self> {
        let (server, keys) = match url {
            Some(url) => (Server::External(url.to_owned()), keys.map(NatsKeys::open).transpose()?),
            None => own(keys, data).await?,
        };
        let nats = Self { server, keys };
        let client = external_nats::connect(&nats.args(NatsRole::Admin)?).await?;
        provision(&client, &ProvisionOptions::default()).await?;
        Ok(nats)
    }

    /// How `role` connects.
    ///
    /// # Errors
    /// [`BadConfiguration`] for a malformed URL.
    pub fn args(&self, role: NatsRole) -> Result<NatsArgs, BadConfiguration> {
        let nats_url = self.url().parse().map_err(BadConfiguration)?;
        let access = self.keys.as_ref().map(|keys| keys.access(role)).unwrap_or_default();
        Ok(NatsArgs { nats_url, access })
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        match &self.server {
            Server::Own(process) => process.url(),
            Server::External(url) => url.clone(),
        }
    }

    /// Where it is, for people: without a user and password.
    pub fn place(&self) -> String {
        match self.url().parse::<NatsUrl>() {
            Ok(url) => url.to_string(),
            Err(trouble) => trouble,
        }
    }

    /// The process, for tests of its failures.
    ///
    /// # Errors
    /// When it is somebody else's.
    pub fn process(&mut self) -> anyhow::Result<&mut NatsProcess> {
        match &mut self.server {
            Server::Own(process) => Ok(process),
            Server::External(_) => {
                bail!("the NATS server is not the stack's own: it is left alone")
            }
        }
    }

    /// Waits until the server ends by itself. Never returns for somebody else's.
    pub async fn ended(&mut self) -> anyhow::Error {
        let Server::Own(process) = &mut self.server else {
            return std::future::pending().await;
        };
        loop {
            if let Some(status) = process.exited() {
                return anyhow!(
                    "nats-server ended with {status}: see nats-server.log in the data folder"
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Stops a server that was started here.
    ///
    /// # Errors
    /// When it does not end well.
    pub async fn stop(self) -> anyhow::Result<()> {
        match self.server {
            Server::Own(mut process) => process.stop().await.context("cannot stop nats-server"),
            Server::External(_) => Ok(()),
        }
    }
}

async fn own(keys: Option<&Path>, data: &Path) -> anyhow::Result<(Server, Option<NatsKeys>)> {
    let keys = keys.map(NatsKeys::open_or_make).transpose()?;
    let settings = match &keys {
        Some(keys) => keys.server(SINGLE)?,
        None => NatsSettings::default(),
    };
    let options = NatsOptions { data: DataFolder::kept(data)?, port: None };
    Ok((Server::Own(NatsProcess::start_with(options, settings).await?), keys))
}
