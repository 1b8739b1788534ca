//! What travels over NATS and lies in the log: any bytes are refused or read, and what was read is
//! written and read again without a change.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};
use wire::{
    MediaJob, RoomName, StoredMessage, admin, client, delivery, ephemeral, heartbeat, kv, media,
};

fuzz_target!(|bytes: &[u8]| {
    if let Some(stored) = lasts::<StoredMessage>(bytes) {
        let (id, at) = (stored.id().clone(), stored.timestamp());
        let room = RoomName::parse("r").expect("a good name");
        let event = serde_json::to_value(stored.into_event(room, 7)).expect("events are written");
        assert_eq!((event["id"].as_str(), event["seq"].as_u64()), (Some(&*id), Some(7)));
        assert_eq!(event["timestamp"], serde_json::to_value(at).expect("times are written"));
    }
    lasts::<delivery::Frame>(bytes);
    lasts::<ephemeral::FromNode>(bytes);
    lasts::<ephemeral::Interest>(bytes);
    lasts::<heartbeat::NodeHeartbeat>(bytes);
    lasts::<heartbeat::WorkerHeartbeat>(bytes);
    lasts::<kv::Lease>(bytes);
    lasts::<kv::Session>(bytes);
    lasts::<kv::Checkpoint>(bytes);
    lasts::<MediaJob>(bytes);
    lasts::<media::FileFailed>(bytes);
    lasts::<media::DeadJob>(bytes);
    lasts::<media::UploadRequest>(bytes);
    lasts::<media::UploadTicket>(bytes);
    lasts::<admin::AdminOrder>(bytes);
    lasts::<admin::Ban>(bytes);
    lasts::<client::Auth>(bytes);
});

/// Reads a `T`, and asserts that it survives being written: once more is the same text.
fn lasts<T: Serialize + DeserializeOwned + Debug>(bytes: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(bytes).ok()?;
    let written = serde_json::to_string(&read).expect("what was read can be written");
    let again: T = serde_json::from_str(&written)
        .unwrap_or_else(|error| panic!("{read:?} was written as {written}: {error}"));
    assert_eq!(serde_json::to_string(&again).expect("as above"), written);
    Some(read)
}
