//! A Socket.IO client by hand: enough of the protocol to see that a real one could chat, send files and
//! administer.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use jsonwebtoken::{EncodingKey, Header};
use local_stack::stack::Stack;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use wire::{ErrorCode, event};

/// Longer than any failover.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection to one namespace.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// As it stands in packets: nothing for that of chat.
    namespace: &'static str,
}

impl Client {
    pub async fn connect(stack: &Stack, node: usize, user: &str) -> Self {
        Self::connect_from(stack, node, user, json!({})).await
    }

    /// As one who was there before: `seen` has the last seq of each room.
    pub async fn connect_from(stack: &Stack, node: usize, user: &str, seen: Value) -> Self {
        let token = token(stack.jwt_secret(), user, "user");
        let auth = json!({ "token": token, "rooms": seen });
        Self::enter(&stack.node_url(node), "", auth).await.unwrap()
    }

    /// Someone who may administer.
    pub async fn admin(stack: &Stack, node: usize) -> Self {
        let token = token(stack.jwt_secret(), "root", "admin");
        Self::enter(&stack.node_url(node), "/admin,", json!({ "token": token })).await.unwrap()
    }

    /// Connects to the node at `url`; where it lets nobody in so, its reason.
    pub async fn enter(url: &str, namespace: &'static str, auth: Value) -> Result<Self, Value> {
        let address = url.replace("http://", "ws://");
        let url = format!("{address}/socket.io/?EIO=4&transport=websocket");
        let mut client = Self { socket: connect_async(url).await.unwrap().0, namespace };
        timeout(PATIENCE, client.seek("0{")).await.unwrap();
        client.send(&format!("40{namespace}{auth}")).await;
        let answer = timeout(PATIENCE, client.seek("4")).await.unwrap();
        match answer.strip_prefix(&format!("4{namespace}")) {
            Some(refusal) => Err(serde_json::from_str(refusal).unwrap()),
            None => Ok(client),
        }
    }

    pub async fn send(&mut self, packet: &str) {
        self.socket.send(Message::text(packet)).await.unwrap();
    }

    /// Sends an event and waits for its acknowledgement.
    pub async fn ask(&mut self, name: &str, payload: Value) -> Value {
        self.send(&format!("42{}7{}", self.namespace, json!([name, payload]))).await;
        self.acknowledged().await
    }

    /// As [`Client::ask`], and again as often as the node says that it does not know whether it is
    /// done: a node is ready for a while without its connection to NATS.
    pub async fn insist(&mut self, name: &str, payload: Value) -> Value {
        let insisting = async {
            loop {
                let ack = self.ask(name, payload.clone()).await;
                if ack["code"] != ErrorCode::Unavailable.as_str() {
                    return ack;
                }
                let wait = ack["retryAfter"].as_u64().expect("not said when to try again");
                sleep(Duration::from_millis(wait)).await;
            }
        };
        timeout(PATIENCE, insisting).await.unwrap_or_else(|_| panic!("{name} is never done"))
    }

    /// Sends a file and waits for its acknowledgement.
    pub async fn send_file(&mut self, bytes: &'static [u8], about: Value) -> Value {
        let attachment = json!({ "_placeholder": true, "num": 0 });
        self.send(&format!("451-7{}", json!([event::SEND_FILE, attachment, about]))).await;
        self.socket.send(Message::binary(bytes)).await.unwrap();
        self.acknowledged().await
    }

    async fn acknowledged(&mut self) -> Value {
        let prefix = format!("43{}7", self.namespace);
        let ack = timeout(PATIENCE, self.seek(&prefix)).await.expect("no acknowledgement");
        serde_json::from_str::<Value>(&ack).unwrap()[0].take()
    }

    /// The payload of the next event of this name; those of other names are passed over.
    pub async fn event(&mut self, name: &str) -> Value {
        let [payload] = self.events([name]).await;
        payload
    }

    /// The payload of the next event of each of these names, in whichever order they come.
    pub async fn events<const N: usize>(&mut self, names: [&str; N]) -> [Value; N] {
        let prefix = format!("42{}", self.namespace);
        let mut found = [const { None }; N];
        let mut others = Vec::new();
        let seeking = async {
            while found.contains(&None) {
                let mut event: Value = serde_json::from_str(&self.seek(&prefix).await).unwrap();
                match names.iter().position(|name| event[0] == *name) {
                    Some(place) if found[place].is_none() => found[place] = Some(event[1].take()),
                    _ => others.push(event),
                }
            }
        };
        let sought = timeout(PATIENCE, seeking).await;
        sought.unwrap_or_else(|_| panic!("not all of {names:?}: {found:?}, besides {others:?}"));
        found.map(|payload| payload.expect("sought above"))
    }

    /// Waits until the node has sent the client away.
    pub async fn ended(mut self) {
        let prefix = format!("41{}", self.namespace);
        timeout(PATIENCE, self.seek(&prefix)).await.expect("the connection goes on");
    }

    /// What follows `prefix` in the next packet that has it; answers pings meanwhile.
    async fn seek(&mut self, prefix: &str) -> String {
        loop {
            let message = self.socket.next().await.expect("the connection has ended").unwrap();
            let text = message.to_text().unwrap();
            if let Some(body) = text.strip_prefix(prefix) {
                return body.to_owned();
            }
            if text == "2" {
                self.send("3").await;
            }
        }
    }
}

pub fn token(secret: &str, user: &str, role: &str) -> String {
    let in_2100 = 4_102_444_800_u64;
    let claims = json!({ "sub": user, "name": user, "role": role, "exp": in_2100 });
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap()
}
