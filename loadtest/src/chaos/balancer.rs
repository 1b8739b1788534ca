//! Which node a client connects to: the nodes in turn, as a load balancer with health checks has it.

use std::{cell::Cell, rc::Rc, time::Duration};

use anyhow::Context as _;
use http::{Request, Uri};
use http_body_util::Full;
use tokio::time::{sleep, timeout};

use crate::http_exchange;

/// How often each node is asked whether it is ready, and how long the answer may take.
const CHECK: Duration = Duration::from_millis(250);
const ANSWER: Duration = Duration::from_secs(1);
/// So many questions in a row go without an answer before a node counts as unready.
const UNANSWERED: u32 = 3;

/// The nodes, and which of them are ready.
#[derive(Debug)]
pub struct Balancer {
    nodes: Vec<Node>,
    next: Cell<usize>,
}

#[derive(Debug)]
struct Node {
    url: Uri,
    ready: Cell<bool>,
    /// Questions without an answer, in a row.
    unanswered: Cell<u32>,
}

/// What a node says of itself on `/readyz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// 200.
    Ready,
    /// 503.
    Unready,
    /// Nobody listens there.
    Refused,
    /// No answer in time, or another: it says nothing.
    Silent,
}

impl Balancer {
    /// Over nodes that are ready now.
    #[must_use]
    pub fn new(urls: Vec<Uri>) -> Self {
        let node = |url| Node { url, ready: Cell::new(true), unanswered: Cell::new(0) };
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
                node.learn(health(&node.url).await);
                sleep(CHECK).await;
            }
        });
        futures_util::future::join_all(checks).await;
    }
}

impl Node {
    /// One slow answer says nothing: a busy machine gives them too.
    fn learn(&self, health: Health) {
        let unanswered = if health == Health::Silent { self.unanswered.get() + 1 } else { 0 };
        self.unanswered.set(unanswered);
        match health {
            Health::Ready => self.ready.set(true),
            Health::Silent if unanswered < UNANSWERED => {}
            Health::Unready | Health::Refused | Health::Silent => self.ready.set(false),
        }
    }
}

/// Asks a node whether it is ready.
pub async fn health(url: &Uri) -> Health {
    let answer = async {
        let request = Request::get(format!("{url}readyz")).body(Full::default())?;
        let answer = timeout(ANSWER, http_exchange::send(request)).await;
        anyhow::Ok(answer.with_context(|| format!("no answer within {ANSWER:?}"))??.0)
    };
    match answer.await {
        Ok(200) => Health::Ready,
        Ok(503) => Health::Unready,
        Err(error) if is_refusal(&error) => Health::Refused,
        Ok(_) | Err(_) => Health::Silent,
    }
}

fn is_refusal(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|cause| cause.kind() == std::io::ErrorKind::ConnectionRefused)
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

    #[test]
    fn a_node_is_unready_by_its_word_or_its_absence_but_not_by_one_slow_answer() {
        use Health::{Ready, Refused, Silent, Unready};
        let table: [(&[Health], bool); 7] = [
            (&[Silent], true),
            (&[Silent, Silent, Ready, Silent, Silent], true),
            (&[Silent, Silent, Silent], false),
            (&[Unready], false),
            (&[Refused], false),
            (&[Refused, Silent], false),
            (&[Unready, Ready], true),
        ];
        for (told, ready) in table {
            let balancer = Balancer::new(vec!["http://a:1".parse().unwrap()]);
            for health in told {
                balancer.nodes[0].learn(*health);
            }
            assert_eq!(balancer.nodes[0].ready.get(), ready, "{told:?}");
        }
    }

    #[tokio::test]
    async fn where_nobody_listens_a_connection_is_refused_and_who_says_nothing_is_silent() {
        let listener = local_stack::port::listen_anywhere().await.unwrap();
        let url: Uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        assert_eq!(health(&url).await, Health::Silent);
        drop(listener);
        assert_eq!(health(&url).await, Health::Refused);
    }
}
