//! What a client makes of answers and events.

use wire::{
    Failure, RoomName,
    client::{ChatStored, Joined, Presence, Recovered, UserList},
    event,
};

use super::{
    Conversation, REJOIN, Request,
    place::{Place, Standing},
};
use crate::{
    chaos::{client::outbox::Answer, history::History},
    ledger::Micros,
    packet::{self, ChatArrived},
};

impl Conversation {
    pub(super) fn answered(&mut self, id: u64, body: &str, now: Micros, history: &mut History) {
        let Some(body) = body.strip_prefix('[').and_then(|body| body.strip_suffix(']')) else {
            return;
        };
        match self.requests.remove(&id) {
            Some(Request::Join(at)) => self.joined(at, body, now, history),
            Some(Request::Leave(at)) => self.has_left(at, body, now, history),
            Some(Request::Other) => {}
            None => self.stored(id, body, now, history),
        }
    }

    fn stored(&mut self, id: u64, body: &str, now: Micros, history: &mut History) {
        let stored = serde_json::from_str::<ChatStored>(body);
        let unsettled = !self.settled;
        let failure = if stored.is_err() { Some(failure(body)) } else { None };
        let outcome = failure.as_ref().map_or(Ok(()), Err);
        let answer = self.outbox.answered(id, outcome, unsettled, now);
        match answer {
            Answer::Stale => {}
            Answer::Stored(index) => {
                if let Ok(stored) = stored {
                    history.acked(index, stored.seq, now);
                }
            }
            Answer::PutOff => history.put_off(),
            Answer::Denied(index, place) => {
                history.denied(self.client, self.places[place].room, Some(index), body);
            }
        }
    }

    /// Only its last room is ever left.
    fn has_left(&mut self, at: usize, body: &str, now: Micros, history: &mut History) {
        let Some(place) = self.places.get_mut(at) else { return };
        let Ok(failure) = serde_json::from_str::<Failure>(body) else {
            history.left(self.client, place.room);
            self.places.truncate(at);
            return;
        };
        place.standing = Standing::In;
        if failure.code.is_temporary() {
            place.leave_at = Some(now + failure.retry_after.map_or(REJOIN, |after| after * 1_000));
            history.put_off();
        } else {
            history.denied(self.client, place.room, None, body);
        }
    }

    fn joined(&mut self, at: usize, body: &str, now: Micros, history: &mut History) {
        let place = &mut self.places[at];
        match serde_json::from_str::<Joined<serde::de::IgnoredAny>>(body) {
            // With a position the room is entered when the `recovered` comes.
            Ok(joined) if place.position.is_none() => {
                place.position = Some(joined.seq);
                place.standing = Standing::In;
                history.entered(self.client, place.room, joined.seq, place.guest);
            }
            Ok(_) => {}
            Err(_) => {
                let failure = failure(body);
                place.standing =
                    Standing::Out(now + failure.retry_after.map_or(REJOIN, |after| after * 1_000));
                if failure.code.is_temporary() {
                    history.put_off();
                } else {
                    history.denied(self.client, place.room, None, body);
                }
            }
        }
    }

    pub(super) fn happened(&mut self, event: &str, now: Micros, history: &mut History) {
        let Some((name, payload)) = packet::split(event) else { return };
        if name == event::CHAT_MESSAGE {
            let client = self.client;
            let arrived = ChatArrived::read(event);
            let room = packet::text_field(payload, "room");
            let place = self.places.iter_mut().find(|place| Some(place.name.as_str()) == room);
            let (Some(chat), Some(place)) = (arrived, place) else {
                return history.strayed(client, payload);
            };
            history.received(client, place.room, chat.index, chat.seq, now);
            place.position = place.position.map(|position| position.max(chat.seq));
        } else if name == event::USER_LIST {
            let list: Result<UserList, _> = serde_json::from_str(payload);
            if let Ok(list) = list
                && let Some(place) = self.place(&list.room)
            {
                place.roster.list(list);
            }
        } else if name == event::PRESENCE {
            let change: Result<Presence, _> = serde_json::from_str(payload);
            if let Ok(change) = change
                && let Some(place) = self.place(&change.room)
            {
                place.roster.change(change);
            }
        } else if name == event::RECOVERED
            && let Ok(recovered) = serde_json::from_str(payload)
        {
            self.recovered(&recovered, now, history);
        }
    }

    fn recovered(&mut self, recovered: &Recovered, now: Micros, history: &mut History) {
        let client = self.client;
        let Some(place) = self.place(&recovered.room) else { return };
        match recovered.code {
            None => {
                if place.standing == Standing::Entering {
                    place.standing = Standing::In;
                }
                place.position = place.position.map(|position| position.max(recovered.to));
                history.recovered(client, place.room, recovered);
            }
            Some(code) if code.is_temporary() => {
                place.standing = Standing::Out(now + REJOIN);
                history.put_off();
            }
            Some(code) => {
                place.standing = Standing::Out(now + REJOIN);
                history.denied(client, place.room, None, &format!("{code:?}"));
            }
        }
    }

    fn place(&mut self, room: &RoomName) -> Option<&mut Place> {
        self.places.iter_mut().find(|place| place.name == room.as_str())
    }
}

/// The failure in an answer; one that is none of ours is taken for a refusal for good.
fn failure(body: &str) -> Failure {
    serde_json::from_str(body)
        .unwrap_or_else(|_| Failure::new(wire::ErrorCode::Invalid, "not an answer of ours"))
}
