//! A row of the log, and what it means: an event as clients see it, or a message in its current state.
//!
//! Invariant: every change that this version makes is read back as the same change.

use diesel::prelude::*;
use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::{Mention, Message};
use parlour_protocol::rooms::MemberRole;
use parlour_protocol::text;
use parlour_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::schema::events;

/// `kind` of a new message.
pub const MESSAGE: i16 = 0;
/// `kind` of an edit.
pub const EDITED: i16 = 1;
const DELETED: i16 = 2;
const REACTION_ADDED: i16 = 3;
const REACTION_REMOVED: i16 = 4;
const JOINED: i16 = 5;
const LEFT: i16 = 6;
const ROOM_CHANGED: i16 = 7;
const ROOM_DELETED: i16 = 8;
const DIRECT_CHANGED: i16 = 9;
const AUTHOR_ERASED: i16 = 10;

/// A row of the log.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = events)]
#[diesel(treat_none_as_default_value = false)]
pub struct EventRow {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Position in the log.
    pub seq: i64,
    /// What happened: one of the constants above.
    pub kind: i16,
    /// Who did it; 0 for a change of friendship in a direct chat.
    pub author_id: UserId,
    /// When it happened, in microseconds since 1970.
    pub at: i64,
    /// Client id of a message.
    pub cid: Option<String>,
    /// Position of the message that is replied to, edited, deleted or reacted to.
    pub target: Option<i64>,
    /// The text as it was sent. For kinds other than messages and edits: details as JSON.
    pub body: Option<String>,
    /// The message's text after its last edit; `None` if it was never edited.
    pub current_body: Option<String>,
    /// When the message was last edited.
    pub edited_at: Option<i64>,
    /// When the message was deleted.
    pub deleted_at: Option<i64>,
    /// The users that handles in a message or an edit refer to, as JSON. A message's row covers its first text and
    /// every edit, since a handle refers to the same user in all of them.
    pub mentions: Option<String>,
    /// Author of the message that is replied to or deleted.
    pub target_author: Option<UserId>,
}

/// Details of kinds that have no columns of their own.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Details {
    Reaction { emoji: String },
    Joined { role: MemberRole },
    Room { name: String, topic: String },
    Direct { writable: bool },
}

impl EventRow {
    /// The row of a new change. Messages are stored with [`insert_messages`](super::insert_messages); their rows are built here too.
    pub fn new(conversation: ConversationId, seq: Seq, at: Timestamp, change: &Change) -> Self {
        let row = |kind, author: UserId| Self {
            conversation_id: conversation,
            seq,
            kind,
            author_id: author,
            at: at.0,
            cid: None,
            target: None,
            body: None,
            current_body: None,
            edited_at: None,
            deleted_at: None,
            mentions: None,
            target_author: None,
        };
        let details = |details: Details| serde_json::to_string(&details).ok();
        match change {
            Change::MessageCreated { author, cid, body, reply_to, reply_author, mentions } => Self {
                cid: Some(cid.clone()),
                body: body.clone(),
                target: *reply_to,
                target_author: *reply_author,
                mentions: mentions.as_deref().and_then(write_mentions),
                ..row(MESSAGE, *author)
            },
            Change::MessageEdited { author, target, body, mentions } => Self {
                target: Some(*target),
                body: body.clone(),
                mentions: mentions.as_deref().and_then(write_mentions),
                ..row(EDITED, *author)
            },
            Change::MessageDeleted { actor, target, author } => {
                Self { target: Some(*target), target_author: *author, ..row(DELETED, *actor) }
            }
            Change::ReactionAdded { user, target, emoji } => Self {
                target: Some(*target),
                body: details(Details::Reaction { emoji: emoji.clone() }),
                ..row(REACTION_ADDED, *user)
            },
            Change::ReactionRemoved { user, target, emoji } => Self {
                target: Some(*target),
                body: details(Details::Reaction { emoji: emoji.clone() }),
                ..row(REACTION_REMOVED, *user)
            },
            Change::MemberJoined { user, role: what } => {
                Self { body: details(Details::Joined { role: *what }), ..row(JOINED, *user) }
            }
            Change::MemberLeft { user } => row(LEFT, *user),
            Change::RoomChanged { actor, name, topic } => Self {
                body: details(Details::Room { name: name.clone(), topic: topic.clone() }),
                ..row(ROOM_CHANGED, *actor)
            },
            Change::RoomDeleted { actor } => row(ROOM_DELETED, *actor),
            Change::DirectChanged { writable } => Self {
                body: details(Details::Direct { writable: *writable }),
                ..row(DIRECT_CHANGED, UserId(0))
            },
            Change::AuthorErased { author } => row(AUTHOR_ERASED, *author),
            // This server never creates these.
            Change::Unknown(_) => row(-1, UserId(0)),
        }
    }

    /// The event as it is sent to clients. A row that can't be read becomes an unknown kind, so that one damaged row
    /// never blocks a stream.
    pub fn into_event(self) -> Event {
        let user = self.author_id;
        let target = self.target.unwrap_or(0);
        let details = self.body.as_deref().and_then(|text| serde_json::from_str::<Details>(text).ok());
        let mentions = self.mentions_in(self.body.as_deref());
        let change = match (self.kind, details) {
            (MESSAGE, _) => Change::MessageCreated {
                author: user,
                cid: self.cid.unwrap_or_default(),
                body: self.body,
                reply_to: self.target,
                reply_author: self.target_author,
                mentions,
            },
            (EDITED, _) => Change::MessageEdited { author: user, target, body: self.body, mentions },
            (DELETED, _) => Change::MessageDeleted { actor: user, target, author: self.target_author },
            (REACTION_ADDED, Some(Details::Reaction { emoji })) => {
                Change::ReactionAdded { user, target, emoji }
            }
            (REACTION_REMOVED, Some(Details::Reaction { emoji })) => {
                Change::ReactionRemoved { user, target, emoji }
            }
            (JOINED, Some(Details::Joined { role })) => Change::MemberJoined { user, role },
            (LEFT, _) => Change::MemberLeft { user },
            (ROOM_CHANGED, Some(Details::Room { name, topic })) => {
                Change::RoomChanged { actor: user, name, topic }
            }
            (ROOM_DELETED, _) => Change::RoomDeleted { actor: user },
            (DIRECT_CHANGED, Some(Details::Direct { writable })) => Change::DirectChanged { writable },
            (AUTHOR_ERASED, _) => Change::AuthorErased { author: user },
            _ => Change::Unknown(serde_json::json!({ "kind": "unreadable", "data": {} })),
        };
        Event { conversation: self.conversation_id, seq: self.seq, at: Timestamp(self.at), change }
    }

    /// The users that handles in any text of the message refer to; empty if they weren't recorded.
    pub fn known_mentions(&self) -> Vec<Mention> {
        self.mentions.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// Those whose handle is in this text; `None` if mentions weren't recorded, or the text has no handles.
    fn mentions_in(&self, body: Option<&str>) -> Option<Vec<Mention>> {
        self.mentions.as_ref()?;
        let handles = text::mentions(body?);
        let named = |mention: &Mention| handles.contains(&mention.handle);
        (!handles.is_empty()).then(|| self.known_mentions().into_iter().filter(named).collect())
    }

    /// The message in its current state, without reactions.
    pub fn into_message(self) -> Message {
        let mentions = self.mentions_in(self.current_body.as_deref().or(self.body.as_deref()));
        Message {
            seq: self.seq,
            author: self.author_id,
            cid: self.cid.unwrap_or_default(),
            body: self.current_body.or(self.body),
            reply_to: self.target,
            reply_author: self.target_author,
            mentions,
            at: Timestamp(self.at),
            edited_at: self.edited_at.filter(|_| self.deleted_at.is_none()).map(Timestamp),
            deleted_at: self.deleted_at.map(Timestamp),
            reactions: Vec::new(),
        }
    }
}

pub(super) fn write_mentions(mentions: &[Mention]) -> Option<String> {
    serde_json::to_string(mentions).ok()
}
