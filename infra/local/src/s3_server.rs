//! One S3 server that is started here: embedded in this process, `minio` or `weed`.
//!
//! Owns its process or its threads. Which one the stack takes, and the bucket, are [`crate::s3`]'s.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::Context as _;
use service_shell::WebUrl;

use crate::leashed_child::LeashedChild;
use crate::s3::S3Options;
use crate::service::Service;
use crate::{embedded_s3, port, weed};

/// Which server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum S3Kind {
    /// In this process.
    Embedded,
    /// This `minio`.
    Minio(PathBuf),
    /// This `weed`, `SeaweedFS`' server.
    Seaweed(PathBuf),
}

impl S3Kind {
    /// For people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Minio(_) => "minio",
            Self::Seaweed(_) => "weed",
        }
    }
}

/// A running server; dropping it kills it.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    running: Running,
}

#[derive(Debug)]
enum Running {
    Here(Service),
    Child(&'static str, LeashedChild),
}

impl S3Server {
    /// Starts one on `port` of the loopback, which keeps its files and its log in `data`. Whether it answers
    /// yet is for its clients to find out.
    ///
    /// # Errors
    /// When the folder cannot be written or the server not be started.
    pub async fn start(
        kind: &S3Kind,
        port: u16,
        options: &S3Options,
        data: &Path,
    ) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (access_key, secret_key) = (&options.access_key, &options.secret_key);
        let files = match kind {
            S3Kind::Embedded => data.join("objects"),
            other => data.join(other.name()),
        };
        std::fs::create_dir_all(&files)
            .with_context(|| format!("cannot create {}", files.display()))?;
        let (command, environment) = match kind {
            S3Kind::Embedded => {
                let server = embedded_s3::service(&files, access_key, secret_key)?;
                let listener = port::listen(address, "the embedded S3").await?;
                let serve = |listener, shutdown| embedded_s3::serve(server, listener, shutdown);
                let service = Service::start("the embedded S3", listener, serve)?;
                return Ok(Self { address, running: Running::Here(service) });
            }
            S3Kind::Minio(binary) => {
                let options = ["server", "--quiet", "--address", &address.to_string()];
                let mut command = vec![binary.into()];
                command.extend(options.map(Into::into));
                command.push(files.into_os_string());
                let keys = [
                    ("MINIO_ROOT_USER", access_key.as_str()),
                    ("MINIO_ROOT_PASSWORD", secret_key.as_str()),
                ];
                (command, keys.to_vec())
            }
            S3Kind::Seaweed(binary) => {
                // It puts a socket into the folder for temporary files.
                let place = files.to_str().context("the data folder has no name in UTF-8")?;
                (weed::command(binary, port, options, &files).await?, vec![("TMPDIR", place)])
            }
        };
        let name = kind.name();
        let log = data.join(format!("{name}.log"));
        let child = LeashedChild::spawn(name, &command, &environment, &log)?;
        Ok(Self { address, running: Running::Child(name, child) })
    }

    /// A port that is free just now, for [`S3Server::start`].
    ///
    /// # Errors
    /// When none is.
    pub async fn free_port() -> anyhow::Result<u16> {
        Ok(port::listen_anywhere().await?.local_addr()?.port())
    }

    /// Its URL, for path-style requests.
    pub fn endpoint(&self) -> WebUrl {
        self.address.into()
    }

    /// Whether it can be told which files expire. The embedded one cannot, logs such a request as an error of
    /// its own, and keeps every file.
    pub fn expires(&self) -> bool {
        matches!(self.running, Running::Child(..))
    }

    /// How its process ended by itself, and its name; `None` while it runs, and for the embedded one.
    ///
    /// # Errors
    /// When the operating system refuses to tell.
    pub fn exited(&mut self) -> anyhow::Result<Option<(&'static str, ExitStatus)>> {
        match &mut self.running {
            Running::Here(_) => Ok(None),
            Running::Child(name, child) => Ok(child.ended()?.map(|status| (*name, status))),
        }
    }

    /// Waits until the embedded server ends by itself. Never returns for another kind.
    pub async fn ended(&self) -> anyhow::Error {
        match &self.running {
            Running::Here(service) => service.ended().await,
            Running::Child(..) => std::future::pending().await,
        }
    }

    /// Stops it, as an operator does.
    ///
    /// # Errors
    /// When it does not end well.
    pub async fn stop(self) -> anyhow::Result<()> {
        match self.running {
            Running::Here(service) => service.stop().await,
            Running::Child(_, child) => child.stop().await,
        }
    }

    /// Kills it, as a crash does.
    ///
    /// # Errors
    /// When the operating system refuses to.
    pub async fn kill(self) -> anyhow::Result<()> {
        match self.running {
            Running::Here(service) => service.kill().await,
            Running::Child(_, child) => child.kill()?,
        }
        Ok(())
    }
}
