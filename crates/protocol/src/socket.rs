//! The frames of the socket protocol `parlour.v1`: JSON text, with an `op` from the client and a `type` from the
//! server.
//!
//! Invariant: an [`Event`] is the same bytes for everyone who receives it, and the same value in the catch-up pages of
//! the REST API.

mod reading;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::close_codes::CloseCode;
use crate::ids::{ConversationId, Seq, SessionId, UserId};
use crate::messages::Mention;
use crate::problems::ErrorCode;
use crate::rooms::MemberRole;
use crate::time::Timestamp;

/// WebSocket subprotocol that client and server agree on.
pub const SUBPROTOCOL: &str = "parlour.v1";

/// A command from the client. The client chooses `id`; the response carries it back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientFrame {
    /// The first command: authenticates, and tells the server what the client already has.
    Start(Start),
    /// Sends a message.
    Send {
        /// Returned in the response.
        id: u64,
        /// The conversation to send to.
        conversation: ConversationId,
        /// Client id of the message: random, and the same for every retry.
        cid: String,
        /// Text of the message.
        body: String,
        /// Position of the message this one replies to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Seq>,
    },
    /// Replaces the text of one of the caller's own messages.
    Edit {
        /// Returned in the response.
        id: u64,
        /// The conversation.
        conversation: ConversationId,
        /// Position of the message.
        seq: Seq,
        /// The new text.
        body: String,
    },
    /// Deletes a message.
    Delete {
        /// Returned in the response.
        id: u64,
        /// The conversation.
        conversation: ConversationId,
        /// Position of the message.
        seq: Seq,
    },
    /// Adds or removes a reaction.
    React {
        /// Returned in the response.
        id: u64,
        /// The conversation.
        conversation: ConversationId,
        /// Position of the message.
        seq: Seq,
        /// The emoji.
        emoji: String,
        /// True adds the reaction, false removes it.
        on: bool,
    },
    /// Moves the caller's read marker forward.
    Read {
        /// Returned in the response.
        id: u64,
        /// The conversation.
        conversation: ConversationId,
        /// Last position the caller has read.
        seq: Seq,
    },
    /// Tells the others that the caller is typing. Gets no response; at most one in three seconds is passed on per
    /// conversation.
    Typing {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Replaces the list of conversations to follow live.
    Focus {
        /// Returned in the response.
        id: u64,
        /// Rooms to follow live, at most 50. Direct chats are always live and need not be listed.
        live: Vec<ConversationId>,
    },
    /// Reads a page of a conversation's log.
    Sync {
        /// Returned in the response.
        id: u64,
        /// The conversation.
        conversation: ConversationId,
        /// Last position the client has.
        after: Seq,
        /// Maximum number of events, at most 200.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<i64>,
    },
    /// Keeps the connection alive; the response is `ok`.
    Ping {
        /// Returned in the response.
        id: u64,
    },
}

/// Fields of the command `start`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Returned in the response.
    pub id: u64,
    /// Access token; absent if the upgrade request carried it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Epoch that the cursors belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// Last position of the caller's event stream that the client has. When absent, only new events are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_cursor: Option<Seq>,
    /// Last position of each conversation that the client has.
    #[serde(default)]
    pub cursors: BTreeMap<ConversationId, Seq>,
    /// Conversations to follow live, at most 50.
    #[serde(default)]
    pub live: Vec<ConversationId>,
}

/// A frame from the server. Ignore frames of an unknown type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The first frame.
    Hello(Hello),
    /// A command succeeded.
    Ok(Box<OkFrame>),
    /// A command failed.
    Error(ErrorFrame),
    /// A durable change to a conversation.
    Event(Event),
    /// A durable change that concerns only the caller.
    UserEvent(UserEvent),
    /// Something that isn't stored: typing, presence, or a read marker moved on another device.
    Ephemeral(Ephemeral),
    /// Latest positions of conversations that aren't followed live, with the news that a list of conversations shows.
    Heads {
        /// Latest position of each conversation.
        conversations: BTreeMap<ConversationId, Seq>,
        /// What happened in them. If a conversation has no entry here, a client that shows it must read it again.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        news: BTreeMap<ConversationId, News>,
    },
    /// The connection was too slow and frames were dropped: fetch what is missing.
    Resync {
        /// Latest position of each affected conversation.
        conversations: BTreeMap<ConversationId, Seq>,
        /// Latest position of the caller's event stream; absent if it isn't affected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<Seq>,
    },
    /// A type this version doesn't know.
    #[serde(other)]
    Unknown,
}

/// What happened in a conversation that isn't followed live, from `after` to the latest position in the same frame, as
/// far as a list of conversations shows it. The news is complete: what isn't listed didn't happen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct News {
    /// The news starts after this position. A client whose own position is lower has missed something and must read the
    /// conversation again. A client whose position is higher compares positions to skip what it has already counted.
    pub after: Seq,
    /// New messages from other users whom the caller doesn't block, as ranges `[first, last]` of consecutive positions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<[Seq; 2]>,
    /// The caller's own newest message, sent from any device; everything before it counts as read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Seq>,
    /// The newest message from the caller or anyone whom the caller doesn't block. It may also be an earlier message,
    /// with its edited text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Excerpt>,
    /// Positions of messages that were deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<Seq>,
    /// Change in the number of members; negative if more left than joined.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub members: i64,
    /// Whether the room was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The beginning of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Excerpt {
    /// Position of the message.
    pub seq: Seq,
    /// The author of the message.
    pub author: UserId,
    /// The first words on one line: at most 40 characters, plus `…` if the text goes on.
    pub text: String,
    /// When the message was sent; for an earlier message that was edited, when it was edited.
    pub at: Timestamp,
}

/// First frame of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hello {
    /// Epoch of the database's history.
    pub epoch: String,
    /// Send a ping after this long without traffic, in milliseconds.
    pub heartbeat_ms: u64,
    /// Maximum size of a frame from the client, in bytes.
    pub max_frame_bytes: usize,
    /// The server's current time.
    pub server_time: Timestamp,
}

/// Successful response to a command. Which optional fields are present depends on the command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OkFrame {
    /// The command's id.
    pub id: u64,
    /// `send`, `edit`, `delete`, `react`, `read`, `sync`: the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// Position of the stored event; for `read`, the read marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// When it was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Whether this is a retry of a command that was already applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<bool>,
    /// `start`: state of the caller's event stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<StreamState>,
    /// `start`: every conversation the caller is in, and those in `cursors` or `live` that they aren't in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversations: Option<BTreeMap<ConversationId, StreamState>>,
    /// `sync`: the events, oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<Event>>,
    /// `sync`: latest position of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Seq>,
}

/// What the server sends for a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// Nothing was missed, or everything missed follows as events.
    Replay,
    /// Too much was missed: page through the log, or start over from the newest messages.
    Gap,
    /// The cursor doesn't belong to this history: discard it and start over.
    Reset,
    /// The caller isn't in this conversation, or no longer.
    Gone,
}

/// State of one stream after `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamState {
    /// Latest position; absent if the state is `gone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Seq>,
    /// What the server sends for the cursor.
    pub state: ReplayState,
    /// The caller's read marker, for a conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_seq: Option<Seq>,
}

/// Whether a failed command may have had an effect anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EffectOutcome {
    /// Nothing changed.
    None,
    /// Unknown; a retry with the same `cid` settles it.
    Unknown,
}

/// Error response to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorFrame {
    /// The command's id; absent if it couldn't be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Stable code for programs.
    pub code: ErrorCode,
    /// What went wrong, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether the same command may succeed later.
    pub retry: bool,
    /// When to try again, in milliseconds; absent if that doesn't apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Whether the command may have had an effect.
    pub outcome: EffectOutcome,
}

/// A durable change to a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// The conversation.
    pub conversation: ConversationId,
    /// Position in the log. Clients apply an event only if it is their cursor plus one.
    pub seq: Seq,
    /// When it happened.
    pub at: Timestamp,
    /// What changed: `kind` and `data`.
    #[serde(flatten)]
    pub change: Change,
}

/// What an `Event` changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "data")]
pub enum Change {
    /// A message was sent.
    #[serde(rename = "message.created")]
    MessageCreated {
        /// Who wrote it.
        author: UserId,
        /// The client id that its author gave it.
        cid: String,
        /// The text as it was sent; absent if the message was deleted since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// Position of the message this one replies to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Seq>,
        /// Author of the message this one replies to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_author: Option<UserId>,
        /// The users that the handles in the text refer to, as in a `Message`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mentions: Option<Vec<Mention>>,
    },
    /// The author changed the text of a message.
    #[serde(rename = "message.edited")]
    MessageEdited {
        /// Who wrote it.
        author: UserId,
        /// Position of the message.
        target: Seq,
        /// The new text; absent if the message was deleted since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// The users that the handles in the new text refer to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mentions: Option<Vec<Mention>>,
    },
    /// A message was deleted.
    #[serde(rename = "message.deleted")]
    MessageDeleted {
        /// Who deleted it.
        actor: UserId,
        /// Position of the message.
        target: Seq,
        /// Who wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        author: Option<UserId>,
    },
    /// A reaction was added.
    #[serde(rename = "reaction.added")]
    ReactionAdded {
        /// Who reacted.
        user: UserId,
        /// Position of the message.
        target: Seq,
        /// The emoji.
        emoji: String,
    },
    /// A reaction was removed.
    #[serde(rename = "reaction.removed")]
    ReactionRemoved {
        /// Whose reaction it was.
        user: UserId,
        /// Position of the message.
        target: Seq,
        /// The emoji.
        emoji: String,
    },
    /// A user joined.
    #[serde(rename = "member.joined")]
    MemberJoined {
        /// The new member.
        user: UserId,
        /// Their role.
        role: MemberRole,
    },
    /// A user left.
    #[serde(rename = "member.left")]
    MemberLeft {
        /// Who left.
        user: UserId,
    },
    /// The room's name or topic changed.
    #[serde(rename = "room.changed")]
    RoomChanged {
        /// Who changed it.
        actor: UserId,
        /// The current name.
        name: String,
        /// The current topic.
        topic: String,
    },
    /// The room was deleted; no more events follow.
    #[serde(rename = "room.deleted")]
    RoomDeleted {
        /// Who deleted it.
        actor: UserId,
    },
    /// An account was erased. Treat all its messages in this conversation as deleted, and remove its reactions.
    #[serde(rename = "author.erased")]
    AuthorErased {
        /// Id of the erased account.
        author: UserId,
    },
    /// The two users of a direct chat became friends, or stopped being friends.
    #[serde(rename = "direct.changed")]
    DirectChanged {
        /// Whether they can write now.
        writable: bool,
    },
    /// A kind this version doesn't know: take its `seq` and ignore the rest.
    #[serde(untagged)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    Unknown(Value),
}

impl Change {
    /// Whether this changes earlier messages, so that copies of them read before are out of date.
    pub fn changes_earlier_messages(&self) -> bool {
        matches!(
            self,
            Self::MessageEdited { .. }
                | Self::MessageDeleted { .. }
                | Self::ReactionAdded { .. }
                | Self::ReactionRemoved { .. }
                | Self::AuthorErased { .. }
        )
    }
}

/// A durable change that concerns one user only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserEvent {
    /// Position in the user's event stream.
    pub seq: Seq,
    /// When it happened.
    pub at: Timestamp,
    /// What changed: `kind` and `data`.
    #[serde(flatten)]
    pub change: UserChange,
}

/// What a `UserEvent` changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "data")]
pub enum UserChange {
    /// Someone sent the user a friend request.
    #[serde(rename = "friend.requested")]
    FriendRequested {
        /// Who sent it.
        user: UserId,
    },
    /// The user sent a friend request, possibly from another device.
    #[serde(rename = "friend.asked")]
    FriendAsked {
        /// Who received it.
        user: UserId,
    },
    /// A friendship began.
    #[serde(rename = "friend.added")]
    FriendAdded {
        /// The new friend.
        user: UserId,
        /// Whether the other user accepted this user's request.
        accepted: bool,
    },
    /// A friendship or a friend request ended.
    #[serde(rename = "friend.removed")]
    FriendRemoved {
        /// The other user.
        user: UserId,
    },
    /// The user blocked someone.
    #[serde(rename = "block.added")]
    BlockAdded {
        /// The blocked user.
        user: UserId,
    },
    /// The user unblocked someone.
    #[serde(rename = "block.removed")]
    BlockRemoved {
        /// The unblocked user.
        user: UserId,
    },
    /// The user is now a member of a conversation.
    #[serde(rename = "conversation.joined")]
    ConversationJoined {
        /// The conversation.
        conversation: ConversationId,
    },
    /// The user is no longer a member of a conversation.
    #[serde(rename = "conversation.left")]
    ConversationLeft {
        /// The conversation.
        conversation: ConversationId,
    },
    /// The read marker was moved on one of the user's devices. Only found in streams stored by earlier versions; now
    /// the ephemeral `read` reports this, and `start` returns the markers.
    #[serde(rename = "read.moved")]
    ReadMoved {
        /// The conversation.
        conversation: ConversationId,
        /// Last position the user has read.
        seq: Seq,
    },
    /// Someone mentioned the user.
    #[serde(rename = "mentioned")]
    Mentioned {
        /// The conversation.
        conversation: ConversationId,
        /// Position of the message.
        seq: Seq,
        /// Author of the message.
        author: UserId,
    },
    /// Someone replied to a message of the user.
    #[serde(rename = "answered")]
    Answered {
        /// The conversation.
        conversation: ConversationId,
        /// Position of the reply.
        seq: Seq,
        /// Author of the reply.
        author: UserId,
    },
    /// A message no longer mentions the user or replies to them, because it was deleted or edited. The notification
    /// about it is gone, too.
    #[serde(rename = "mention.removed")]
    MentionRemoved {
        /// The conversation.
        conversation: ConversationId,
        /// Position of the message.
        seq: Seq,
    },
    /// Notifications were marked as seen on one of the user's devices.
    #[serde(rename = "notifications.read")]
    NotificationsRead {
        /// Everything up to this position was seen.
        up_to: Seq,
    },
    /// The user's profile was changed on one of their devices.
    #[serde(rename = "account.changed")]
    AccountChanged {},
    /// One of the user's sessions ended.
    #[serde(rename = "session.ended")]
    SessionEnded {
        /// The session that ended.
        session: SessionId,
    },
    /// A kind this version doesn't know: take its `seq` and ignore the rest.
    #[serde(untagged)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    Unknown(Value),
}

/// Something that isn't stored; delivery is best effort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ephemeral {
    /// Someone is typing.
    Typing {
        /// The conversation.
        conversation: ConversationId,
        /// Who is typing.
        user: UserId,
        /// Stop showing it after this long, in milliseconds.
        ttl_ms: u64,
    },
    /// A friend came online or went offline.
    Presence {
        /// The friend.
        user: UserId,
        /// Whether they are online.
        online: bool,
    },
    /// The caller's read marker was moved on another device. These frames come in no particular order: keep the highest
    /// position.
    Read {
        /// The conversation.
        conversation: ConversationId,
        /// Last position the caller has read.
        seq: Seq,
    },
    /// A kind this version doesn't know.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_kinds_and_types_are_tolerated() {
        let event: Event = serde_json::from_value(
            json!({"type":"event","conversation":"5","seq":3,"at":"1970-01-01T00:00:01Z","kind":"poll.opened","data":{"x":1},"extra":true}),
        )
        .unwrap();
        assert_eq!(event.seq, 3);
        assert!(matches!(event.change, Change::Unknown(_)));
        assert_eq!(
            serde_json::from_str::<ServerFrame>(r#"{"type":"novelty","x":1}"#).unwrap(),
            ServerFrame::Unknown
        );
    }

    #[test]
    fn an_event_reads_as_the_protocol_page_shows_it() {
        let frame = ServerFrame::Event(Event {
            conversation: ConversationId(41),
            seq: 42,
            at: Timestamp(0),
            change: Change::MessageCreated {
                author: UserId(7),
                cid: "c-000001".into(),
                body: Some("hi".into()),
                reply_to: None,
                reply_author: None,
                mentions: None,
            },
        });
        let value = serde_json::to_value(&frame).unwrap();
        assert_eq!(
            value,
            json!({"type":"event","conversation":"41","seq":42,"at":"1970-01-01T00:00:00.000000Z",
                "kind":"message.created","data":{"author":"7","cid":"c-000001","body":"hi"}})
        );
        assert_eq!(serde_json::from_value::<ServerFrame>(value).unwrap(), frame);
    }

    #[test]
    fn commands_refuse_unknown_fields() {
        assert!(serde_json::from_str::<ClientFrame>(r#"{"op":"ping","id":1}"#).is_ok());
        assert!(serde_json::from_str::<ClientFrame>(r#"{"op":"ping","id":1,"admin":true}"#).is_err());
        assert!(serde_json::from_str::<ClientFrame>(r#"{"op":"start","id":1,"admin":true}"#).is_err());
        assert!(serde_json::from_str::<ClientFrame>(r#"{"op":"start","id":1,"cursors":{"5":3}}"#).is_ok());
    }
}
