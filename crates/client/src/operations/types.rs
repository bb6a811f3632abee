//! Every type that the table of operations names. Code that expands [`operations!`](crate::operations!) imports all of
//! these, because a macro resolves types where it is used.

pub use parlour_protocol::accounts::{Account, ChangePassword, CreateAccount, UpdateAccount};
pub use parlour_protocol::admin::{AdminUser, Statistics};
pub use parlour_protocol::api_tokens::{CreateToken, CreatedToken, Token};
pub use parlour_protocol::audit::AuditEntry;
pub use parlour_protocol::blocks::Block;
pub use parlour_protocol::bots::{Bot, CreateBot};
pub use parlour_protocol::conversations::{Conversation, EventPage, MarkRead, ReadMarker};
pub use parlour_protocol::emails::{ChangeEmail, CompleteEmailVerification, Email};
pub use parlour_protocol::friends::{CreateFriendRequest, Friend, FriendRequests, Relationship};
pub use parlour_protocol::health::Health;
pub use parlour_protocol::identities::{
    BeginIdentity, BeginProviderLogIn, CompleteIdentity, CompleteProviderLogIn, CreateProviderAccount,
    Identity, ProviderLogIn,
};
pub use parlour_protocol::ids::{
    AvatarId, ConversationId, IdentityId, InviteId, JobId, PasskeyId, Seq, SessionId, TokenId, UserId,
};
pub use parlour_protocol::invites::{CreateInvite, CreatedInvite, Invite};
pub use parlour_protocol::jobs::FailedJob;
pub use parlour_protocol::messages::{EditMessage, Message, MessagePage, SendMessage, Stored};
pub use parlour_protocol::notifications::{Notifications, ReadNotifications};
pub use parlour_protocol::own_data::{ConfirmPassword, DeletionReceipt};
pub use parlour_protocol::passkeys::{
    BeginPasskeyStep, CompletePasskeyStep, CreatePasskey, CreatePasskeySession, Passkey, PasskeyCeremony,
    UpdatePasskey,
};
pub use parlour_protocol::password_resets::{CompletePasswordReset, PasswordReset, RequestPasswordReset};
pub use parlour_protocol::privacy::{Privacy, UpdatePrivacy};
pub use parlour_protocol::rooms::{CreateRoom, Member, Room, UpdateRoom};
pub use parlour_protocol::second_factors::{
    CompleteSession, ConfirmBoth, ConfirmSecondFactor, NewSecondFactor, RecoveryCodes, SecondFactor,
};
pub use parlour_protocol::sessions::{CreateSession, RefreshSession, Session, SignedIn};
pub use parlour_protocol::users::{Profile, User};
pub use parlour_protocol::{Page, ServerInfo};
pub use serde_json::Value;

pub use super::answers::{Lines, Picture, ProviderAnswer, Registered, Text};
pub use super::queries::{
    ListAll, ListAuditLog, ListConversations, ListEvents, ListMembers, ListMessages, ListNamed,
    ListNotifications, ListUsers,
};
