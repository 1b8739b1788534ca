//! Ready means usable: the moment a stack has started, a message goes from one node to another.

use futures_util::{SinkExt as _, StreamExt as _};
use jsonwebtoken::{EncodingKey, Header};
use local_stack::stack::Stack;
use local_stack::stack_options::StackOptions;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A Socket.IO client by hand: enough of the protocol to see that a real one could chat.
pub struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub async fn connect(stack: &Stack, node: usize, user: &str) -> Self {
        Self::connect_from(stack, node, user, json!({})).await
    }

    /// As one who was there before: `seen` has the last seq of each room.
    pub async fn connect_from(stack: &Stack, node: usize, user: &str, seen: Value) -> Self {
        let address = stack.node_url(node).replace("http://", "ws://");
        let url = format!("{address}/socket.io/?EIO=4&transport=websocket");
        let mut client = Self(connect_async(url).await.unwrap().0);
        client.packet("0").await;
        let token = token(stack.jwt_secret(), user);
        client.send(&format!("40{}", json!({ "token": token, "rooms": seen }))).await;
        client.packet("40").await;
        client
    }

    pub async fn send(&mut self, packet: &str) {
        self.0.send(Message::text(packet)).await.unwrap();
    }

    /// The next packet of this type, as JSON; answers pings meanwhile.
    async fn packet(&mut self, kind: &str) -> Value {
        loop {
            let message = self.0.next().await.unwrap().unwrap();
            let text = message.to_text().unwrap();
            if let Some(body) = text.strip_prefix(kind) {
                return serde_json::from_str(body).unwrap();
            }
            assert!(!text.starts_with("44"), "refused: {text}");
            if text == "2" {
                self.send("3").await;
            }
        }
    }

    /// Sends an event and waits for its acknowledgement.
    pub async fn ask(&mut self, name: &str, payload: Value) -> Value {
        self.send(&format!("427{}", json!([name, payload]))).await;
        self.packet("437").await[0].take()
    }

    /// The payload of the next event of this name.
    pub async fn event(&mut self, name: &str) -> Value {
        loop {
            let mut event = self.packet("42").await;
            if event[0] == name {
                return event[1].take();
            }
        }
    }
}

fn token(secret: &str, user: &str) -> String {
    let in_2100 = 4_102_444_800_u64;
    let claims = json!({ "sub": user, "name": user, "exp": in_2100 });
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap()
}

#[tokio::test]
async fn a_message_crosses_the_nodes_of_a_fresh_stack() {
    let stack = Stack::start(StackOptions::default()).await.unwrap();
    let mut reader = Client::connect(&stack, 1, "reader").await;
    // It follows the join: from here on the reader is a member.
    reader.event(wire::event::USER_LIST).await;
    let mut writer = Client::connect(&stack, 0, "writer").await;
    let ack = writer.ask(wire::event::CHAT_MESSAGE, json!({ "content": "across" })).await;
    assert_eq!(ack["status"], "success", "{ack}");
    let received = reader.event(wire::event::CHAT_MESSAGE).await;
    assert_eq!((&received["content"], &received["username"]), (&json!("across"), &json!("writer")));
    assert_eq!(received["seq"], ack["seq"]);
    stack.stop().await.unwrap();
}
