//! Which problem codes an operation can return.
//!
//! Invariant: this list is verified: tests compare every refusal they get with it. `own` is a table, so it is as long as
//! there are operations with codes of their own.

use parlour_protocol::problems::ErrorCode;

use crate::idempotency;

/// General properties of an operation that determine common codes.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Whether it requires an access token.
    pub authenticated: bool,
    /// Whether it takes a request body.
    pub body: bool,
    /// Whether its path contains a parameter.
    pub names: bool,
}

/// All codes of an operation, in the order of [`ErrorCode::ALL`].
pub fn of(operation: &str, kind: Kind) -> Vec<ErrorCode> {
    use ErrorCode::*;
    let mut all = vec![Malformed, Invalid, TooLarge, RequestTimeout, Internal, Unavailable, RateLimited];
    if kind.authenticated {
        all.extend([Unauthenticated, TokenExpired, InsufficientScope]);
    }
    if kind.body {
        all.push(UnsupportedMedia);
    }
    if kind.names {
        all.push(NotFound);
    }
    if idempotency::OPERATIONS.contains(&operation) {
        all.extend([IdempotencyKeyReused, Conflict]);
    }
    all.extend(own(operation));
    ErrorCode::ALL.iter().copied().filter(|code| all.contains(code)).collect()
}

fn own(operation: &str) -> &'static [ErrorCode] {
    use ErrorCode::*;
    match operation {
        "create_account" => &[Taken, RegistrationClosed, InviteNeeded, Forbidden, LimitReached],
        "create_provider_account" => &[
            Taken,
            RegistrationClosed,
            InviteNeeded,
            Forbidden,
            LimitReached,
            ProviderOff,
            Unauthenticated,
            Conflict,
        ],
        "create_session" => &[BadCredentials, SecondFactorRequired, ApprovalPending, Forbidden],
        "begin_provider_log_in" => &[ProviderOff, ProviderFailed, Forbidden],
        "complete_provider_log_in" => &[
            ProviderOff,
            ProviderFailed,
            Unauthenticated,
            BadCredentials,
            SecondFactorRequired,
            ApprovalPending,
            Forbidden,
            Conflict,
        ],
        "complete_session" => &[BadCredentials, Unauthenticated, Forbidden, Conflict],
        "begin_passkey_session" => &[NotFound, Forbidden, Conflict],
        "create_passkey_session" => {
            &[NotFound, Gone, BadCredentials, Unauthenticated, Forbidden, Conflict, ApprovalPending]
        }
        "begin_passkey_step" => &[NotFound, Gone, Unauthenticated, Forbidden, Conflict],
        "complete_passkey_step" => &[NotFound, Gone, BadCredentials, Unauthenticated, Forbidden, Conflict],
        "refresh_session" => &[Unauthenticated, Forbidden],
        "complete_password_reset" | "complete_email_verification" => {
            &[Gone, NotFound, Forbidden, Conflict, Taken]
        }
        "request_password_reset" => &[MailOff, Forbidden],
        "update_account" => &[Taken],
        "upload_avatar" => &[UnsupportedMedia],
        "show_metrics" => &[Unauthenticated, NotFound],
        "change_password"
        | "export_account"
        | "delete_account"
        | "delete_passkey"
        | "delete_second_factor" => &[BadCredentials, LogInAgain, Conflict, Forbidden],
        "begin_second_factor" | "confirm_second_factor" | "renew_recovery_codes" | "begin_passkey" => {
            &[BadCredentials, LogInAgain, Conflict, LimitReached, NotFound]
        }
        "create_passkey" => &[Conflict, LimitReached, NotFound, BadCredentials, Gone],
        "change_email" | "delete_email" => &[BadCredentials, LogInAgain, MailOff, Taken, Conflict, NotFound],
        "show_email" => &[MailOff, NotFound],
        "begin_identity" => &[BadCredentials, LogInAgain, ProviderOff, ProviderFailed, Forbidden],
        "create_identity" => {
            &[LimitReached, ProviderOff, ProviderFailed, Unauthenticated, Taken, Conflict, Forbidden]
        }
        "delete_identity" => &[BadCredentials, LogInAgain, Conflict],
        "send_message" | "put_message" => &[NotFriends, NotMember, Conflict, Gone, LimitReached],
        "edit_message" | "delete_message" => {
            &[NotFriends, NotMember, Forbidden, Gone, Conflict, LimitReached]
        }
        "add_reaction" | "delete_reaction" => {
            &[NotFriends, NotMember, Gone, LimitReached, Invalid, Forbidden]
        }
        "mark_read" | "list_messages" | "show_message" | "list_events" | "show_conversation" => {
            &[NotMember, Gone]
        }
        "open_direct" => &[NotFriends, Conflict],
        "create_friend_request" | "accept_friend_request" => &[NotFound, Conflict, LimitReached, Forbidden],
        "create_block" => &[Conflict, LimitReached],
        "create_room" => &[Taken, LimitReached],
        "update_room" | "delete_room" => &[Taken, Forbidden, NotMember, Gone],
        "join_room" | "leave_room" | "list_members" | "show_room" => {
            &[LimitReached, Conflict, NotMember, Gone]
        }
        "create_token" | "create_bot_token" => {
            &[BadCredentials, LogInAgain, Conflict, LimitReached, Forbidden, NotFound]
        }
        "create_bot" => &[Taken, LimitReached],
        "delete_bot" => &[BadCredentials, LogInAgain, Conflict, Forbidden],
        "create_invite" => &[Forbidden, LimitReached, Conflict],
        "list_invites" | "delete_invite" => &[Forbidden, Conflict, Gone],
        "list_admin_users" | "show_statistics" | "list_audit_log" | "list_approvals" | "list_failed_jobs" => {
            &[NotFound]
        }
        "delete_job" => &[Conflict],
        "suspend_user"
        | "reinstate_user"
        | "approve_account"
        | "reject_account"
        | "create_password_reset"
        | "delete_user_second_factor" => &[Conflict, Forbidden],
        _ => &[],
    }
}
