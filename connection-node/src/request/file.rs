//! `send-file`: bytes, and what their sender says of them.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use wire::{ErrorCode, Failure, RoomName, client::SendFile, event};

/// A file as a socket sent it.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    pub room: RoomName,
    pub filename: Option<String>,
    pub client_message_id: Option<String>,
    pub bytes: Bytes,
}

/// A file: the bytes that the first argument stands for, and what the second says of them.
pub(super) fn read(
    bytes: Option<&RawValue>,
    about: Option<&RawValue>,
    attached: Option<&VecDeque<Bytes>>,
) -> Result<File, Failure> {
    /// How Socket.IO writes the place of attached bytes.
    #[derive(Deserialize)]
    struct Placeholder {
        #[serde(rename = "_placeholder")]
        _is_one: bool,
        num: usize,
    }
    let wrong = || {
        super::invalid(
            "send-file has no bytes; expected (bytes, { room?, filename?, clientMessageId? })",
        )
    };
    let place: Placeholder =
        serde_json::from_str(bytes.ok_or_else(wrong)?.get()).map_err(|_| wrong())?;
    let bytes = attached.and_then(|attached| attached.get(place.num)).ok_or_else(wrong)?;
    let about: SendFile = match about.map_or("null", RawValue::get) {
        "null" => SendFile::default(),
        about => {
            let shape = "(bytes, { room?: string, filename?: string, clientMessageId?: string })";
            super::read(event::SEND_FILE, about, shape)?
        }
    };
    let room = super::room(about.room.as_deref().unwrap_or(event::DEFAULT_ROOM))?;
    let client_message_id = about.client_message_id.map(super::client_message_id).transpose()?;
    let limit = event::MAX_FILE_BYTES;
    match bytes.len() {
        0 => Err(super::invalid("the file is empty; expected 1 byte at least")),
        size if size > limit => {
            let message = format!("the file has {size} bytes; expected at most {limit}");
            Err(Failure::new(ErrorCode::TooLarge, message))
        }
        _ => Ok(File { room, filename: about.filename, client_message_id, bytes: bytes.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Request;

    const BYTES: &str = r#"{"_placeholder":true,"num":0}"#;

    fn parse(arguments: &str, sizes: &[usize]) -> Result<Request, Failure> {
        let attached = sizes.iter().map(|&size| Bytes::from(vec![7; size])).collect();
        Request::parse(&format!(r#"["send-file"{arguments}]"#), Some(&attached))
    }

    #[test]
    fn bytes_and_what_is_said_of_them() {
        let said = r#",{"room":"r","filename":"a.png","mime":"x"}"#;
        for (about, room, filename) in
            [("", "general", None), (",null", "general", None), (said, "r", Some("a.png"))]
        {
            let Ok(Request::File(file)) = parse(&format!(",{BYTES}{about}"), &[3]) else {
                panic!("{about} is refused");
            };
            assert_eq!((file.room.as_str(), file.filename.as_deref()), (room, filename));
            assert_eq!(&*file.bytes, [7; 3]);
        }
    }

    #[test]
    fn what_is_no_file() {
        let table: [(&str, &[usize], ErrorCode); 11] = [
            ("", &[], ErrorCode::Invalid),
            (r#","text""#, &[], ErrorCode::Invalid),
            (r#",{"room":"r"}"#, &[], ErrorCode::Invalid),
            // The other way round.
            (r#",{"room":"r"},{"_placeholder":true,"num":0}"#, &[3], ErrorCode::Invalid),
            (r#",{"_placeholder":true,"num":1}"#, &[3], ErrorCode::Invalid),
            (r#",{"_placeholder":true,"num":-1}"#, &[3], ErrorCode::Invalid),
            (r#",{"_placeholder":true,"num":0},"room""#, &[3], ErrorCode::Invalid),
            (r#",{"_placeholder":true,"num":0},{"room":""}"#, &[3], ErrorCode::Invalid),
            (r#",{"_placeholder":true,"num":0},{"clientMessageId":""}"#, &[3], ErrorCode::Invalid),
            (r#",{"_placeholder":true,"num":0}"#, &[0], ErrorCode::Invalid),
            (
                r#",{"_placeholder":true,"num":0}"#,
                &[event::MAX_FILE_BYTES + 1],
                ErrorCode::TooLarge,
            ),
        ];
        for (arguments, sizes, code) in table {
            assert_eq!(parse(arguments, sizes).unwrap_err().code, code, "{arguments}");
        }
        assert!(parse(&format!(",{BYTES}"), &[event::MAX_FILE_BYTES]).is_ok());
        // Without the attachment that it names.
        assert!(Request::parse(&format!(r#"["send-file",{BYTES}]"#), None).is_err());
    }
}
