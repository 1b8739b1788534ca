//! Every event's payloads, well-formed and not.

use proptest::prelude::*;

use super::*;

fn code(json: &str) -> ErrorCode {
    Request::parse(json, None).expect_err(json).code
}

fn name(room: &str) -> RoomName {
    RoomName::parse(room).unwrap()
}

#[test]
fn well_formed() {
    let chat = |room: &str, id: Option<&str>| Request::Chat {
        room: name(room),
        content: "hi".into(),
        client_message_id: id.map(Into::into),
    };
    for (json, request) in [
        (r#"["chat-message",{"content":"hi"}]"#, chat("general", None)),
        (r#"["chat-message",{"content":"hi","room":"a.*>"}]"#, chat("a.*>", None)),
        (
            r#"["chat-message",{"content":"hi","clientMessageId":"1","userId":"forged"},7]"#,
            chat("general", Some("1")),
        ),
        (r#"["join-room","r"]"#, Request::Join { room: name("r"), after: None }),
        (
            r#"["join-room",{"room":"r","after":7}]"#,
            Request::Join { room: name("r"), after: Some(7) },
        ),
        (r#"["leave-room",{"room":"r"}]"#, Request::Leave { room: name("r") }),
        (
            r#"["history",{"room":"r"}]"#,
            Request::History { room: name("r"), before: None, limit: 50 },
        ),
        (
            r#"["history",{"room":"r","before":9,"limit":9999}]"#,
            Request::History { room: name("r"), before: Some(9), limit: 200 },
        ),
        (
            r#"["typing",{"room":"r","typing":true}]"#,
            Request::Typing { room: name("r"), typing: true },
        ),
        (r#"["user-disconnecting"]"#, Request::Farewell),
        (r#"["user-disconnecting",{"anything":[1]},2]"#, Request::Farewell),
        (r#"["\u006aoin-room","r"]"#, Request::Join { room: name("r"), after: None }),
    ] {
        assert_eq!(Request::parse(json, None), Ok(request), "{json}");
    }
}

#[test]
fn malformed() {
    for json in [
        "",
        "{}",
        "[]",
        "[7]",
        "null",
        "[\"no-such-event\",{}]",
        "[\"chat-message\"]",
        "[\"chat-message\",null]",
        "[\"chat-message\",7]",
        "[\"chat-message\",[]]",
        "[\"chat-message\",\"hi\"]",
        "[\"chat-message\",[\"general\",\"hi\",null]]",
        "[\"chat-message\",{}]",
        "[\"chat-message\",{\"content\":7}]",
        "[\"chat-message\",{\"content\":\"\"}]",
        "[\"chat-message\",{\"content\":\" \\n\"}]",
        "[\"chat-message\",{\"content\":\"x\",\"room\":\"\"}]",
        "[\"chat-message\",{\"content\":\"x\",\"room\":{}}]",
        "[\"chat-message\",{\"content\":\"x\",\"clientMessageId\":\"\"}]",
        "[\"join-room\"]",
        "[\"join-room\",\"\"]",
        "[\"join-room\",{\"room\":\"r\",\"after\":-1}]",
        "[\"join-room\",{\"room\":\"r\",\"after\":\"7\"}]",
        "[\"leave-room\",[\"r\"]]",
        "[\"history\",\"r\"]",
        "[\"history\",{\"room\":\"r\",\"limit\":-1}]",
        "[\"typing\",{\"room\":\"r\"}]",
    ] {
        assert_eq!(code(json), ErrorCode::Invalid, "{json}");
    }
    let room = "x".repeat(129);
    assert_eq!(code(&format!("[\"join-room\",\"{room}\"]")), ErrorCode::Invalid);
}

#[test]
fn sizes() {
    let chat = |content: String| format!(r#"["chat-message",{{"content":"{content}"}}]"#);
    assert!(Request::parse(&chat("🐦".repeat(1_000)), None).is_ok());
    assert_eq!(code(&chat("x".repeat(1_001))), ErrorCode::TooLong);
    assert_eq!(code(&chat("x".repeat(1 << 20))), ErrorCode::TooLong);
    let padding = "x".repeat(1 << 17);
    let padded = format!(r#"["chat-message",{{"content":"x","padding":"{padding}"}}]"#);
    assert_eq!(code(&padded), ErrorCode::TooLarge);
    let large = format!(r#"["history",{{"room":"r","x":"{}"}}]"#, "x".repeat(1 << 17));
    assert_eq!(code(&large), ErrorCode::TooLarge);
}

proptest! {
    #[test]
    fn never_panics(json in ".{0,200}") {
        let _ = Request::parse(&json, None);
    }

    #[test]
    fn never_panics_on_json(payload in "[\\[\\]{}\",:0-9a-z]{0,40}") {
        for event in event::CLIENT_EVENTS {
            let _ = Request::parse(&format!("[\"{event}\",{payload}]"), None);
        }
    }
}
