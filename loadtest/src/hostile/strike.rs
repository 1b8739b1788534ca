//! Sending one input on a connection of its own, and seeing what the node does.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use fastrand::Rng;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout_at},
};

use super::{
    frame,
    http::{POLLING, WEBSOCKET},
    input::{Expect, Input, Kind, Stage},
};

/// How long to listen where nothing has to come.
const PATIENCE: Duration = Duration::from_millis(150);
/// How long an answer, or an end, may take where one has to come; beyond every limit of a node.
const DEADLINE: Duration = Duration::from_mins(1);
/// What one says who wants to send compressed messages.
const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
/// What is kept of what comes.
const KEPT: usize = 64 << 10;
/// What the node says to one who enters a namespace, and to one who may not.
const ENTERED: [&[u8]; 2] = [b"40{\"sid\"", b"40/admin,{\"sid\""];
const REFUSED: [&[u8]; 2] = [b"44{", b"44/admin,{"];

/// What the node did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reaction {
    /// A limit kept the sender out before it came to send the input.
    ShutOut,
    /// An HTTP status of 400 or more, or a refusal to enter.
    Refused,
    /// The connection was ended.
    Ended,
    /// Something else came back.
    Answered,
    /// Nothing.
    Ignored,
}

/// What came of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Struck {
    pub kind: Kind,
    pub reaction: Reaction,
    /// What should not have come of it.
    pub breach: Option<String>,
}

/// One who sends hostile inputs.
#[derive(Debug, Clone)]
pub struct Attacker {
    pub target: SocketAddr,
    pub from: IpAddr,
    /// A good token, by which it comes as far as some inputs have to.
    pub token: String,
}

/// What was read, and whether the connection has ended.
#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    ended: bool,
}

impl Attacker {
    /// Sends an input.
    pub async fn strike(&self, input: &Input) -> Struck {
        let struck = match input.stage {
            Stage::Tcp => self.by_tcp(input).await,
            Stage::WebSocket | Stage::Member => self.by_websocket(input).await,
            Stage::Session | Stage::SessionMember => self.by_polling(input).await,
        };
        // Whoever is ended while he opens a connection is shut out.
        let (reaction, breach) = struck.unwrap_or((Reaction::ShutOut, None));
        Struck { kind: input.kind, reaction, breach }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.from, 0).into())?;
        socket.connect(self.target).await
    }

    async fn by_tcp(&self, input: &Input) -> io::Result<(Reaction, Option<String>)> {
        let mut stream = self.connect().await?;
        let whole = |heard: &Heard| status(&heard.bytes).is_some();
        let heard = send(&mut stream, input, whole).await;
        let status = status(&heard.bytes);
        let good = status.filter(|status| *status < 400 && input.expect == Expect::Refusal);
        Ok((judge(&heard, status), good.map(wrongly_good).or_else(|| missing(input, &heard))))
    }

    async fn by_websocket(&self, input: &Input) -> io::Result<(Reaction, Option<String>)> {
        let mut stream = self.connect().await?;
        let offer = if input.kind == Kind::Deflated { OFFER } else { "" };
        let request = format!(
            "GET {WEBSOCKET} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut heard = Heard::default();
        heard.until(&mut stream, DEADLINE, |heard| status(&heard.bytes).is_some()).await;
        if status(&heard.bytes) != Some(101) {
            return Ok((Reaction::ShutOut, None));
        }
        if input.stage == Stage::Member {
            let enter = format!("40{{\"token\":\"{}\"}}", self.token);
            // The mask may be any.
            let enter = frame::text(&mut Rng::with_seed(0), enter.as_bytes());
            stream.write_all(&enter).await?;
            heard.until(&mut stream, DEADLINE, Heard::is_told).await;
            if !heard.has(&ENTERED) {
                return Ok((Reaction::ShutOut, None));
            }
        }
        let outside = input.expect == Expect::Outside;
        let heard = send(&mut stream, input, |heard| outside && heard.is_told()).await;
        let entered = (outside && heard.has(&ENTERED)).then(|| "was let in".to_owned());
        let reaction = if heard.has(&REFUSED) { Reaction::Refused } else { judge(&heard, None) };
        Ok((reaction, entered.or_else(|| missing(input, &heard))))
    }

    async fn by_polling(&self, input: &Input) -> io::Result<(Reaction, Option<String>)> {
        let opened = self.request("GET", POLLING, b"").await?;
        let Some(sid) = session(&opened) else { return Ok((Reaction::ShutOut, None)) };
        let target = format!("{POLLING}&sid={sid}");
        if input.stage == Stage::SessionMember {
            let enter = format!("40{{\"token\":\"{}\"}}", self.token);
            self.request("POST", &target, enter.as_bytes()).await?;
            if !self.is_let_in(&target).await? {
                return Ok((Reaction::ShutOut, None));
            }
        }
        let mut heard = Heard::default();
        for part in &input.parts {
            heard = self.request("POST", &target, part).await?;
        }
        let status = status(&heard.bytes);
        let good = status.filter(|status| *status < 400 && input.expect == Expect::Refusal);
        Ok((judge(&heard, status), good.map(wrongly_good)))
    }

    /// Polls until the node tells whether the session may enter; a poll may bring a ping alone.
    async fn is_let_in(&self, target: &str) -> io::Result<bool> {
        loop {
            let answer = self.request("GET", target, b"").await?;
            if answer.is_told() || status(&answer.bytes) != Some(200) {
                return Ok(answer.has(&ENTERED));
            }
        }
    }

    /// One request on a connection of its own.
    async fn request(&self, method: &str, target: &str, body: &[u8]) -> io::Result<Heard> {
        let mut stream = self.connect().await?;
        let length = body.len();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        // A node that has seen enough does not read to the end.
        let _ = stream.write_all(&[request.as_bytes(), body].concat()).await;
        let mut heard = Heard::default();
        heard.until(&mut stream, DEADLINE, |_| false).await;
        Ok(heard)
    }
}

/// Sends the parts of an input and listens until `enough` came, or what is expected.
async fn send(stream: &mut TcpStream, input: &Input, enough: impl Fn(&Heard) -> bool) -> Heard {
    let (mut read, mut write) = stream.split();
    let sending = async {
        for part in &input.parts {
            match input.drip {
                None => write.write_all(part).await?,
                Some(pause) => {
                    for byte in part {
                        write.write_all(&[*byte]).await?;
                        sleep(pause).await;
                    }
                }
            }
        }
        Ok::<_, io::Error>(())
    };
    let mut heard = Heard::default();
    let must = input.expect != Expect::Anything;
    let listening = heard.until(&mut read, if must { DEADLINE } else { PATIENCE }, enough);
    let talking = async {
        // One who is cut off while he sends hears of it in the other direction.
        let _ = sending.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = talking => {}
        () = listening => {}
    }
    heard
}

impl Heard {
    /// Reads until `enough` came, the end, or `patience` has passed without more.
    async fn until(
        &mut self,
        stream: &mut (impl tokio::io::AsyncRead + Unpin),
        patience: Duration,
        enough: impl Fn(&Self) -> bool,
    ) {
        let mut buffer = vec![0; 4 << 10];
        let last = Instant::now() + DEADLINE;
        while !enough(self) {
            let deadline = last.min(Instant::now() + patience);
            match timeout_at(deadline, stream.read(&mut buffer)).await {
                Ok(Ok(read @ 1..)) => {
                    let room = KEPT.saturating_sub(self.bytes.len());
                    self.bytes.extend_from_slice(&buffer[..read.min(room)]);
                }
                Ok(Ok(0) | Err(_)) => {
                    self.ended = true;
                    return;
                }
                Err(_) => return,
            }
        }
    }

    fn has(&self, any: &[&[u8]]) -> bool {
        any.iter().any(|text| self.bytes.windows(text.len()).any(|part| part == *text))
    }

    /// Whether the sender knows if he was let in.
    fn is_told(&self) -> bool {
        self.has(&ENTERED) || self.has(&REFUSED)
    }
}

fn judge(heard: &Heard, status: Option<u16>) -> Reaction {
    match status {
        Some(400..) => Reaction::Refused,
        Some(_) => Reaction::Answered,
        _ if heard.ended => Reaction::Ended,
        _ if heard.bytes.is_empty() => Reaction::Ignored,
        _ => Reaction::Answered,
    }
}

fn wrongly_good(status: u16) -> String {
    format!("was answered with status {status}")
}

/// What had to come and did not.
fn missing(input: &Input, heard: &Heard) -> Option<String> {
    let missing = match input.expect {
        Expect::End => !heard.ended,
        Expect::Refusal => !heard.ended && heard.bytes.is_empty(),
        Expect::Outside => !heard.ended && !heard.is_told(),
        Expect::Anything => false,
    };
    missing.then(|| format!("was neither answered nor ended in {DEADLINE:?}"))
}

/// The status of an answer whose head is complete.
fn status(bytes: &[u8]) -> Option<u16> {
    let head = std::str::from_utf8(bytes.get(..12)?).ok()?;
    let complete = bytes.windows(4).any(|end| end == b"\r\n\r\n");
    head.strip_prefix("HTTP/1.")?.get(2..)?.parse().ok().filter(|_| complete)
}

/// The session that an answer opens.
fn session(answer: &Heard) -> Option<String> {
    let text = String::from_utf8_lossy(&answer.bytes);
    let (_, rest) = text.split_once("0{\"sid\":\"")?;
    rest.split_once('"').map(|(sid, _)| sid.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_that_of_a_whole_head() {
        let table: [(&[u8], Option<u16>); 5] = [
            (b"HTTP/1.1 404 Not Found\r\n\r\n", Some(404)),
            (b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nbody", Some(200)),
            (b"HTTP/1.1 404 Not Found\r\n", None),
            (b"SSH-2.0-x\r\n\r\n", None),
            (b"", None),
        ];
        for (bytes, expected) in table {
            assert_eq!(status(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_session_is_found_in_its_open_packet() {
        let heard = |text: &str| Heard { bytes: text.into(), ended: true };
        let answer = "HTTP/1.1 200 OK\r\n\r\n0{\"sid\":\"AbC\",\"upgrades\":[]}";
        assert_eq!(session(&heard(answer)).as_deref(), Some("AbC"));
        assert_eq!(session(&heard("HTTP/1.1 429 Too Many Requests\r\n\r\n{\"code\":4}")), None);
    }
}
