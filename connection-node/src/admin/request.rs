//! What an administrator asks for, checked.
//!
//! Pure.

use serde_json::value::RawValue;
use service_shell::token::MAX_NAME_BYTES;
use wire::{
    ErrorCode, Failure,
    admin::{
        BanRequest, BroadcastRequest, KickRequest, MAX_BAN_SECONDS, MAX_WORDS_CHARS, UnbanRequest,
    },
    event,
};

use crate::request::{Args, read};

/// A well-formed request.
#[derive(Debug, PartialEq, Eq)]
pub enum AdminRequest {
    Broadcast { content: String },
    Kick(KickRequest),
    Ban(BanRequest),
    Unban(UnbanRequest),
    Stats,
}

impl AdminRequest {
    /// Reads a Socket.IO event.
    ///
    /// # Errors
    /// What was wrong, as the administrator sees it.
    pub fn parse(json: &str) -> Result<Self, Failure> {
        let Args { event, payload, .. } = Args::read(json)?;
        let payload = payload.map_or("null", RawValue::get);
        match &*event {
            event::BROADCAST_MESSAGE => {
                let request: BroadcastRequest =
                    read(&event, payload, "{ content: string } or a string")?;
                let content = request.into_content();
                if content.trim().is_empty() {
                    return Err(invalid("content is empty; expected 1 to 1000 characters"));
                }
                words("content", &content)?;
                Ok(Self::Broadcast { content })
            }
            event::KICK => {
                let kick: KickRequest =
                    read(&event, payload, "{ userId: string, reason?: string }")?;
                user(&kick.user_id)?;
                words("reason", kick.reason.as_deref().unwrap_or_default())?;
                Ok(Self::Kick(kick))
            }
            event::BAN => {
                let shape = "{ userId: string, seconds?: number, reason?: string }";
                let ban: BanRequest = read(&event, payload, shape)?;
                user(&ban.user_id)?;
                words("reason", ban.reason.as_deref().unwrap_or_default())?;
                if ban.seconds.is_some_and(|seconds| !(1..=MAX_BAN_SECONDS).contains(&seconds)) {
                    return Err(invalid(format!(
                        "seconds is out of range; expected 1 to {MAX_BAN_SECONDS}, or none for a \
                         ban without an end"
                    )));
                }
                Ok(Self::Ban(ban))
            }
            event::UNBAN => {
                let unban: UnbanRequest = read(&event, payload, "{ userId: string }")?;
                user(&unban.user_id)?;
                Ok(Self::Unban(unban))
            }
            event::STATS => Ok(Self::Stats),
            _ => {
                let event: String = event.chars().take(64).collect();
                let known = event::ADMIN_EVENTS.join(", ");
                Err(invalid(format!("unknown event {event:?}; expected one of {known}")))
            }
        }
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::Invalid, message)
}

fn user(user_id: &str) -> Result<(), Failure> {
    if user_id.trim().is_empty() || user_id.len() > MAX_NAME_BYTES {
        return Err(invalid(format!("userId is none; expected 1 to {MAX_NAME_BYTES} bytes")));
    }
    Ok(())
}

fn words(what: &str, words: &str) -> Result<(), Failure> {
    let chars = words.chars().count();
    if chars > MAX_WORDS_CHARS {
        let message = format!("{what} has {chars} characters; expected at most {MAX_WORDS_CHARS}");
        return Err(Failure::new(ErrorCode::TooLong, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed() {
        let ban = |seconds, reason: Option<&str>| {
            let reason = reason.map(Into::into);
            AdminRequest::Ban(BanRequest { user_id: "u".into(), seconds, reason })
        };
        let content = || AdminRequest::Broadcast { content: "hello".into() };
        for (json, expected) in [
            (r#"["broadcast-message","hello"]"#, content()),
            (r#"["broadcast-message",{"content":"hello"}]"#, content()),
            (r#"["ban",{"userId":"u"}]"#, ban(None, None)),
            (r#"["ban",{"userId":"u","seconds":9,"reason":"r"}]"#, ban(Some(9), Some("r"))),
            (
                r#"["unban",{"userId":"u"}]"#,
                AdminRequest::Unban(UnbanRequest { user_id: "u".into() }),
            ),
            (r#"["stats"]"#, AdminRequest::Stats),
            (r#"["stats",{}]"#, AdminRequest::Stats),
        ] {
            assert_eq!(AdminRequest::parse(json), Ok(expected), "{json}");
        }
    }

    #[test]
    fn malformed() {
        let long = format!(r#"["kick",{{"userId":"{}"}}]"#, "x".repeat(129));
        for json in [
            "{}",
            "[]",
            r#"["chat-message",{"content":"x"}]"#,
            r#"["broadcast-message"]"#,
            r#"["broadcast-message"," "]"#,
            r#"["broadcast-message",["x"]]"#,
            r#"["kick"]"#,
            r#"["kick",{"userId":""}]"#,
            r#"["kick",{"userId":7}]"#,
            r#"["ban",{"userId":"u","seconds":0}]"#,
            r#"["ban",{"userId":"u","seconds":-1}]"#,
            r#"["ban",{"userId":"u","seconds":1e300}]"#,
            r#"["unban","u"]"#,
            &long,
        ] {
            let failure = AdminRequest::parse(json).unwrap_err();
            assert_eq!(failure.code, ErrorCode::Invalid, "{json}");
        }
        let long = format!(r#"["broadcast-message","{}"]"#, "x".repeat(1_001));
        assert_eq!(AdminRequest::parse(&long).unwrap_err().code, ErrorCode::TooLong);
    }
}
