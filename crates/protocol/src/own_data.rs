//! Exporting and deleting all data of the caller's account.

use serde::{Deserialize, Serialize};

use crate::accounts::Account;
use crate::api_tokens::Token;
use crate::blocks::Block;
use crate::bots::Bot;
use crate::conversations::Conversation;
use crate::emails::Email;
use crate::friends::{Friend, FriendRequests};
use crate::identities::Identity;
use crate::ids::{ConversationId, UserId};
use crate::messages::Message;
use crate::notifications::Notification;
use crate::passkeys::Passkey;
use crate::privacy::Privacy;
use crate::sessions::Session;
use crate::time::Timestamp;

/// Confirms with the password that the caller owns the account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmPassword {
    /// The caller's password.
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
}

impl std::fmt::Debug for ConfirmPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConfirmPassword(secret)")
    }
}

/// A line of an export. The first is `export` and the last is `end`; a file without `end` is incomplete. Each
/// `conversation` is followed by its `messages`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum ExportLine {
    /// First line: describes the export.
    Export(ExportHead),
    /// The account.
    Account(Account),
    /// The privacy settings.
    Privacy(Privacy),
    /// The friends.
    Friends(Vec<Friend>),
    /// Open friend requests.
    FriendRequests(FriendRequests),
    /// Blocked users.
    Blocks(Vec<Block>),
    /// Linked accounts of the OpenID Connect provider.
    Identities(Vec<Identity>),
    /// Active sessions.
    Sessions(Vec<Session>),
    /// Access tokens, without their secrets.
    Tokens(Vec<Token>),
    /// The caller's bots.
    Bots(Vec<Bot>),
    /// Passkeys, without their keys.
    Passkeys(Vec<Passkey>),
    /// The newest notifications, up to 1,000.
    Notifications(Vec<Notification>),
    /// The email address.
    Email(Email),
    /// The caller's profile picture.
    Picture(ExportedPicture),
    /// A room or direct chat the caller is a member of.
    Conversation(Box<Conversation>),
    /// Messages of the preceding conversation, oldest first: only the caller's in rooms, both users' in direct chats.
    Messages(ExportedMessages),
    /// Last line.
    End(ExportEnd),
    /// A kind this version doesn't know.
    #[serde(other)]
    Unknown,
}

/// First line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportHead {
    /// Version of the format.
    pub format: u32,
    /// Name of the server.
    pub server: String,
    /// When the export was started.
    pub at: Timestamp,
}

/// A picture in an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportedPicture {
    /// `image/png` or `image/jpeg`.
    pub media_type: String,
    /// The bytes of the file, in base64.
    pub base64: String,
}

/// A batch of messages in an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportedMessages {
    /// The conversation they belong to.
    pub conversation: ConversationId,
    /// The messages, oldest first.
    pub items: Vec<Message>,
}

/// Last line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportEnd {
    /// Number of messages in the export.
    pub messages: u64,
}

/// What was erased with an account. The server keeps no copy of this receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeletionReceipt {
    /// Id of the deleted account.
    pub account: UserId,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// Number of erased items of each kind.
    pub erased: Erased,
}

/// Number of erased items of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Erased {
    /// Messages whose text was erased, including the text of their edits.
    pub messages: i64,
    /// Rooms and direct chats the account left.
    pub conversations: i64,
    /// Friendships and open friend requests.
    pub friendships: i64,
    /// Blocks, in either direction.
    pub blocks: i64,
    /// Sessions and tokens.
    pub sessions: i64,
    /// Notifications and other entries of the account's event stream.
    pub notifications: i64,
    /// Profile pictures.
    pub pictures: i64,
    /// Invites.
    pub invites: i64,
    /// Bots, with all their data.
    #[serde(default)]
    pub bots: i64,
}
