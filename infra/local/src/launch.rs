//! How each service is configured and started in the stack.

use anyhow::Context as _;
use service_shell::WebUrl;
use service_shell::token::{Secret, TokenArgs};
use tokio::net::TcpListener;
use wire::NatsRole;

use crate::nats::Nats;
use crate::s3::{BUCKET, REGION, S3};
use crate::service::Service;
use crate::slot::Slot;
use crate::stack_options::StackOptions;

/// The media worker's name, for people.
pub const MEDIA_NAME: &str = "the media worker";

/// A node's name, for people, who count from 1.
pub fn node_name(index: usize) -> String {
    format!("connection node {}", index + 1)
}

/// The seconds of grace that a token gets: everything here goes by one clock.
const LEEWAY: u64 = 2;

/// Tokens are signed with a secret of the stack's own making.
fn tokens(jwt_secret: &str) -> TokenArgs {
    TokenArgs { jwt_leeway: LEEWAY, ..TokenArgs::of_secret(Secret::own(jwt_secret)) }
}

/// Starts connection node `index`.
///
/// # Errors
/// As [`Service::start`], like those below.
pub fn connection_node(
    index: usize,
    listener: TcpListener,
    nats: &Nats,
    s3: &S3,
    media: WebUrl,
    options: &StackOptions,
    jwt_secret: &str,
) -> anyhow::Result<Slot> {
    let config = connection_node::Config {
        public_dir: Some(options.public.clone()),
        tokens: tokens(jwt_secret),
        dev_tokens: true,
        allowed_origins: vec!["*".to_owned()],
        socket_io_client_dir: options.socket_io_client.clone(),
        nats: nats.args(NatsRole::Node)?,
        media_url: Some(media),
        upload_url: Some(s3.endpoint().clone()),
        ..connection_node::Config::local(&nats.url())
    };
    let name = node_name(index);
    Slot::start(name.clone(), listener, move |listener| {
        let config = config.clone();
        Service::start(&name, listener, |listener, shutdown| {
            connection_node::run(config, listener, shutdown)
        })
    })
}

/// Starts fan-out worker `index`.
///
/// # Errors
/// As [`Service::start`].
pub fn fanout_worker(index: usize, listener: TcpListener, nats: &Nats) -> anyhow::Result<Slot> {
    let config = fanout_worker::Config {
        nats: nats.args(NatsRole::Fanout)?,
        ..fanout_worker::Config::local(&nats.url())
    };
    let name = format!("fan-out worker {}", index + 1);
    Slot::start(name.clone(), listener, move |listener| {
        let config = config.clone();
        Service::start(&name, listener, |listener, shutdown| {
            fanout_worker::run(config, listener, shutdown)
        })
    })
}

/// Starts the media worker.
///
/// # Errors
/// As [`Service::start`].
pub fn media_worker(
    listener: TcpListener,
    nats: &Nats,
    s3: &S3,
    options: &StackOptions,
    jwt_secret: &str,
) -> anyhow::Result<Slot> {
    let address = listener.local_addr().context("the listener has no address")?;
    let config = media_worker::Config {
        media_url: address.into(),
        tokens: tokens(jwt_secret),
        any_origin: true,
        s3_endpoint: Some(s3.endpoint().clone()),
        s3_bucket: BUCKET.to_owned(),
        s3_region: REGION.to_owned(),
        s3_access_key: Some(options.s3.access_key.clone()),
        s3_secret_key: Some(options.s3.secret_key.clone()),
        s3_force_path_style: true,
        nats: nats.args(NatsRole::Media)?,
        ..media_worker::Config::local(&nats.url())
    };
    Slot::start(MEDIA_NAME.to_owned(), listener, move |listener| {
        let config = config.clone();
        Service::start(MEDIA_NAME, listener, |listener, shutdown| {
            media_worker::run(config, listener, shutdown)
        })
    })
}
