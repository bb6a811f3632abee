//! Frames from the server.
//!
//! Invariant: a client ignores types and fields that it does not know, so both may be added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::events::{Ephemeral, Event, UserEvent};
use crate::ids::{ConversationId, Seq, UserId};
use crate::messages::Stored;
use crate::problems::ErrorCode;
use crate::time::Timestamp;

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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

impl OkFrame {
    /// The response to a command that returns nothing: `focus` or `ping`.
    pub fn done(id: u64) -> Self {
        Self {
            id,
            conversation: None,
            seq: None,
            at: None,
            duplicate: None,
            user: None,
            conversations: None,
            events: None,
            head: None,
        }
    }

    /// The response to `start`. `user` is `None` if the connection doesn't get the caller's own stream.
    pub fn started(
        id: u64,
        user: Option<StreamState>,
        conversations: BTreeMap<ConversationId, StreamState>,
    ) -> Self {
        Self { user, conversations: Some(conversations), ..Self::done(id) }
    }

    /// The response to `send`, `edit`, `delete` or `react`.
    pub fn stored(id: u64, conversation: ConversationId, stored: Stored) -> Self {
        let Stored { seq, at, duplicate } = stored;
        Self { at: Some(at), duplicate: Some(duplicate), ..Self::marked(id, conversation, seq) }
    }

    /// The response to `read`.
    pub fn marked(id: u64, conversation: ConversationId, seq: Seq) -> Self {
        Self { conversation: Some(conversation), seq: Some(seq), ..Self::done(id) }
    }

    /// The response to `sync`.
    pub fn synced(id: u64, conversation: ConversationId, events: Vec<Event>, head: Seq) -> Self {
        Self { conversation: Some(conversation), events: Some(events), head: Some(head), ..Self::done(id) }
    }

    /// Where a command was stored; `None` in a response to any other command.
    pub fn to_stored(&self) -> Option<Stored> {
        Some(Stored { seq: self.seq?, at: self.at?, duplicate: self.duplicate? })
    }

    /// The events and the head of the log; none in a response to any command but `sync`.
    pub fn into_page(self) -> (Vec<Event>, Seq) {
        (self.events.unwrap_or_default(), self.head.unwrap_or_default())
    }
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
