//! What a socket asks for, done: each request goes to the log, to its room, or is answered at once.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use serde_json::value::RawValue;
use service_shell::telemetry::{Span, SpanKind};
use socketioxide::handler::Value;
use wire::{
    ErrorCode, Failure, RoomName, Seq, StoredChat, StoredMessage, Timestamp, User,
    client::{ChatStored, Done, HistoryPage, Typing},
    ephemeral::FromNode,
    event, subject,
};

use super::{Gateway, Line, Peer, Reply, overloaded};
use crate::{
    limits::{self, TooMuch},
    log::publisher::{Publication, Stored, unavailable},
    markup,
    metrics::UNREADABLE,
    request::Request,
    rooms::port::{Input, Page},
    session::Route,
};

impl Gateway {
    pub(super) fn handle(self: &Arc<Self>, peer: &Peer, value: &Value, ack: Reply) {
        if let Err(failure) = self.within_limits(&peer.line, peer.user(), value) {
            return peer.answer(ack, &failure);
        }
        let request = match value {
            Value::Str(json, attached) => Request::parse(json, attached.as_ref()),
            Value::Bytes(_) => {
                Err(Failure::new(ErrorCode::Invalid, "expected an event, got bare bytes"))
            }
        };
        let event = request.as_ref().map_or(UNREADABLE, Request::event);
        let refused = self.perform(peer, request, ack).err();
        self.metrics.count_event(event, refused.as_ref().map(|(_, failure)| failure.code));
        if let Some((ack, failure)) = refused {
            peer.answer(ack, &failure);
        }
    }

    /// Counts an event, or says that there are too many.
    pub fn within_limits(&self, line: &Line, user: &User, value: &Value) -> Result<(), Failure> {
        let attached = match value {
            Value::Str(_, attached) => attached.iter().flatten().map(Bytes::len).sum(),
            Value::Bytes(bytes) => bytes.len(),
        };
        let counted = self.limits.event(line.intake().caller(), &user.user_id, attached);
        counted.map_err(|TooMuch { per, wait }| {
            let message = format!("too many events at once of {}; slow down", per.whose());
            Failure::retry(ErrorCode::RateLimited, message, limits::millis(wait))
        })
    }

    pub(super) fn perform(
        self: &Arc<Self>,
        peer: &Peer,
        request: Result<Request, Failure>,
        ack: Reply,
    ) -> Result<(), (Reply, Failure)> {
        let session = &peer.session;
        match request {
            Err(failure) => return Err((ack, failure)),
            Ok(Request::Chat { room, content, client_message_id }) => match session.route(&room) {
                Ok(route) => self.chat(peer, route, &room, content, client_message_id, ack),
                Err(failure) => return Err((ack, failure)),
            },
            Ok(Request::Join { room, after }) => self.join(peer, &room, after, ack)?,
            Ok(Request::Leave { room }) => {
                let (key, socket) = (session.key, peer.clone());
                let leave = Input::Leave { key, socket, room: room.clone(), ack };
                match self.hub.offer(&room, leave) {
                    Ok(()) => session.forget(&room),
                    Err(Input::Leave { ack, .. }) => return Err((ack, overloaded())),
                    Err(_) => {}
                }
            }
            Ok(Request::History { room, before, limit }) => match session.require(&room) {
                Ok(()) => self.history(peer, room, before, limit, ack)?,
                Err(failure) => return Err((ack, failure)),
            },
            Ok(Request::Typing { room, typing }) => match session.require(&room) {
                Ok(()) => self.typing(peer, room, typing),
                Err(failure) => return Err((ack, failure)),
            },
            Ok(Request::File(file)) => match session.require(&file.room) {
                Ok(()) => self.uploads.take(peer, file, ack),
                Err(failure) => return Err((ack, failure)),
            },
            Ok(Request::Farewell) => peer.answer(ack, &Done {}),
        }
        Ok(())
    }

    pub(super) fn chat(
        &self,
        peer: &Peer,
        route: Route,
        room: &RoomName,
        content: String,
        client_message_id: Option<String>,
        ack: Reply,
    ) {
        let sender = peer.clone();
        let (metrics, begun) = (self.metrics.clone(), Instant::now());
        let done = Box::new(move |stored| match stored {
            Ok(stored) => {
                metrics.ack_seconds.observe(begun.elapsed().as_secs_f64());
                sender.answer(ack, &stored);
            }
            Err(failure) => sender.answer(ack, &failure),
        });
        let speech = match speech(peer.user().clone(), room, content, client_message_id, done) {
            Ok(speech) => speech,
            Err((done, failure)) => return done(Err(failure)),
        };
        match route {
            Route::Direct => self.publisher.publish(speech),
            Route::ByRoom => {
                let (key, socket) = (peer.session.key, peer.clone());
                let speak = Input::Speak { key, socket, room: room.clone(), speech };
                if let Err(Input::Speak { speech, .. }) = self.hub.offer(room, speak) {
                    peer.settled(room);
                    (speech.done)(Err(overloaded()));
                }
            }
        }
    }

    /// Publishes a message of one who is no socket.
    pub fn publish(
        &self,
        author: User,
        room: &RoomName,
        content: String,
        client_message_id: Option<String>,
        done: ChatDone,
    ) {
        match speech(author, room, content, client_message_id, done) {
            Ok(speech) => self.publisher.publish(speech),
            Err((done, failure)) => done(Err(failure)),
        }
    }

    pub(super) fn history(
        self: &Arc<Self>,
        peer: &Peer,
        room: RoomName,
        before: Option<Seq>,
        limit: usize,
        ack: Reply,
    ) -> Result<(), (Reply, Failure)> {
        let Ok(permit) = self.reads.clone().try_acquire_owned() else {
            return Err((ack, overloaded()));
        };
        let (gateway, peer) = (self.clone(), peer.clone());
        self.tasks.spawn(async move {
            match gateway.reader.latest(&room, before, limit).await {
                Ok(Page { messages, more, .. }) => {
                    let messages: Vec<&RawValue> =
                        messages.iter().map(|message| &*message.packet.json).collect();
                    peer.answer(ack, &HistoryPage { messages, more });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot read history");
                    let message = "the room's log does not answer; ask again";
                    peer.answer(ack, &Failure::retry(ErrorCode::Unavailable, message, 1_000));
                }
            }
            drop(permit);
        });
        Ok(())
    }

    pub(super) fn typing(&self, peer: &Peer, room: RoomName, typing: bool) {
        if peer.session.may_type(typing, Instant::now()) {
            let partition = room.partition();
            let typing = Typing { room, user: peer.session.identity.user.clone(), typing };
            self.teller.tell(partition, FromNode::Typing { node: self.node.clone(), typing });
        }
    }
}

/// Called once, with where a message was stored or why that is not known.
pub type ChatDone = Box<dyn FnOnce(Result<ChatStored, Failure>) + Send>;

/// A message as the log is to hold it; `done` hears what becomes of it.
fn speech(
    author: User,
    room: &RoomName,
    content: String,
    client_message_id: Option<String>,
    done: ChatDone,
) -> Result<Publication, (ChatDone, Failure)> {
    let id = wire::message::message_id(&author.user_id, room, client_message_id.as_deref());
    let message_id = client_message_id.is_some().then(|| id.clone());
    let timestamp = Timestamp::now();
    let html = markup::render(&content);
    let chat = StoredChat { id: id.clone(), author, content, html, timestamp, client_message_id };
    let payload = match serde_json::to_vec(&StoredMessage::Chat(chat)) {
        Ok(payload) => payload.into(),
        Err(error) => {
            tracing::error!(%error, "cannot encode a message");
            return Err((done, unavailable()));
        }
    };
    let (subject, into) = (subject::message(room), room.clone());
    let done = Box::new(move |stored: Result<Stored, Failure>| {
        done(stored.map(|Stored { seq, timestamp }| ChatStored { id, room: into, seq, timestamp }));
    });
    let span = Span::root(event::CHAT_MESSAGE, SpanKind::Server);
    Ok(Publication { subject, payload, id: message_id, timestamp, span, done })
}
