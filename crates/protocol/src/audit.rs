//! The log of what happened to accounts and rights, for administrators. It holds no text that people wrote, no
//! password and no token.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::time::Timestamp;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:tt,)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum AuditKind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
            /// A kind that this version does not know.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl AuditKind {
            /// Every kind that a server writes.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The kind as written on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* Self::Unknown => "unknown" }
            }

            /// The kind of a text; unknown when there is none.
            pub fn of(text: &str) -> Self {
                match text { $($text => Self::$name,)* _ => Self::Unknown }
            }
        }
    };
}

kinds! {
    /// Somebody registered.
    Registered = "registered",
    /// Somebody logged in.
    LoggedIn = "logged_in",
    /// A log-in failed; the subject is there when the handle belongs to somebody.
    LogInFailed = "log_in_failed",
    /// A refresh token was used a second time: stolen, perhaps. Its session was ended.
    RefreshReused = "refresh_reused",
    /// Somebody ended a session of theirs.
    SessionEnded = "session_ended",
    /// Somebody changed their password; their other sessions ended.
    PasswordChanged = "password_changed",
    /// An administrator, or the command line when there is no actor, made a link that sets somebody's password.
    PasswordResetCreated = "password_reset_created",
    /// Somebody set a new password by such a link; all their sessions ended.
    PasswordReset = "password_reset",
    /// Somebody added an account with the provider of OpenID Connect.
    IdentityAdded = "identity_added",
    /// Somebody removed such an account.
    IdentityRemoved = "identity_removed",
    /// Somebody turned their second factor on.
    SecondFactorAdded = "second_factor_added",
    /// A second factor was turned off: by its owner, or by an administrator when there is a subject.
    SecondFactorRemoved = "second_factor_removed",
    /// The password of a log-in was right, the code was not.
    SecondFactorFailed = "second_factor_failed",
    /// Somebody used a recovery code up.
    RecoveryCodeUsed = "recovery_code_used",
    /// Somebody made new recovery codes.
    RecoveryCodesRenewed = "recovery_codes_renewed",
    /// Somebody asked for a mail with a link that sets the password of the account that is the subject.
    PasswordResetRequested = "password_reset_requested",
    /// Somebody chose an e-mail address; it waits to be confirmed.
    EmailChanged = "email_changed",
    /// An e-mail address was confirmed.
    EmailVerified = "email_verified",
    /// Somebody removed their e-mail address.
    EmailRemoved = "email_removed",
    /// Somebody added a passkey.
    PasskeyAdded = "passkey_added",
    /// A passkey was removed: by its owner, or all of them by an administrator when there is a subject.
    PasskeyRemoved = "passkey_removed",
    /// Somebody logged in with a passkey alone.
    LoggedInByPasskey = "logged_in_by_passkey",
    /// A passkey's answer was refused; the subject is there when the passkey is somebody's.
    PasskeyRefused = "passkey_refused",
    /// A passkey's answer was refused because its counter did not go on: there is a copy of it, perhaps.
    PasskeyCopied = "passkey_copied",
    /// Somebody made a token: for their bot when there is a subject.
    TokenCreated = "token_created",
    /// Somebody revoked a token: of their bot when there is a subject.
    TokenRevoked = "token_revoked",
    /// Somebody made the bot that is the subject.
    BotCreated = "bot_created",
    /// Somebody deleted the bot that is the subject, or it went with its owner.
    BotDeleted = "bot_deleted",
    /// Somebody blocked somebody; whom is not noted.
    Blocked = "blocked",
    /// Somebody unblocked somebody; whom is not noted.
    Unblocked = "unblocked",
    /// A moderator or owner deleted somebody else's message.
    MessageRemoved = "message_removed",
    /// An owner or administrator deleted a room.
    RoomDeleted = "room_deleted",
    /// An administrator suspended an account.
    Suspended = "suspended",
    /// An administrator lifted a suspension.
    Reinstated = "reinstated",
    /// An administrator let a waiting account in.
    Approved = "approved",
    /// An administrator turned a waiting account away.
    Rejected = "rejected",
    /// An account became an administrator's, by the command line.
    Promoted = "promoted",
    /// Somebody made an invite.
    InviteCreated = "invite_created",
    /// Somebody revoked an invite.
    InviteRevoked = "invite_revoked",
    /// Somebody exported their own data.
    Exported = "exported",
    /// Somebody deleted their account.
    AccountDeleted = "account_deleted",
    /// Somebody asked for what they may not do.
    Denied = "denied",
    /// The keys of access tokens were changed, by the command line.
    KeysRotated = "keys_rotated",
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Position in the log, as the cursor takes it.
    #[serde(with = "position")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: AuditKind,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// To whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<UserId>,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// With which operation, for what was denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// A number that JavaScript shall not round.
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
