//! What a stack is made of.

use std::path::{Path, PathBuf};

use crate::s3::S3Options;

/// How far the media worker's port is from that of the first node.
pub const MEDIA_PORT_OFFSET: u16 = 100;

/// The settings of a [`crate::stack::Stack`].
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// How many connection nodes. Default 2; at most [`MEDIA_PORT_OFFSET`] with a base port.
    pub nodes: usize,
    /// How many fan-out workers. Default 2.
    pub workers: usize,
    /// The port of the first node; the others follow, the media worker is 100 further. By default
    /// every port is a free one.
    pub base_port: Option<u16>,
    /// The folder for everything that outlives a restart. By default one that is removed at the end.
    pub data: Option<PathBuf>,
    /// A NATS server that somebody else runs. By default one is started.
    pub nats_url: Option<String>,
    /// A folder of [`crate::nats_keys`], by which each service gets in as its own role; one that is empty
    /// is filled where a server is started. By default everyone may do everything.
    pub nats_keys: Option<PathBuf>,
    /// The S3 to use. By default one is started.
    pub s3: S3Options,
    /// The folder of the browser client's page.
    pub public: PathBuf,
    /// The folder with the built files of `socket.io-client`, served under `/vendor/`; see
    /// [`crate::socket_io_client`]. By default none is served, which suits clients that are no browsers.
    pub socket_io_client: Option<PathBuf>,
}

impl Default for StackOptions {
    fn default() -> Self {
        Self {
            nodes: 2,
            workers: 2,
            base_port: None,
            data: None,
            nats_url: None,
            nats_keys: None,
            s3: S3Options::default(),
            public: default_public(),
            socket_io_client: None,
        }
    }
}

/// The folder `public` of the source tree that this was built from.
pub fn default_public() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).unwrap_or(here);
    root.join("public")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_source_tree_is_the_default() {
        assert!(default_public().join("package.json").is_file());
    }
}
