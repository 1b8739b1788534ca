//! Events of clients: what is taken keeps every bound and says what a second reading says.
#![no_main]

use std::collections::VecDeque;

use bytes::Bytes;
use connection_node::request::Request;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use wire::{ErrorCode, event};

fuzz_target!(|json: &str| {
    let attached = VecDeque::from([Bytes::from_static(b"one"), Bytes::from_static(b"two")]);
    let request = match Request::parse(json, Some(&attached)) {
        Ok(request) => request,
        Err(failure) => {
            use ErrorCode::{Invalid, TooLarge, TooLong};
            assert!(matches!(failure.code, Invalid | TooLong | TooLarge), "{failure:?}");
            let written = serde_json::to_string(&failure).expect("failures are written");
            assert!(written.len() < 1_024, "an answer repeats too much: {written}");
            return;
        }
    };
    // Numbers that are no 64-bit floats fail here, in arguments that nobody reads.
    let Ok(values) = serde_json::from_str::<Vec<Value>>(json) else { return };
    let [name, payload, about] = [0, 1, 2].map(|n| values.get(n).unwrap_or(&Value::Null));
    let or_general =
        |about: &Value| about["room"].as_str().unwrap_or(event::DEFAULT_ROOM).to_owned();
    let id = |about: &Value| about["clientMessageId"].as_str().map(ToOwned::to_owned);
    let named = || payload.as_str().or(payload["room"].as_str()).map(ToOwned::to_owned);
    let bounded = |id: &Option<String>| {
        let bounds = 1..=event::MAX_CLIENT_MESSAGE_ID_BYTES;
        assert!(id.as_ref().is_none_or(|id| bounds.contains(&id.len())));
    };
    match request {
        Request::Chat { room, content, client_message_id } => {
            assert_eq!(name, event::CHAT_MESSAGE);
            assert_eq!(room.as_str(), or_general(payload));
            assert_eq!(payload["content"], content);
            assert!((1..=event::MAX_CONTENT_CHARS).contains(&content.chars().count()));
            bounded(&client_message_id);
            assert_eq!(client_message_id, id(payload));
        }
        Request::Join { room, after } => {
            assert_eq!((name, Some(room.as_str())), (&event::JOIN_ROOM.into(), named().as_deref()));
            assert_eq!(after, payload["after"].as_u64());
        }
        Request::Leave { room } => {
            assert_eq!(
                (name, Some(room.as_str())),
                (&event::LEAVE_ROOM.into(), named().as_deref())
            );
        }
        Request::History { room, before, limit } => {
            assert_eq!(
                (name, room.as_str()),
                (&event::HISTORY.into(), payload["room"].as_str().unwrap())
            );
            assert_eq!(before, payload["before"].as_u64());
            assert!((1..=event::MAX_HISTORY).contains(&limit));
        }
        Request::Typing { room, typing } => {
            assert_eq!(
                (name, room.as_str()),
                (&event::TYPING.into(), payload["room"].as_str().unwrap())
            );
            assert_eq!(payload["typing"], typing);
        }
        Request::File(file) => {
            assert_eq!(name, event::SEND_FILE);
            let place = payload["num"].as_u64().and_then(|num| usize::try_from(num).ok());
            assert_eq!(Some(&file.bytes), place.and_then(|place| attached.get(place)));
            assert_eq!(file.room.as_str(), or_general(about));
            bounded(&file.client_message_id);
            assert_eq!(file.client_message_id, id(about));
        }
        Request::Farewell => assert_eq!(name, event::USER_DISCONNECTING),
    }
    assert!(json.len() <= event::MAX_EVENT_BYTES || name == event::USER_DISCONNECTING);
});
