//! The rooms that a client names on connecting, with the positions that it has reached.
//!
//! Pure. Owns what is made of a client's `auth.rooms`; entering them is the gateway's.

use std::collections::HashSet;

use serde_json::Value;
use wire::{ErrorCode, Failure, RoomName, Seq};

/// Rooms that one connection may name.
pub const MAX_NAMED: usize = 200;
/// Rooms beyond these that are told so; a client that names more is none of ours.
const MAX_REFUSED: usize = 1_000;

/// What a client has named.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Each room with the position after which its messages are wanted.
    pub rooms: Vec<(RoomName, Seq)>,
    /// Rooms that it is not to enter, with the position that was named (0 where it is none), and why.
    pub refused: Vec<(RoomName, Seq, Failure)>,
    names: HashSet<RoomName>,
}

impl Named {
    /// Whether the client names the room, be it rightly or not.
    pub fn names(&self, room: &RoomName) -> bool {
        self.names.contains(room)
    }
}

/// Reads `auth.rooms`: an object of positions by room. What is no name of a room cannot be answered
/// and is passed over.
pub fn named(auth: &Value) -> Named {
    let mut named = Named::default();
    let rooms = auth.get("rooms").and_then(Value::as_object);
    for (room, position) in rooms.into_iter().flatten().take(MAX_NAMED + MAX_REFUSED) {
        let Ok(room) = RoomName::parse(room) else { continue };
        named.names.insert(room.clone());
        match position.as_u64() {
            Some(position) if named.rooms.len() >= MAX_NAMED => {
                let message = format!("a connection may name {MAX_NAMED} rooms; join the others");
                let why = Failure::new(ErrorCode::Overloaded, message);
                named.refused.push((room, position, why));
            }
            Some(position) => named.rooms.push((room, position)),
            None => {
                let message = "a room's position is the seq of its last message that was seen";
                named.refused.push((room, 0, Failure::new(ErrorCode::Invalid, message)));
            }
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    #[test]
    fn positions_are_read_and_what_is_none_is_told() {
        for auth in [json!(null), json!({}), json!({ "rooms": [1] }), json!({ "rooms": "a" })] {
            assert_eq!(named(&auth), Named::default(), "{auth}");
        }
        let rooms = json!({ "a": 7, "b": 0, "c": -1, "d": 1.5, "e": "9", "f": null, "": 3 });
        let named = named(&json!({ "rooms": rooms }));
        assert_eq!(named.rooms, [(room("a"), 7), (room("b"), 0)]);
        let refused = named.refused.iter().map(|(room, _, why)| (room.as_str(), why.code));
        let refused: Vec<_> = refused.collect();
        assert_eq!(refused, ["c", "d", "e", "f"].map(|room| (room, ErrorCode::Invalid)));
        assert!(named.names(&room("a")) && named.names(&room("f")) && !named.names(&room("g")));
    }

    #[test]
    fn too_many_rooms_are_told_up_to_a_point() {
        let rooms: serde_json::Map<_, _> =
            (0..5_000).map(|n| (format!("room-{n:04}"), json!(n))).collect();
        let named = named(&json!({ "rooms": rooms }));
        assert_eq!(named.refused[0].1, 200);
        assert_eq!((named.rooms.len(), named.refused.len()), (MAX_NAMED, MAX_REFUSED));
        assert!(named.refused.iter().all(|(_, _, why)| why.code == ErrorCode::Overloaded));
    }
}
