//! Conversations: the caller's rooms and direct chats in one list, and catch-up on a conversation's log.
//!
//! Invariant: [`EventPage`] carries the same [`Event`] values as the socket, so a client applies both with one code
//! path.

use serde::{Deserialize, Serialize};

use crate::events::{Change, Event};
use crate::ids::{ConversationId, Seq};
use crate::messages::Message;
use crate::rights::Permission;
use crate::rooms::MemberRole;
use crate::time::Timestamp;
use crate::users::User;

/// Kind of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// A public room.
    Room,
    /// A private chat between two friends; it never gets a third member.
    Direct,
}

/// A conversation the caller is a member of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conversation {
    /// Id of the conversation.
    pub id: ConversationId,
    /// Room or direct chat.
    pub kind: ConversationKind,
    /// The room's name; absent for direct chats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The room's topic; absent for direct chats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The other user of a direct chat; absent for rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<User>,
    /// Whether the other user of a direct chat is online; absent for rooms and for users who aren't friends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
    /// The caller's role; absent for direct chats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<MemberRole>,
    /// Whether the caller can write now; false in a direct chat with someone who isn't a friend.
    pub writable: bool,
    /// What the caller may do now. Changes with `direct.changed`, `room.deleted` and `rights.changed`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub can: Vec<Permission>,
    /// Number of members.
    pub member_count: i64,
    /// Latest position of the log.
    pub head: Seq,
    /// The caller's read marker: the last position they have read.
    pub read_seq: Seq,
    /// Number of unread messages from other users whom the caller doesn't block, counted up to 100.
    pub unread: i64,
    /// Number of unread messages that mention the caller or reply to them, counted up to 100.
    pub mentions: i64,
    /// The newest message that isn't deleted; absent if there is none among the most recent events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Message>,
    /// When the log last grew.
    pub last_activity_at: Timestamp,
}

impl Conversation {
    /// Applies an event of the conversation to what the caller may do.
    pub fn apply_rights(&mut self, change: &Change) {
        match change {
            Change::DirectChanged { writable } => {
                self.writable = *writable;
                let has = |one: &Permission| match one {
                    Permission::Write | Permission::React => *writable,
                    other => self.can.contains(other),
                };
                self.can = Permission::ALL.iter().copied().filter(has).collect();
            }
            Change::RoomDeleted { .. } => {
                self.writable = false;
                self.can.clear();
            }
            _ => {}
        }
    }
}

/// A page of a conversation's log, oldest first. Apply the items like live events, and request the next page while
/// `next_after < head`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventPage {
    /// Consecutive events, starting directly after the requested cursor.
    pub items: Vec<Event>,
    /// Latest position of the log when the page was read.
    pub head: Seq,
    /// Position of the last item, or the requested cursor if there are no items.
    pub next_after: Seq,
    /// `after` for the next page; absent if this page reaches the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Seq>,
}

impl EventPage {
    /// Builds the page after `cursor` of a log whose latest position is `head`.
    pub fn after(cursor: Seq, items: Vec<Event>, head: Seq) -> Self {
        let next_after = items.last().map_or(cursor, |event| event.seq);
        let head = head.max(next_after);
        Self { next: (next_after < head).then_some(next_after), items, head, next_after }
    }
}

/// Moves the caller's read marker. The marker never moves back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MarkRead {
    /// Position of the last event the caller has seen.
    pub seq: Seq,
}

/// The read marker after the request; it may already have been further ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReadMarker {
    /// The last position the caller has read.
    pub seq: Seq,
}
