//! What happens in conversations and to people, as it is stored, delivered live and read in catch-up pages.
//!
//! Invariant: an [`Event`] is the same bytes for everyone who receives it. A kind that a version does not know is kept as
//! it is; its position counts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{ConversationId, Seq, SessionId, UserId};
use crate::messages::Mention;
use crate::rooms::MemberRole;
use crate::time::Timestamp;

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
    /// What the user may do in a conversation changed; read the conversation again. Changes that its log contains, such
    /// as the end of a friendship, aren't repeated here.
    #[serde(rename = "rights.changed")]
    RightsChanged {
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
