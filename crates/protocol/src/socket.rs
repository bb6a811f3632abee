//! The frames of the socket protocol `parlour.v1`: JSON text, an `op` from the client, a `type` from the server.
//!
//! Invariant: an [`Event`] is the same bytes for everybody who receives it, and the same value in the
//! catch-up pages of the REST API.

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

/// A command from the client. `id` is chosen by the client and comes back in the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientFrame {
    /// The first command: who is there, and what is already known.
    Start(Start),
    /// Sends a message.
    Send {
        /// Comes back in the answer.
        id: u64,
        /// Where to.
        conversation: ConversationId,
        /// Random name of the message, for ever the same when it is tried again.
        cid: String,
        /// The text.
        body: String,
        /// The message that this one answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Seq>,
    },
    /// Replaces the text of one's own message.
    Edit {
        /// Comes back in the answer.
        id: u64,
        /// Where.
        conversation: ConversationId,
        /// Which message.
        seq: Seq,
        /// The new text.
        body: String,
    },
    /// Deletes a message.
    Delete {
        /// Comes back in the answer.
        id: u64,
        /// Where.
        conversation: ConversationId,
        /// Which message.
        seq: Seq,
    },
    /// Adds or takes back a reaction.
    React {
        /// Comes back in the answer.
        id: u64,
        /// Where.
        conversation: ConversationId,
        /// Which message.
        seq: Seq,
        /// Which emoji.
        emoji: String,
        /// True adds, false takes back.
        on: bool,
    },
    /// Moves the read marker forward.
    Read {
        /// Comes back in the answer.
        id: u64,
        /// Where.
        conversation: ConversationId,
        /// Up to here.
        seq: Seq,
    },
    /// Says that one is typing; never answered, at most one in three seconds is passed on.
    Typing {
        /// Where.
        conversation: ConversationId,
    },
    /// Replaces the list of conversations that are followed live.
    Focus {
        /// Comes back in the answer.
        id: u64,
        /// At most 50; direct chats are live without being listed.
        live: Vec<ConversationId>,
    },
    /// Reads a page of a conversation's log.
    Sync {
        /// Comes back in the answer.
        id: u64,
        /// Where.
        conversation: ConversationId,
        /// The last position that is known.
        after: Seq,
        /// At most 200.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<i64>,
    },
    /// Shows that the connection lives; answered by `ok`.
    Ping {
        /// Comes back in the answer.
        id: u64,
    },
}

/// See [`ClientFrame::Start`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Comes back in the answer.
    pub id: u64,
    /// Access token, unless the upgrade request carried it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Epoch that the cursors belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// Last known position of one's own event stream; absent: begin at the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_cursor: Option<Seq>,
    /// Last known position of each conversation.
    #[serde(default)]
    pub cursors: BTreeMap<ConversationId, Seq>,
    /// Conversations to follow live, at most 50.
    #[serde(default)]
    pub live: Vec<ConversationId>,
}

/// A frame from the server. Frames of an unknown type are to be ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The first frame.
    Hello(Hello),
    /// A command was done.
    Ok(Box<OkFrame>),
    /// A command was refused.
    Error(ErrorFrame),
    /// A durable change of a conversation.
    Event(Event),
    /// A durable change that concerns oneself alone.
    UserEvent(UserEvent),
    /// Something that is not kept: typing, presence.
    Ephemeral(Ephemeral),
    /// New heads of conversations that are not followed live, and what a list of conversations shows of what happened.
    Heads {
        /// Newest position of each.
        conversations: BTreeMap<ConversationId, Seq>,
        /// What happened in them. A conversation that is missing here is to be read again where it is shown.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        news: BTreeMap<ConversationId, News>,
    },
    /// The connection was too slow and frames were left out: fetch what is missing.
    Resync {
        /// Newest position of each conversation concerned.
        conversations: BTreeMap<ConversationId, Seq>,
        /// Newest position of one's own stream, when concerned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<Seq>,
    },
    /// A type that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What happened in a conversation that is not followed live, from one position of its log to its newest one in the same
/// frame, as far as a list of conversations shows it. What is not here did not happen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct News {
    /// They begin after this position. A client that knows less than that has missed something and reads the conversation
    /// again; what a client that knows more has counted already, it sees by the positions.
    pub after: Seq,
    /// New messages of others whom one doesn't block: the first and the last position of each stretch of such messages
    /// without anything else in between.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<[Seq; 2]>,
    /// One's own newest message, written on another device: what stands above is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Seq>,
    /// The newest message of anybody whom one doesn't block; or an earlier one with the text that it has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Excerpt>,
    /// Messages that were deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<Seq>,
    /// How many more people take part; negative when they are fewer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub members: i64,
    /// The room is no more.
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
    /// Who wrote it.
    pub author: UserId,
    /// Its first words on one line: at most 40 characters, and `…` where there are more.
    pub text: String,
    /// When it was sent; of an earlier message that was changed, when that was.
    pub at: Timestamp,
}

/// See [`ServerFrame::Hello`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hello {
    /// Epoch of the database's history.
    pub epoch: String,
    /// Ping after this long without traffic, in milliseconds.
    pub heartbeat_ms: u64,
    /// Largest frame that the server takes, in bytes.
    pub max_frame_bytes: usize,
    /// The server's clock.
    pub server_time: Timestamp,
}

/// See [`ServerFrame::Ok`]. Which of the optional fields are there depends on the command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OkFrame {
    /// The command's id.
    pub id: u64,
    /// `send`, `edit`, `delete`, `react`, `read`, `sync`: where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// Position of the stored event; for `read`, of the marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// When it was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// True when it had been done before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<bool>,
    /// `start`: one's own stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<StreamState>,
    /// `start`: every conversation that one is in, and those asked for that one is not in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversations: Option<BTreeMap<ConversationId, StreamState>>,
    /// `sync`: the events, oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<Event>>,
    /// `sync`: newest position of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Seq>,
}

/// What follows for a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// Nothing was missed, or everything missed follows as events.
    Replay,
    /// Too much was missed: page through the log, or start over from the newest messages.
    Gap,
    /// The cursor does not belong to this history: forget it and start over.
    Reset,
    /// One is not in this conversation (any more).
    Gone,
}

/// State of one stream at `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamState {
    /// Newest position; absent when gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Seq>,
    /// What follows for the cursor.
    pub state: ReplayState,
    /// Of a conversation: up to where one has read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_seq: Option<Seq>,
}

/// Whether a refused command may have had an effect all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EffectOutcome {
    /// Nothing was changed.
    None,
    /// It is not known; trying again with the same `cid` settles it.
    Unknown,
}

/// See [`ServerFrame::Error`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorFrame {
    /// The command's id, when it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Stable code for programs.
    pub code: ErrorCode,
    /// What happened, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether the same command may succeed later.
    pub retry: bool,
    /// When to try again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Whether it may have had an effect.
    pub outcome: EffectOutcome,
}

/// A durable change of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Where.
    pub conversation: ConversationId,
    /// Position in its log; the client applies exactly its cursor plus one.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// What: `kind` and `data`.
    #[serde(flatten)]
    pub change: Change,
}

/// What an [`Event`] changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "data")]
pub enum Change {
    /// Somebody wrote a message.
    #[serde(rename = "message.created")]
    MessageCreated {
        /// Who.
        author: UserId,
        /// The name that the author gave it.
        cid: String,
        /// The text as it was sent; absent when it was deleted since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// The message that this one answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Seq>,
        /// Who wrote that one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_author: Option<UserId>,
        /// Whom the handles in the text mean, as in a message that is read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mentions: Option<Vec<Mention>>,
    },
    /// The author changed the text.
    #[serde(rename = "message.edited")]
    MessageEdited {
        /// Who.
        author: UserId,
        /// Which message.
        target: Seq,
        /// The new text; absent when the message was deleted since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// Whom the handles in the new text mean.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mentions: Option<Vec<Mention>>,
    },
    /// A message was deleted.
    #[serde(rename = "message.deleted")]
    MessageDeleted {
        /// By whom.
        actor: UserId,
        /// Which message.
        target: Seq,
        /// Who had written it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        author: Option<UserId>,
    },
    /// Somebody reacted.
    #[serde(rename = "reaction.added")]
    ReactionAdded {
        /// Who.
        user: UserId,
        /// To which message.
        target: Seq,
        /// With what.
        emoji: String,
    },
    /// Somebody took a reaction back.
    #[serde(rename = "reaction.removed")]
    ReactionRemoved {
        /// Who.
        user: UserId,
        /// From which message.
        target: Seq,
        /// What.
        emoji: String,
    },
    /// Somebody came in.
    #[serde(rename = "member.joined")]
    MemberJoined {
        /// Who.
        user: UserId,
        /// As what.
        role: MemberRole,
    },
    /// Somebody went.
    #[serde(rename = "member.left")]
    MemberLeft {
        /// Who.
        user: UserId,
    },
    /// The room has a new name or topic.
    #[serde(rename = "room.changed")]
    RoomChanged {
        /// By whom.
        actor: UserId,
        /// The name now.
        name: String,
        /// The topic now.
        topic: String,
    },
    /// The room is no more; nothing follows.
    #[serde(rename = "room.deleted")]
    RoomDeleted {
        /// By whom.
        actor: UserId,
    },
    /// A person is gone, and everything that they wrote and every reaction of theirs here with them: their messages
    /// are as if deleted.
    #[serde(rename = "author.erased")]
    AuthorErased {
        /// Who.
        author: UserId,
    },
    /// The two of a direct chat became friends, or stopped being so.
    #[serde(rename = "direct.changed")]
    DirectChanged {
        /// Whether they may write now.
        writable: bool,
    },
    /// A kind that this version does not know: take its `seq` and ignore the rest.
    #[serde(untagged)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    Unknown(Value),
}

impl Change {
    /// Whether this changes earlier messages: what was read of them before it is out of date.
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

/// A durable change that concerns one person alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserEvent {
    /// Position in the person's stream.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// What: `kind` and `data`.
    #[serde(flatten)]
    pub change: UserChange,
}

/// What a [`UserEvent`] tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "data")]
pub enum UserChange {
    /// Somebody asks for friendship.
    #[serde(rename = "friend.requested")]
    FriendRequested {
        /// Who asks.
        user: UserId,
    },
    /// A request of one's own was made, perhaps on another device.
    #[serde(rename = "friend.asked")]
    FriendAsked {
        /// Who was asked.
        user: UserId,
    },
    /// A friendship began.
    #[serde(rename = "friend.added")]
    FriendAdded {
        /// With whom.
        user: UserId,
        /// True when the other one accepted one's own request.
        accepted: bool,
    },
    /// A friendship or a request ended.
    #[serde(rename = "friend.removed")]
    FriendRemoved {
        /// With whom.
        user: UserId,
    },
    /// One blocks somebody from now on.
    #[serde(rename = "block.added")]
    BlockAdded {
        /// Whom.
        user: UserId,
    },
    /// One does not block somebody any more.
    #[serde(rename = "block.removed")]
    BlockRemoved {
        /// Whom.
        user: UserId,
    },
    /// One takes part in a conversation now.
    #[serde(rename = "conversation.joined")]
    ConversationJoined {
        /// Which.
        conversation: ConversationId,
    },
    /// One does not take part in a conversation any more.
    #[serde(rename = "conversation.left")]
    ConversationLeft {
        /// Which.
        conversation: ConversationId,
    },
    /// The read marker was moved by one of one's own devices. Earlier versions kept this in the stream; now it is the
    /// ephemeral `read`, and `start` says where one stands.
    #[serde(rename = "read.moved")]
    ReadMoved {
        /// Where.
        conversation: ConversationId,
        /// Up to here.
        seq: Seq,
    },
    /// Somebody mentioned one.
    #[serde(rename = "mentioned")]
    Mentioned {
        /// Where.
        conversation: ConversationId,
        /// In which message.
        seq: Seq,
        /// Who.
        author: UserId,
    },
    /// Somebody answered a message of one's own.
    #[serde(rename = "answered")]
    Answered {
        /// Where.
        conversation: ConversationId,
        /// With which message.
        seq: Seq,
        /// Who.
        author: UserId,
    },
    /// A message that mentioned one, or answered one, does so no longer: it is gone or changed, and so is the
    /// notification about it.
    #[serde(rename = "mention.removed")]
    MentionRemoved {
        /// Where.
        conversation: ConversationId,
        /// Which message.
        seq: Seq,
    },
    /// Notifications were seen on one of one's own devices.
    #[serde(rename = "notifications.read")]
    NotificationsRead {
        /// Up to here.
        up_to: Seq,
    },
    /// One's own profile was changed by one of one's own devices.
    #[serde(rename = "account.changed")]
    AccountChanged {},
    /// One of one's own sessions ended.
    #[serde(rename = "session.ended")]
    SessionEnded {
        /// Which.
        session: SessionId,
    },
    /// A kind that this version does not know: take its `seq` and ignore the rest.
    #[serde(untagged)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    Unknown(Value),
}

/// Something that is not kept, best effort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ephemeral {
    /// Somebody is typing.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// Forget it after this long, in milliseconds.
        ttl_ms: u64,
    },
    /// A friend came or went.
    Presence {
        /// Who.
        user: UserId,
        /// Whether they are online.
        online: bool,
    },
    /// One has read up to here, on another device. These come in no particular order: the furthest one counts.
    Read {
        /// Where.
        conversation: ConversationId,
        /// Up to here.
        seq: Seq,
    },
    /// Something that this version does not know.
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
