//! Which node a client connects to: the nodes in turn, as a load balancer with health checks has it.

use std::{cell::Cell, rc::Rc, time::Duration};

use http::{Request, Uri};
use http_body_util::Full;
use tokio::time::{sleep, timeout};

use crate::http_exchange;

/// How often each node is asked whether it is ready, and how long the answer may take.
const CHECK: Duration = Duration::from_millis(250);
const ANSWER: Duration = Duration::from_secs(1);

/// The nodes, and which of them are ready.
#[derive(Debug)]
pub struct Balancer {
    nodes: Vec<Node>,
    next: Cell<usize>,
}

#[derive(Debug)]
struct Node {
    url: Uri,
    ready: Rc<Cell<bool>>,
}

impl Balancer {
    /// Over nodes that are ready now.
    #[must_use]
    pub fn new(urls: Vec<Uri>) -> Self {
        let node = |url| Node { url, ready: Rc::new(Cell::new(true)) };
        Self { nodes: urls.into_iter().map(node).collect(), next: Cell::new(0) }
    }

    /// The next node; an unready one only where none is ready.
    #[must_use]
    pub fn next(&self) -> usize {
        let count = self.nodes.len();
        let first = self.next.get();
        let chosen = (first..first + count).find(|node| self.nodes[node % count].ready.get());
        let chosen = chosen.unwrap_or(first);
        self.next.set((chosen + 1) % count);
        chosen % count
    }

    /// Where a node listens.
    #[must_use]
    pub fn url(&self, node: usize) -> &Uri {
        &self.nodes[node].url
    }

    /// Asks every node for its health, for ever.
    pub async fn watch(self: Rc<Self>) {
        let checks = self.nodes.iter().map(|node| async {
            loop {
                node.ready.set(is_ready(&node.url).await);
                sleep(CHECK).await;
            }
        });
        futures_util::future::join_all(checks).await;
    }
}

/// Whether a node says that it is ready.
pub async fn is_ready(url: &Uri) -> bool {
    let Ok(request) = Request::get(format!("{url}readyz")).body(Full::default()) else {
        return false;
    };
    matches!(timeout(ANSWER, http_exchange::send(request)).await, Ok(Ok((200, _))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unready_nodes_are_passed_over_unless_there_is_no_other() {
        let urls = ["http://a:1", "http://b:1", "http://c:1"].map(|url| url.parse().unwrap());
        let balancer = Balancer::new(urls.into());
        let turns = || (0..4).map(|_| balancer.next()).collect::<Vec<_>>();
        assert_eq!(turns(), [0, 1, 2, 0]);
        balancer.nodes[1].ready.set(false);
        assert_eq!(turns(), [2, 0, 2, 0]);
        balancer.nodes[0].ready.set(false);
        balancer.nodes[2].ready.set(false);
        assert_eq!(turns(), [1, 2, 0, 1]);
    }
}
