//! Taking one's own data along, and leaving nothing behind.

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

/// Shows once more that one is the owner of the account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmPassword {
    /// The password.
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
}

impl std::fmt::Debug for ConfirmPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConfirmPassword(secret)")
    }
}

/// A line of an export. The first is `export`, the last is `end`: without it the file is not complete. Each
/// `conversation` is followed by its `messages`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum ExportLine {
    /// What this is.
    Export(ExportHead),
    /// The account.
    Account(Account),
    /// Who may see what.
    Privacy(Privacy),
    /// Friends.
    Friends(Vec<Friend>),
    /// Friend requests that wait.
    FriendRequests(FriendRequests),
    /// Blocked people.
    Blocks(Vec<Block>),
    /// Accounts of the log-in provider.
    Identities(Vec<Identity>),
    /// Devices that are logged in.
    Sessions(Vec<Session>),
    /// Access tokens, without their secrets.
    Tokens(Vec<Token>),
    /// Bots.
    Bots(Vec<Bot>),
    /// Passkeys, without their keys.
    Passkeys(Vec<Passkey>),
    /// The newest notifications, up to 1,000.
    Notifications(Vec<Notification>),
    /// The email address.
    Email(Email),
    /// One's own picture.
    Picture(ExportedPicture),
    /// A room or direct chat that one takes part in.
    Conversation(Box<Conversation>),
    /// Messages of the conversation before it, oldest first: in rooms one's own, in direct chats those of both.
    Messages(ExportedMessages),
    /// The end.
    End(ExportEnd),
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What an export is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportHead {
    /// Version of the format.
    pub format: u32,
    /// Name of the server.
    pub server: String,
    /// When it was begun.
    pub at: Timestamp,
}

/// A picture in an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportedPicture {
    /// `image/png` or `image/jpeg`.
    pub media_type: String,
    /// The bytes, in base64.
    pub base64: String,
}

/// Some messages in an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportedMessages {
    /// Where they are.
    pub conversation: ConversationId,
    /// The messages.
    pub items: Vec<Message>,
}

/// How an export ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportEnd {
    /// How many messages it holds.
    pub messages: u64,
}

/// What was erased with an account. Nobody keeps a copy but the one who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeletionReceipt {
    /// The account that is no more.
    pub account: UserId,
    /// Since when.
    pub deleted_at: Timestamp,
    /// How many of each were erased.
    pub erased: Erased,
}

/// Counts of what was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Erased {
    /// Messages whose text is gone, with that of their edits.
    pub messages: i64,
    /// Rooms and direct chats that were left.
    pub conversations: i64,
    /// Friendships and requests.
    pub friendships: i64,
    /// Blocks, in either direction.
    pub blocks: i64,
    /// Log-ins and tokens.
    pub sessions: i64,
    /// Notifications and other lines of one's own stream.
    pub notifications: i64,
    /// Pictures.
    pub pictures: i64,
    /// Invites.
    pub invites: i64,
    /// Bots, with everything that is theirs.
    #[serde(default)]
    pub bots: i64,
}
