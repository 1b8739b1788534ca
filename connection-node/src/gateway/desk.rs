//! What a socket asks for, done: each request goes to the log, to its room, or is answered at once.

use std::{sync::Arc, time::Instant};

use serde_json::value::RawValue;
use socketioxide::handler::Value;
use wire::{
    ErrorCode, Failure, RoomName, Seq, StoredChat, StoredMessage, Timestamp,
    client::{ChatStored, Done, HistoryPage, Typing},
    ephemeral::FromNode,
    subject,
};

use super::{Gateway, Peer, overloaded, peer::Reply};
use crate::{
    log::publisher::{Publication, Stored, unavailable},
    markup,
    request::Request,
    rooms::port::{Input, Page},
    session::Route,
};

impl Gateway {
    pub(super) fn handle(self: &Arc<Self>, peer: &Peer, value: &Value, ack: Reply) {
        let request = match value {
            Value::Str(json, attached) => Request::parse(json, attached.as_ref()),
            Value::Bytes(_) => {
                Err(Failure::new(ErrorCode::Invalid, "expected an event, got bare bytes"))
            }
        };
        if let Err((ack, failure)) = self.perform(peer, request, ack) {
            peer.answer(ack, &failure);
        }
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
        let author = peer.session.identity.user.clone();
        let id = wire::message::message_id(&author.user_id, room, client_message_id.as_deref());
        let message_id = client_message_id.is_some().then(|| id.clone());
        let timestamp = Timestamp::now();
        let html = markup::render(&content);
        let chat =
            StoredChat { id: id.clone(), author, content, html, timestamp, client_message_id };
        let payload = match serde_json::to_vec(&StoredMessage::Chat(chat)) {
            Ok(payload) => payload.into(),
            Err(error) => {
                tracing::error!(%error, "cannot encode a message");
                return peer.answer(ack, &unavailable());
            }
        };
        let (sender, into) = (peer.clone(), room.clone());
        let done = Box::new(move |result| match result {
            Ok(Stored { seq, timestamp }) => {
                sender.answer(ack, &ChatStored { id, room: into, seq, timestamp });
            }
            Err(failure) => sender.answer(ack, &failure),
        });
        let subject = subject::message(room);
        let speech = Publication { subject, payload, id: message_id, timestamp, done };
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
