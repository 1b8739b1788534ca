//! Where the JavaScript tests ask for something to be done to the stack.

use std::future::IntoFuture as _;

use anyhow::ensure;
use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use local_stack::{
    external_nats, port,
    provision::{ProvisionOptions, provision},
    stack::Stack,
};
use serde::Deserialize;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use wire::{NatsRole, stream::DEFAULT_ROOM_CAP};

/// What to do, as JSON in a POST.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(tag = "action")]
pub enum Order {
    /// Stops a node as a deploy does, or as a crash with `kill`, and starts it again.
    #[serde(rename = "restart-node")]
    RestartNode {
        node: usize,
        #[serde(default)]
        kill: bool,
    },
    /// The same for a worker.
    #[serde(rename = "restart-worker")]
    RestartWorker {
        worker: usize,
        #[serde(default)]
        kill: bool,
    },
    /// The same for nats-server.
    #[serde(rename = "restart-nats")]
    RestartNats {
        #[serde(default)]
        kill: bool,
    },
    /// Makes every room keep so many messages; without a number as many as by default.
    #[serde(rename = "cap-rooms")]
    CapRooms { messages: Option<i64> },
}

/// What to do, and where the outcome goes.
pub type Request = (Order, oneshot::Sender<anyhow::Result<()>>);

/// A served endpoint; dropping it ends it.
pub struct Control {
    pub url: String,
    /// What is asked for.
    pub requests: mpsc::Receiver<Request>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Control {
    /// Serves the endpoint on a free port.
    pub async fn serve() -> anyhow::Result<Self> {
        let listener = port::listen_anywhere().await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (ask, requests) = mpsc::channel(1);
        let router = Router::new().route("/", post(answer)).with_state(ask);
        let server = tokio::spawn(axum::serve(listener, router).into_future());
        Ok(Self { url, requests, server })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(ask): State<mpsc::Sender<Request>>,
    Json(order): Json<Order>,
) -> (StatusCode, String) {
    let (tell, told) = oneshot::channel();
    let gone = (StatusCode::SERVICE_UNAVAILABLE, "the suite has ended".to_owned());
    if ask.send((order, tell)).await.is_err() {
        return gone;
    }
    match told.await {
        Ok(Ok(())) => (StatusCode::OK, String::new()),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{order:?}: {error:#}")),
        Err(_) => gone,
    }
}

/// Does what was asked for; everything serves again when this returns.
pub async fn act(stack: &mut Stack, order: Order) -> anyhow::Result<()> {
    match order {
        Order::RestartNode { node, kill } => {
            ensure!(node < stack.nodes(), "there is no node {node}");
            if kill {
                stack.kill_node(node).await;
            } else {
                stack.stop_node(node).await?;
            }
            stack.start_node(node).await
        }
        Order::RestartWorker { worker, kill } => {
            if kill {
                stack.kill_worker(worker).await;
            } else {
                stack.stop_worker(worker).await?;
            }
            stack.start_worker(worker).await
        }
        Order::RestartNats { kill } => {
            if kill {
                stack.kill_nats()?;
            }
            stack.restart_nats().await
        }
        Order::CapRooms { messages } => {
            let client = external_nats::connect(&stack.nats_args(NatsRole::Admin)?).await?;
            let room_cap = messages.or(Some(DEFAULT_ROOM_CAP));
            provision(&client, &ProvisionOptions { room_cap, ..ProvisionOptions::default() }).await
        }
    }
}
