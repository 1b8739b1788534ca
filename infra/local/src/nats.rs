//! The NATS of the stack: a server started here, or one that somebody else runs.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use service_shell::NatsUrl;

use crate::data_folder::DataFolder;
use crate::external_nats;
use crate::nats_process::{NatsOptions, NatsProcess};
use crate::provision::{ProvisionOptions, provision};

/// How often a server that was started here is looked at.
const POLL: Duration = Duration::from_millis(250);

/// A provisioned NATS.
#[derive(Debug)]
pub enum Nats {
    /// Started here, and stopped with the stack.
    Own(NatsProcess),
    /// Somebody else's, by its URL.
    External(String),
}

impl Nats {
    /// Reaches the server at `url`, or starts one with its data in the folder `data`, and provisions it.
    ///
    /// # Errors
    /// As [`external_nats::connect`], [`NatsProcess::start`] and [`provision`].
    pub async fn start(url: Option<&str>, data: &Path) -> anyhow::Result<Self> {
        let nats = if let Some(url) = url {
            Self::External(url.to_owned())
        } else {
            let data = DataFolder::kept(data)?;
            Self::Own(NatsProcess::start(NatsOptions { data, port: None }).await?)
        };
        let client = external_nats::connect(&nats.url()).await?;
        provision(&client, &ProvisionOptions::default()).await?;
        Ok(nats)
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        match self {
            Self::Own(process) => process.url(),
            Self::External(url) => url.clone(),
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
        match self {
            Self::Own(process) => Ok(process),
            Self::External(_) => bail!("the NATS server is not the stack's own: it is left alone"),
        }
    }

    /// Waits until the server ends by itself. Never returns for somebody else's.
    pub async fn ended(&mut self) -> anyhow::Error {
        let Self::Own(process) = self else {
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
        match self {
            Self::Own(mut process) => process.stop().await.context("cannot stop nats-server"),
            Self::External(_) => Ok(()),
        }
    }
}
