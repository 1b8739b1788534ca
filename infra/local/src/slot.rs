//! A place for a service in the stack: its name, address and settings stay while the service comes and goes.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::net::TcpListener;

use crate::service::Service;
use crate::{port, readiness};

/// Until a service must be ready: it connects, takes its leases and reads its part of the log.
const READY_DEADLINE: Duration = Duration::from_secs(30);

type Launch = Box<dyn Fn(TcpListener) -> anyhow::Result<Service> + Send + Sync>;

/// One service, running or not.
pub struct Slot {
    name: String,
    address: SocketAddr,
    launch: Launch,
    service: Option<Service>,
}

impl Slot {
    /// Starts a service on `listener`; `launch` starts it again later, on the same address.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        name: String,
        listener: TcpListener,
        launch: impl Fn(TcpListener) -> anyhow::Result<Service> + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("the listener has no address")?;
        let service = Some(launch(listener)?);
        Ok(Self { name, address, launch: Box::new(launch), service })
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until it answers that it is ready.
    ///
    /// # Errors
    /// When it takes too long, ends before, or does not run.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let service =
            self.service.as_ref().with_context(|| format!("{} does not run", self.name))?;
        tokio::select! {
            ready = readiness::wait(&self.name, self.address, READY_DEADLINE) => ready,
            error = service.ended() => Err(error),
        }
    }

    /// Starts it again on the same address and waits until it is ready.
    ///
    /// # Errors
    /// When it runs already, the port was taken meanwhile, or it does not become ready.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.service.is_none(), "{} runs already", self.name);
        let listener = port::listen(self.address, &self.name).await?;
        self.service = Some((self.launch)(listener)?);
        self.ready().await
    }

    /// Stops it as an operator does; does nothing where it does not run.
    ///
    /// # Errors
    /// As [`Service::stop`].
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        match self.service.take() {
            Some(service) => service.stop().await,
            None => Ok(()),
        }
    }

    /// Ends it as SIGKILL would; does nothing where it does not run.
    pub async fn kill(&mut self) {
        if let Some(service) = self.service.take() {
            service.kill().await;
        }
    }

    /// Waits until it ends by itself. Never returns where it does not run.
    pub async fn ended(&self) -> anyhow::Error {
        match &self.service {
            Some(service) => service.ended().await,
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("name", &self.name)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
