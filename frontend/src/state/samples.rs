//! Values that several tests of the models start from.

use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::User;

/// A person; the names are the id.
pub(crate) fn user(id: i64) -> User {
    User { id: UserId(id), handle: id.to_string(), display_name: id.to_string(), avatar: None, bot: false }
}

/// An empty conversation of two without a name, in which nothing ever happened.
pub(crate) fn conversation(id: i64, kind: ConversationKind) -> Conversation {
    Conversation {
        id: ConversationId(id),
        kind,
        name: None,
        topic: None,
        peer: None,
        online: None,
        role: None,
        writable: true,
        can: Vec::new(),
        member_count: 2,
        head: 0,
        read_seq: 0,
        unread: 0,
        mentions: 0,
        last_message: None,
        last_activity_at: Timestamp(0),
    }
}
