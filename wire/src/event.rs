//! The names of Socket.IO events and the bounds of what they carry.

/// The namespace in which people chat.
pub const CHAT_NAMESPACE: &str = "/";
/// The namespace for administrators.
pub const ADMIN_NAMESPACE: &str = "/admin";
/// The room that is meant where an event names none.
pub const DEFAULT_ROOM: &str = "general";

// What clients send.

pub const CHAT_MESSAGE: &str = "chat-message";
pub const JOIN_ROOM: &str = "join-room";
pub const LEAVE_ROOM: &str = "leave-room";
pub const HISTORY: &str = "history";
pub const TYPING: &str = "typing";
pub const SEND_FILE: &str = "send-file";
pub const USER_DISCONNECTING: &str = "user-disconnecting";

/// Every event that a client may send to [`CHAT_NAMESPACE`].
pub const CLIENT_EVENTS: [&str; 7] =
    [CHAT_MESSAGE, JOIN_ROOM, LEAVE_ROOM, HISTORY, TYPING, SEND_FILE, USER_DISCONNECTING];

// What administrators send to [`ADMIN_NAMESPACE`].

pub const BROADCAST_MESSAGE: &str = "broadcast-message";
pub const KICK: &str = "kick";
pub const BAN: &str = "ban";
pub const UNBAN: &str = "unban";
pub const STATS: &str = "stats";

/// Every event that an administrator may send.
pub const ADMIN_EVENTS: [&str; 5] = [BROADCAST_MESSAGE, KICK, BAN, UNBAN, STATS];

// What the server sends; `CHAT_MESSAGE` and `TYPING` go both ways.

pub const USER_LIST: &str = "user-list";
pub const PRESENCE: &str = "presence";
pub const FILE_MESSAGE: &str = "file-message";
pub const FILE_ERROR: &str = "file-error";
pub const ADMIN_ANNOUNCEMENT: &str = "admin-announcement";
pub const RECOVERED: &str = "recovered";
/// Precedes the end of a connection that is ended for good.
pub const AUTH_ERROR: &str = "auth-error";

/// Every event that the server may send.
pub const SERVER_EVENTS: [&str; 9] = [
    CHAT_MESSAGE,
    USER_LIST,
    PRESENCE,
    FILE_MESSAGE,
    FILE_ERROR,
    TYPING,
    ADMIN_ANNOUNCEMENT,
    RECOVERED,
    AUTH_ERROR,
];

// Bounds.

/// The longest `content`, in Unicode scalar values.
pub const MAX_CONTENT_CHARS: usize = 1_000;
/// The longest `clientMessageId`, in bytes.
pub const MAX_CLIENT_MESSAGE_ID_BYTES: usize = 128;
/// The largest event other than a file, in bytes of its JSON.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;
/// The largest file, in bytes.
pub const MAX_FILE_BYTES: usize = 10 * 1024 * 1024;
/// Messages in a history answer that does not say how many.
pub const DEFAULT_HISTORY: usize = 50;
/// The most messages in one history answer; a larger `limit` gets this many.
pub const MAX_HISTORY: usize = 200;
/// The most users that a `user-list` names, where `count` tells how many there are; and the most that
/// a `presence` names as joined or as left: for more than those a `user-list` comes in its place.
pub const MAX_LISTED_USERS: usize = 200;
/// Rooms of up to this many users get a whole `user-list` on each change, larger ones a `presence`.
pub const SMALL_ROOM_USERS: usize = 25;
