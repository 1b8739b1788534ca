//! The ports of a stack's services.

use std::net::{Ipv4Addr, SocketAddr};

use service_shell::BadConfiguration;
use tokio::net::TcpListener;

use crate::stack_options::{MEDIA_PORT_OFFSET, StackOptions};
use crate::{launch, port};

/// Every port of the services, bound before anything is started.
#[derive(Debug)]
pub struct Listeners {
    pub nodes: Vec<TcpListener>,
    pub workers: Vec<TcpListener>,
    pub media: TcpListener,
}

impl Listeners {
    /// Binds them as the options say.
    ///
    /// # Errors
    /// [`BadConfiguration`] that names a port which is in use or beyond 65535.
    pub async fn bind(options: &StackOptions) -> anyhow::Result<Self> {
        let mut nodes = Vec::new();
        for index in 0..options.nodes {
            nodes.push(Self::at(options.base_port, index, &launch::node_name(index)).await?);
        }
        let mut workers = Vec::new();
        for _ in 0..options.workers {
            workers.push(port::listen_anywhere().await?);
        }
        let media =
            Self::at(options.base_port, MEDIA_PORT_OFFSET.into(), launch::MEDIA_NAME).await?;
        Ok(Self { nodes, workers, media })
    }

    async fn at(base: Option<u16>, offset: usize, what: &str) -> anyhow::Result<TcpListener> {
        let Some(base) = base else {
            return port::listen_anywhere().await;
        };
        let wanted = usize::from(base) + offset;
        let port = u16::try_from(wanted).map_err(|_| {
            BadConfiguration(format!(
                "port {wanted}, wanted for {what}, is beyond 65535: choose a lower --port"
            ))
        })?;
        port::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), what).await
    }
}
