//! One service inside this process, on a runtime and threads of its own.
//!
//! That makes two ends possible: [`Service::stop`], as an operator stops it, and [`Service::kill`], as
//! a crash does, with every task and socket of the service gone at once and nobody told.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Threads of each service: two, so that what only goes wrong in parallel shows here too.
const THREADS: usize = 2;
/// Until a service that was asked to stop is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(20);
/// Until the threads of a killed service must be gone; they end at their tasks' next await.
const KILL_DEADLINE: Duration = Duration::from_secs(5);

/// How a service ended by itself: `Err` holds the reason.
pub type End = Result<(), String>;

/// A running service; dropping it kills it.
#[derive(Debug)]
pub struct Service {
    name: String,
    address: SocketAddr,
    shutdown: CancellationToken,
    /// `None` until the service has ended.
    end: watch::Receiver<Option<End>>,
    /// `None` only once it is given away to be shut down.
    runtime: Option<Runtime>,
}

impl Service {
    /// Starts `serve` on `listener`, which any runtime may have bound. `name` is for people.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn start<F, S>(
        name: impl Into<String>,
        listener: TcpListener,
        serve: S,
    ) -> anyhow::Result<Self>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
        S: FnOnce(TcpListener, CancellationToken) -> F + Send + 'static,
    {
        let name = name.into();
        let address = listener.local_addr().context("the listener has no address")?;
        let listener = listener.into_std().context("cannot hand the listener over")?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name(&name)
            .enable_all()
            .build()
            .with_context(|| format!("cannot start the threads of {name}"))?;
        let shutdown = CancellationToken::new();
        let (ended, end) = watch::channel(None);
        let token = shutdown.clone();
        let service =
            runtime.spawn(async move { serve(TcpListener::from_std(listener)?, token).await });
        runtime.spawn(async move {
            let outcome = match service.await {
                Ok(result) => result.map_err(|error| format!("{error:#}")),
                Err(error) => Err(format!("it panicked: {error}")),
            };
            ended.send_replace(Some(outcome));
        });
        Ok(Self { name, address, shutdown, end, runtime: Some(runtime) })
    }

    /// Its name, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it ends by itself, and says how in one sentence. Never returns for a killed service.
    pub fn ended(&self) -> impl Future<Output = anyhow::Error> + Send + use<> {
        let (mut end, name) = (self.end.clone(), self.name.clone());
        async move {
            match end.wait_for(Option::is_some).await.map(|end| end.clone()) {
                Ok(Some(Err(reason))) => anyhow!("{name} failed: {reason}"),
                Ok(_) => anyhow!("{name} ended although nobody asked it to"),
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// Asks it to stop, waits for its end, and kills it after 20 s.
    ///
    /// # Errors
    /// When the service failed, now or before, or had to be killed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        let ending =
            async { self.end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone()) };
        let Ok(end) = tokio::time::timeout(STOP_DEADLINE, ending).await else {
            bail!("{} did not stop within {STOP_DEADLINE:?} and was killed", self.name)
        };
        let name = self.name.clone();
        self.kill().await;
        match end {
            Some(Err(reason)) => Err(anyhow!("{name} failed: {reason}")),
            _ => Ok(()),
        }
    }

    /// Ends it as SIGKILL would: no task of it runs on, no socket of it is open when this returns.
    pub async fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            let ended =
                tokio::task::spawn_blocking(move || runtime.shutdown_timeout(KILL_DEADLINE));
            // It can only fail by a panic of the runtime itself.
            let _ = ended.await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        // A runtime refuses to block inside another one, so it is waited for on a thread outside.
        let ended = std::thread::spawn(move || runtime.shutdown_timeout(KILL_DEADLINE));
        if ended.join().is_err() {
            tracing::warn!("the threads of {} did not end well", self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpStream;

    use crate::port;

    /// Accepts connections and holds them until it is asked to stop.
    async fn hold(listener: TcpListener, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut held = Vec::new();
        while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
            held.push(accepted?);
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_killed_service_closes_its_sockets_and_frees_its_port() {
        let service = Service::start("held", port::listen_anywhere().await.unwrap(), hold).unwrap();
        let address = service.address();
        let mut client = TcpStream::connect(address).await.unwrap();
        service.kill().await;
        assert_eq!(client.read(&mut [0; 1]).await.unwrap_or(0), 0);
        port::listen(address, "the next one").await.unwrap();
    }

    #[tokio::test]
    async fn a_stopped_service_ends_in_peace() {
        let service = Service::start("held", port::listen_anywhere().await.unwrap(), hold).unwrap();
        service.stop().await.unwrap();
    }

    #[tokio::test]
    async fn failures_and_panics_are_told_in_one_sentence() {
        async fn fail(_: TcpListener, _: CancellationToken) -> anyhow::Result<()> {
            Err(anyhow!("no luck").context("cannot begin"))
        }
        async fn panic(_: TcpListener, _: CancellationToken) -> anyhow::Result<()> {
            panic!("oh")
        }
        async fn leave(_: TcpListener, _: CancellationToken) -> anyhow::Result<()> {
            Ok(())
        }
        async fn listener() -> TcpListener {
            port::listen_anywhere().await.unwrap()
        }
        let failing = Service::start("node 1", listener().await, fail).unwrap();
        assert_eq!(failing.ended().await.to_string(), "node 1 failed: cannot begin: no luck");
        assert_eq!(
            failing.stop().await.unwrap_err().to_string(),
            "node 1 failed: cannot begin: no luck"
        );
        let panicking = Service::start("node 2", listener().await, panic).unwrap();
        assert!(panicking.ended().await.to_string().starts_with("node 2 failed: it panicked"));
        let leaving = Service::start("node 3", listener().await, leave).unwrap();
        assert_eq!(leaving.ended().await.to_string(), "node 3 ended although nobody asked it to");
    }

    #[tokio::test]
    async fn dropping_inside_a_runtime_kills_it() {
        let service = Service::start("held", port::listen_anywhere().await.unwrap(), hold).unwrap();
        let address = service.address();
        drop(service);
        port::listen(address, "the next one").await.unwrap();
    }
}
