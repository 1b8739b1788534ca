//! Reads every golden example in `fixtures/` into its type and back.
//!
//! Owns that the examples and the types agree, field by field, and that no event, error code or bus
//! message is without one. The JavaScript tests hold what a live server sends against the same files.

use std::{collections::BTreeSet, fs, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use wire::{
    ErrorCode, Failure, Partition, StoredMessage,
    admin::{
        AdminOrder, AuthError, Ban, BanRequest, Banned, BroadcastRequest, KickRequest, Reached,
        Stats, StatsAnswer, UnbanRequest,
    },
    client::{
        AdminAnnouncement, Auth, ChatMessage, ChatStored, DevToken, DevTokenRequest, Done,
        FileError, FileMessage, FileQueued, HistoryPage, HistoryRequest, Joined, PageConfig,
        Presence, Recovered, RoomRequest, SendChat, SendFile, SendTyping, Typing, UserList,
    },
    delivery::{Frame, ToNode},
    ephemeral::{FromNode, Interest},
    error, event,
    heartbeat::{NodeHeartbeat, WorkerHeartbeat},
    kv::{Checkpoint, Lease, Session},
    media::{DeadJob, FileFailed, MediaJob, TAKEN_TYPES, UploadDone, UploadRequest, UploadTicket},
    message::RoomMessage,
    room,
};

/// What `history` and the ack of `join-room` list; [`RoomMessage`] itself is only ever written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Listed {
    Chat(ChatMessage),
    File(FileMessage),
}

fn fixture(name: &str) -> Map<String, Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn examples<'a>(fixture: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    let examples = fixture.get(name).and_then(Value::as_array);
    let examples = examples.unwrap_or_else(|| panic!("no list of examples of {name}"));
    assert!(!examples.is_empty(), "no example of {name}");
    examples
}

/// Reads each example of `name` as a `T`. Written again it must be the same JSON, so that a field that
/// the type does not know fails as surely as one that the example lacks.
fn round_trip<T: Serialize + DeserializeOwned>(fixture: &Map<String, Value>, name: &str) -> Vec<T> {
    let read = |example: &Value| {
        // From text, as from the network: raw JSON inside a value cannot be read from a `Value`.
        let read: T = serde_json::from_str(&example.to_string())
            .unwrap_or_else(|error| panic!("{name}: {error}: {example}"));
        let written = serde_json::to_value(&read).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(&written, example, "{name}: an example, read and written again, differs");
        read
    };
    examples(fixture, name).iter().map(read).collect()
}

fn names(fixture: &Map<String, Value>) -> BTreeSet<&str> {
    fixture.keys().map(String::as_str).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.into_iter().collect()
}

#[test]
fn connection() {
    let fixture = fixture("connection.json");
    round_trip::<Auth>(&fixture, "auth");
    round_trip::<DevTokenRequest>(&fixture, "devTokenRequest");
    round_trip::<PageConfig>(&fixture, "pageConfig");
    round_trip::<DevToken>(&fixture, "devToken");
    let errors = &fixture["connectErrors"];
    assert_eq!(errors["authenticationRequired"], error::AUTHENTICATION_REQUIRED);
    assert_eq!(errors["invalidToken"], error::INVALID_TOKEN);
    assert_eq!(errors.as_object().unwrap().len(), 2);
    assert_eq!(fixture["namespace"], event::CHAT_NAMESPACE);
    assert_eq!(fixture["defaultRoom"], event::DEFAULT_ROOM);
}

#[test]
fn bounds() {
    let expected = serde_json::json!({
        "maxRoomBytes": room::MAX_ROOM_BYTES,
        "maxContentChars": event::MAX_CONTENT_CHARS,
        "maxClientMessageIdBytes": event::MAX_CLIENT_MESSAGE_ID_BYTES,
        "maxEventBytes": event::MAX_EVENT_BYTES,
        "maxFileBytes": event::MAX_FILE_BYTES,
        "defaultHistory": event::DEFAULT_HISTORY,
        "maxHistory": event::MAX_HISTORY,
        "maxListedUsers": event::MAX_LISTED_USERS,
        "smallRoomUsers": event::SMALL_ROOM_USERS,
    });
    assert_eq!(fixture("connection.json")["bounds"], expected);
}

#[test]
fn client_events() {
    let fixture = fixture("client-events.json");
    assert_eq!(names(&fixture), set(event::CLIENT_EVENTS));
    round_trip::<SendChat>(&fixture, event::CHAT_MESSAGE);
    round_trip::<RoomRequest>(&fixture, event::JOIN_ROOM);
    round_trip::<RoomRequest>(&fixture, event::LEAVE_ROOM);
    round_trip::<HistoryRequest>(&fixture, event::HISTORY);
    round_trip::<SendTyping>(&fixture, event::TYPING);
    // What goes beside the bytes.
    round_trip::<SendFile>(&fixture, event::SEND_FILE);
    // Anything at all.
    assert!(examples(&fixture, event::USER_DISCONNECTING).len() > 1);
}

#[test]
fn acks() {
    let fixture = fixture("acks.json");
    let acknowledged = [
        event::CHAT_MESSAGE,
        event::JOIN_ROOM,
        event::LEAVE_ROOM,
        event::HISTORY,
        event::SEND_FILE,
    ];
    assert_eq!(names(&fixture), set(acknowledged));
    round_trip::<ChatStored>(&fixture, event::CHAT_MESSAGE);
    round_trip::<Joined<Listed>>(&fixture, event::JOIN_ROOM);
    round_trip::<Done>(&fixture, event::LEAVE_ROOM);
    round_trip::<HistoryPage<Listed>>(&fixture, event::HISTORY);
    round_trip::<FileQueued>(&fixture, event::SEND_FILE);
}

#[test]
fn administration() {
    let fixture = fixture("admin.json");
    let part = |name: &str| fixture[name].as_object().unwrap().clone();
    let (requests, acks, bus) = (part("requests"), part("acks"), part("bus"));
    assert_eq!(names(&requests), set(event::ADMIN_EVENTS));
    assert_eq!(names(&acks), set(event::ADMIN_EVENTS));
    round_trip::<BroadcastRequest>(&requests, event::BROADCAST_MESSAGE);
    round_trip::<KickRequest>(&requests, event::KICK);
    round_trip::<BanRequest>(&requests, event::BAN);
    round_trip::<UnbanRequest>(&requests, event::UNBAN);
    round_trip::<Reached>(&acks, event::BROADCAST_MESSAGE);
    round_trip::<Reached>(&acks, event::KICK);
    round_trip::<Banned>(&acks, event::BAN);
    round_trip::<Done>(&acks, event::UNBAN);
    round_trip::<Stats>(&acks, event::STATS);
    round_trip::<AdminOrder>(&bus, "order");
    round_trip::<StatsAnswer>(&bus, "statsAnswer");
    round_trip::<Ban>(&bus, "ban");
}

#[test]
fn server_events() {
    let fixture = fixture("server-events.json");
    assert_eq!(names(&fixture), set(event::SERVER_EVENTS));
    round_trip::<AuthError>(&fixture, event::AUTH_ERROR);
    round_trip::<ChatMessage>(&fixture, event::CHAT_MESSAGE);
    round_trip::<UserList>(&fixture, event::USER_LIST);
    round_trip::<Presence>(&fixture, event::PRESENCE);
    round_trip::<FileMessage>(&fixture, event::FILE_MESSAGE);
    round_trip::<FileError>(&fixture, event::FILE_ERROR);
    round_trip::<Typing>(&fixture, event::TYPING);
    round_trip::<AdminAnnouncement>(&fixture, event::ADMIN_ANNOUNCEMENT);
    round_trip::<Recovered>(&fixture, event::RECOVERED);
}

#[test]
fn errors() {
    let fixture = fixture("errors.json");
    let spelled = ErrorCode::ALL.map(|code| serde_json::to_value(code).unwrap());
    assert_eq!(names(&fixture), spelled.iter().map(|code| code.as_str().unwrap()).collect());
    for (code, name) in ErrorCode::ALL.iter().zip(&spelled) {
        for failure in round_trip::<Failure>(&fixture, name.as_str().unwrap()) {
            assert_eq!(failure.code, *code);
            assert_eq!(failure.retry_after.is_some(), code.is_temporary(), "{code:?}");
        }
    }
}

#[test]
fn bus() {
    let fixture = fixture("bus.json");
    let types = [
        "StoredMessage",
        "Interest",
        "Frame",
        "ToNode",
        "FromNode",
        "NodeHeartbeat",
        "WorkerHeartbeat",
        "Lease",
        "Session",
        "Checkpoint",
    ];
    assert_eq!(names(&fixture), set(types));
    round_trip::<StoredMessage>(&fixture, "StoredMessage");
    round_trip::<Interest>(&fixture, "Interest");
    round_trip::<Frame>(&fixture, "Frame");
    round_trip::<NodeHeartbeat>(&fixture, "NodeHeartbeat");
    round_trip::<WorkerHeartbeat>(&fixture, "WorkerHeartbeat");
    round_trip::<Lease>(&fixture, "Lease");
    round_trip::<Session>(&fixture, "Session");
    round_trip::<Checkpoint>(&fixture, "Checkpoint");
}

#[test]
fn media() {
    let fixture = fixture("media.json");
    let types =
        ["MediaJob", "FileFailed", "DeadJob", "UploadRequest", "UploadTicket", "UploadDone"];
    assert_eq!(names(&fixture), set(types));
    round_trip::<MediaJob>(&fixture, "MediaJob");
    round_trip::<FileFailed>(&fixture, "FileFailed");
    round_trip::<DeadJob>(&fixture, "DeadJob");
    for request in round_trip::<UploadRequest>(&fixture, "UploadRequest") {
        assert!(TAKEN_TYPES.contains(&request.mime.as_str()), "{}", request.mime);
    }
    round_trip::<UploadTicket>(&fixture, "UploadTicket");
    round_trip::<UploadDone>(&fixture, "UploadDone");
}

#[test]
fn everything_that_a_worker_tells_a_node() {
    // A new variant does not compile here before it has a name, and fails below without an example.
    let name = |item: &ToNode| match item {
        ToNode::Messages(_) => "messages",
        ToNode::Digest(_) => "digest",
        ToNode::Roster(_) => "roster",
        ToNode::ReportPresence(_) => "reportPresence",
        ToNode::Typing(_) => "typing",
    };
    let bus = fixture("bus.json");
    let fixture = bus["ToNode"].as_object().unwrap();
    assert_eq!(names(fixture), set(["messages", "digest", "roster", "reportPresence", "typing"]));
    for variant in names(fixture) {
        for item in round_trip::<ToNode>(fixture, variant) {
            assert_eq!(name(&item), variant);
            let ToNode::Messages(messages) = item else { continue };
            for delivered in messages.messages {
                assert_eq!(Partition::of_room(delivered.room.as_str()), messages.partition);
                serde_json::from_str::<StoredMessage>(delivered.body.get()).unwrap();
            }
        }
    }
}

#[test]
fn everything_that_a_node_tells_a_worker() {
    let name = |item: &FromNode| match item {
        FromNode::Presence(_) => "presence",
        FromNode::WantRoster { .. } => "wantRoster",
        FromNode::Typing { .. } => "typing",
    };
    let bus = fixture("bus.json");
    let fixture = bus["FromNode"].as_object().unwrap();
    assert_eq!(names(fixture), set(["presence", "wantRoster", "typing"]));
    for variant in names(fixture) {
        for item in round_trip::<FromNode>(fixture, variant) {
            assert_eq!(name(&item), variant);
        }
    }
}

/// What the log holds becomes what clients see by room and sequence alone.
#[test]
fn stored_messages_become_events() {
    let stored = round_trip::<StoredMessage>(&fixture("bus.json"), "StoredMessage");
    let server_events = fixture("server-events.json");
    let mut seen = BTreeSet::new();
    for message in stored {
        let id = message.id().clone();
        let kinds = [event::CHAT_MESSAGE, event::FILE_MESSAGE];
        let mut events = kinds.iter().flat_map(|kind| examples(&server_events, kind));
        let expected = events.find(|event| event["id"] == *id).unwrap();
        let room = serde_json::from_value(expected["room"].clone()).unwrap();
        let event: RoomMessage = message.into_event(room, expected["seq"].as_u64().unwrap());
        assert_eq!(&serde_json::to_value(&event).unwrap(), expected);
        seen.insert(event.event());
    }
    assert_eq!(seen, set([event::CHAT_MESSAGE, event::FILE_MESSAGE]));
}
