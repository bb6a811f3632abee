//! The audit log for administrators: what happened to accounts and rights.
//!
//! Invariant: it holds no text that users wrote, no password and no token.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::kinds::kinds;
use crate::time::Timestamp;

kinds! {
    /// Kind of an audit log entry.
    AuditKind,
    "Every kind the server writes.",
    /// A user registered.
    Registered = "registered",
    /// A user logged in.
    LoggedIn = "logged_in",
    /// A log-in failed; `subject` is set if the handle belongs to an account.
    LogInFailed = "log_in_failed",
    /// A refresh token was used a second time, so it may be stolen. Its session was ended.
    RefreshReused = "refresh_reused",
    /// A user ended one of their sessions.
    SessionEnded = "session_ended",
    /// A user changed their password; their other sessions ended.
    PasswordChanged = "password_changed",
    /// An administrator created a link that sets a user's password. Without an actor, it was created on the command
    /// line.
    PasswordResetCreated = "password_reset_created",
    /// A user set a new password with such a link; all their sessions ended.
    PasswordReset = "password_reset",
    /// A user linked an account of the OpenID Connect provider.
    IdentityAdded = "identity_added",
    /// A user unlinked such an account.
    IdentityRemoved = "identity_removed",
    /// A user turned on their second factor.
    SecondFactorAdded = "second_factor_added",
    /// A second factor was turned off by its owner, or by an administrator if `subject` is set.
    SecondFactorRemoved = "second_factor_removed",
    /// The password of a log-in was right, but the code was wrong.
    SecondFactorFailed = "second_factor_failed",
    /// A user used up a recovery code.
    RecoveryCodeUsed = "recovery_code_used",
    /// A user created new recovery codes.
    RecoveryCodesRenewed = "recovery_codes_renewed",
    /// Someone requested an email with a link that sets the password of the account in `subject`.
    PasswordResetRequested = "password_reset_requested",
    /// A user entered a new email address, which isn't confirmed yet.
    EmailChanged = "email_changed",
    /// An email address was confirmed.
    EmailVerified = "email_verified",
    /// A user removed their email address.
    EmailRemoved = "email_removed",
    /// A user added a passkey.
    PasskeyAdded = "passkey_added",
    /// A passkey was removed by its owner, or all of an account's passkeys by an administrator if `subject` is set.
    PasskeyRemoved = "passkey_removed",
    /// A user logged in with a passkey alone.
    LoggedInByPasskey = "logged_in_by_passkey",
    /// A passkey's response was refused; `subject` is set if the passkey belongs to an account.
    PasskeyRefused = "passkey_refused",
    /// A passkey's response was refused because its signature counter didn't increase, so it may have been cloned.
    PasskeyCopied = "passkey_copied",
    /// A user created a token for themselves, or for their bot if `subject` is set.
    TokenCreated = "token_created",
    /// A user revoked a token of their own, or of their bot if `subject` is set.
    TokenRevoked = "token_revoked",
    /// A user created the bot in `subject`.
    BotCreated = "bot_created",
    /// The bot in `subject` was deleted, by its owner or together with its owner's account.
    BotDeleted = "bot_deleted",
    /// A user blocked someone; whom is not recorded.
    Blocked = "blocked",
    /// A user unblocked someone; whom is not recorded.
    Unblocked = "unblocked",
    /// A moderator or owner deleted someone else's message.
    MessageRemoved = "message_removed",
    /// An owner or administrator deleted a room.
    RoomDeleted = "room_deleted",
    /// An administrator suspended an account.
    Suspended = "suspended",
    /// An administrator lifted a suspension.
    Reinstated = "reinstated",
    /// An administrator approved a waiting account.
    Approved = "approved",
    /// An administrator rejected a waiting account.
    Rejected = "rejected",
    /// An account was made an administrator on the command line.
    Promoted = "promoted",
    /// A user created an invite.
    InviteCreated = "invite_created",
    /// A user revoked an invite.
    InviteRevoked = "invite_revoked",
    /// A user exported their own data.
    Exported = "exported",
    /// A user deleted their account.
    AccountDeleted = "account_deleted",
    /// A user requested something they may not do.
    Denied = "denied",
    /// The signing keys of access tokens were rotated on the command line.
    KeysRotated = "keys_rotated",
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Position in the log; also the cursor for the next page.
    #[serde(with = "position")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: AuditKind,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// The account it was done to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<UserId>,
    /// IP address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The operation that was denied, for entries of kind `denied`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// Serializes the position as a string, because JavaScript would round a large number.
mod position {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(id: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
