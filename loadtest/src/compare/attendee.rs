//! A client that drops its connection and comes back when it is told to.

use std::{cell::RefCell, rc::Rc};

use http::Uri;
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
};
use wire::{client::SendChat, event};

use super::{
    absence::{Attendance, CONTENT},
    contender::Recovery,
    line::Line,
    session::Session,
};
use crate::{
    client::dial,
    http_exchange,
    packet::{self, ChatArrived, Incoming},
};

/// Orders that wait for a client.
const ORDERS: usize = 1_024;

/// Who it is and where it goes.
#[derive(Debug, Clone)]
pub struct Seat {
    pub number: usize,
    /// It comes back through the next one, as a client behind a load balancer may.
    pub nodes: Vec<Uri>,
    pub token: Option<String>,
    pub room: String,
    pub recovery: Recovery,
}

#[derive(Debug)]
enum Order {
    Say(u64),
    Drop,
    Return(oneshot::Sender<anyhow::Result<()>>),
}

/// A client; it ends when this is dropped.
#[derive(Debug)]
pub struct Attendee {
    orders: mpsc::Sender<Order>,
}

impl Attendee {
    /// Connects and joins; it then lives in a local task.
    ///
    /// # Errors
    /// When it cannot enter.
    pub async fn enter(seat: Seat, attendance: Rc<RefCell<Attendance>>) -> anyhow::Result<Self> {
        let session = Session::new(seat.recovery, seat.room.clone());
        let mut life = Life { seat, session, attendance, connections: 0, line: None };
        life.connect().await?;
        let (orders, received) = mpsc::channel(ORDERS);
        tokio::task::spawn_local(life.live(received));
        Ok(Self { orders })
    }

    /// Has it say message `index`; `false` where it cannot.
    #[must_use]
    pub fn say(&self, index: u64) -> bool {
        self.orders.try_send(Order::Say(index)).is_ok()
    }

    /// Has it lose its connection, without a word to the server.
    pub async fn leave(&self) {
        // One that has ended has no connection either.
        let _ = self.orders.send(Order::Drop).await;
    }

    /// Has it come back.
    ///
    /// # Errors
    /// When it cannot enter.
    pub async fn come_back(&self) -> anyhow::Result<()> {
        let (done, returned) = oneshot::channel();
        self.orders.send(Order::Return(done)).await?;
        returned.await?
    }
}

struct Life {
    seat: Seat,
    session: Session,
    attendance: Rc<RefCell<Attendance>>,
    connections: usize,
    line: Option<Line<TcpStream>>,
}

impl Life {
    async fn live(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            let frame = tokio::select! {
                order = orders.recv() => {
                    let Some(order) = order else { return };
                    self.obey(order).await;
                    continue;
                }
                frame = next(&mut self.line) => frame,
            };
            match frame {
                Ok(frame) => self.heard(&frame),
                // A connection that the server has closed is a loss that the attendance shows.
                Err(_) => self.line = None,
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Say(index) => {
                let content = packet::content(index, CONTENT);
                let room = Some(self.seat.room.clone());
                let chat = SendChat { room, content, client_message_id: None };
                if let Some(line) = &mut self.line {
                    // What is not sent is not acknowledged.
                    let _ = line.send(packet::event(index, event::CHAT_MESSAGE, &chat)).await;
                }
            }
            Order::Drop => self.line = None,
            Order::Return(done) => {
                // Nobody waits for one whose run is over.
                let _ = done.send(self.connect().await);
            }
        }
    }

    async fn connect(&mut self) -> anyhow::Result<()> {
        let Seat { number, nodes, token, room, .. } = self.seat.clone();
        let node = &nodes[(number + self.connections) % nodes.len()];
        self.connections += 1;
        let authority = http_exchange::authority(node)?;
        let stream = dial(&authority, None).await?;
        stream.set_nodelay(true)?;
        let shown = self.session.shown(token);
        let opening = Line::open(stream, &authority, &shown, |frame| self.heard(frame));
        let (mut line, connected) = opening.await?;
        if !self.session.connected(&connected) {
            line.join(&room, |frame| self.heard(frame)).await?;
        }
        self.line = Some(line);
        Ok(())
    }

    fn heard(&mut self, frame: &str) {
        match Incoming::read(frame) {
            Incoming::Event(event) => {
                let Some(chat) = ChatArrived::read(event) else { return };
                self.session.heard(event, chat);
                self.attendance.borrow_mut().arrived(self.seat.number, chat.index);
            }
            Incoming::Ack { id, body } => {
                self.attendance.borrow_mut().answered(id, packet::is_success(body));
            }
            _ => {}
        }
    }
}

/// The next packet; never, where there is no connection.
async fn next(
    line: &mut Option<Line<TcpStream>>,
) -> anyhow::Result<tokio_tungstenite::tungstenite::Utf8Bytes> {
    match line {
        Some(line) => line.next().await,
        None => std::future::pending().await,
    }
}
