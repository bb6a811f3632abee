//! Rooms that one is in and direct chats, as one list; and the catch-up of a conversation's log.

use serde::{Deserialize, Serialize};

use crate::ids::{ConversationId, Seq};
use crate::messages::Message;
use crate::rooms::MemberRole;
use crate::socket::Event;
use crate::time::Timestamp;
use crate::users::User;

/// What sort of conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// A public room.
    Room,
    /// A private chat of two friends; it never gets a third member.
    Direct,
}

/// A conversation that one takes part in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Room or direct chat.
    pub kind: ConversationKind,
    /// The room's name; absent for direct chats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The room's topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The other person of a direct chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<User>,
    /// Whether the other person of a direct chat is online; absent for rooms and people who are no friends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
    /// One's own role in a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<MemberRole>,
    /// Whether one may write now; false in a direct chat with somebody who is no friend.
    pub writable: bool,
    /// How many people take part.
    pub member_count: i64,
    /// Newest position of the log.
    pub head: Seq,
    /// Up to where one has read.
    pub read_seq: Seq,
    /// Unread messages of others whom one doesn't block, counted up to 100.
    pub unread: i64,
    /// How many of them mention one or answer one, counted up to 100.
    pub mentions: i64,
    /// The newest message that was not deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Message>,
    /// When something was last said or changed.
    pub last_activity_at: Timestamp,
}

/// A page of a conversation's log, oldest first. Apply it as live events; ask again while `next_after < head`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventPage {
    /// Consecutive events, the first one directly after the cursor that was asked for.
    pub items: Vec<Event>,
    /// Newest position of the log when the page was read.
    pub head: Seq,
    /// The position of the last item, or the cursor that was asked for where there is none.
    pub next_after: Seq,
    /// `after` for the next page; absent when this one reaches the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Seq>,
}

impl EventPage {
    /// The page after a cursor, of a log that reaches to `head`.
    pub fn after(cursor: Seq, items: Vec<Event>, head: Seq) -> Self {
        let next_after = items.last().map_or(cursor, |event| event.seq);
        let head = head.max(next_after);
        Self { next: (next_after < head).then_some(next_after), items, head, next_after }
    }
}

/// Says up to where one has read. The marker never moves back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MarkRead {
    /// Position of the last thing that was seen.
    pub seq: Seq,
}

/// The read marker after it was moved, or where it was already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReadMarker {
    /// Up to where one has read.
    pub seq: Seq,
}
