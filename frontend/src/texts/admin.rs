//! Texts of the administration pages.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::jobs::JobKind;

texts! {
    title = "Administration";
    refused_title = "For administrators";
    refused_text = "Your account doesn't have access to this page.";
    overview = "Overview";
    people = "People";
    rooms = "Rooms";
    access = "Access";
    audit = "Audit log";
    jobs = "Failed jobs";

    online_now = "Online now";
    directs = "Direct chats";
    events = "Messages and events";
    connections = "Connections on this server";
    server_version(server: &str, version: &str) = "{server} · Parlour {version}";

    search_people = "Search people";
    search_rooms = "Search rooms";
    nothing_found = "No results";
    nothing_found_text = "Try another name.";
    since(handle: &str, day: &str) = "{handle} · joined {day}";
    bot_of = "Bot of";
    administrator = "Administrator";
    suspended = "Suspended";
    suspend = "Suspend";
    suspend_title(name: &str) = "Suspend {name}?";
    suspend_text = "They're logged out right away and can't log in again.";
    unsuspend = "Unsuspend";
    delete_room = "Delete room";
    delete_room_named(room: &str) = "Delete {room}";
    delete_room_title(room: &str) = "Delete {room}?";
    delete_room_text = "The room and everything in it will be deleted for everyone.";
    room_line(members: &str, events: &str) = "{members} · {events}";

    reset_password = "Reset password…";
    reset_title(name: &str) = "Create a password link for {name}?";
    reset_text = "It sets a new password once, within an hour, and logs them out everywhere. Anyone with the link can take \
                  over the account: give it only to them.";
    reset_confirm = "Create link";
    reset_link = "Send this link only to them; you won't see it again:";
    factor_off = "Turn off two-factor";
    factor_off_title(name: &str) = "Turn off {name}'s two-factor authentication?";
    factor_off_text = "After that their password alone is enough to log in. Their passkeys are removed, too, and they're \
                       logged out everywhere.";
    factor_off_confirm = "Turn off";
    factor_is_off = "Two-factor authentication is off.";

    approvals = "Waiting for approval";
    approvals_none = "No one is waiting.";
    approve = "Approve";
    reject = "Reject";
    reject_title(name: &str) = "Reject {name}?";
    reject_text = "The account is removed, and its username is free again.";
    waiting_since(handle: &str, moment: &str) = "{handle} · since {moment}";

    invites = "Invites";
    invites_none = "There are no open invites.";
    uses = "Number of uses";
    uses_hint = "From 1 to 1,000.";
    days = "Expires after (days)";
    days_hint = "From 1 to 365.";
    create_invite = "Create invite";
    invite_link = "Send this link; you won't see it again:";
    used(used: i64, uses: &str) = "{used} of {uses} used";
    invite_by(name: &str, moment: &str) = "By {name} · until {moment}";
    revoke = "Revoke";
    revoke_title = "Revoke this invite?";
    revoke_text = "No one will be able to create an account with it.";

    jobs_text = "Work that the server gave up on after several attempts. Fix the cause, then try again.";
    jobs_none = "Nothing has failed.";
    job_line(tries: &str, moment: &str) = "{tries}, the last one on {moment}";
    job_retry = "Try again";
    job_delete = "Delete";
    job_delete_title = "Delete this job?";
    job_delete_text = "Its work will never be done.";

    audit_none = "Nothing has happened yet.";
    unknown_person = "Unknown";
    command_line = "Command line";
    actor_subject(actor: &str, subject: &str) = "{actor} → {subject}";
}

/// `12 events`.
pub(crate) fn event_count(count: i64) -> String {
    super::counted(count, "event", "events")
}

/// `5 attempts`.
pub(crate) fn attempt_count(count: i64) -> String {
    super::counted(count, "attempt", "attempts")
}

/// A job's kind, in a few words.
pub(crate) fn job_kind(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Mail => "Send an email",
        JobKind::ResetRequest => "Answer a request for a new password",
        JobKind::Erasure => "Erase what a deleted account wrote",
        JobKind::Cleaning => "Delete what is no longer needed",
        JobKind::Unknown => "Unknown job",
    }
}

/// Who is shown for an audit log entry without an actor: somebody who wasn't logged in, or the operator.
pub(crate) fn nobody_named(kind: AuditKind) -> &'static str {
    match kind {
        AuditKind::Promoted | AuditKind::KeysRotated | AuditKind::PasswordResetCreated => command_line(),
        _ => unknown_person(),
    }
}

/// An audit log entry's kind, in a few words.
pub(crate) fn audit_kind(kind: AuditKind) -> &'static str {
    match kind {
        AuditKind::Registered => "Account created",
        AuditKind::LoggedIn => "Logged in",
        AuditKind::LogInFailed => "Log-in failed",
        AuditKind::RefreshReused => "Session ended: its token was used twice",
        AuditKind::SessionEnded => "Logged out a device",
        AuditKind::PasswordChanged => "Password changed",
        AuditKind::PasswordResetCreated => "Password link created",
        AuditKind::PasswordReset => "Password set by link",
        AuditKind::IdentityAdded => "Log-in provider connected",
        AuditKind::IdentityRemoved => "Log-in provider removed",
        AuditKind::SecondFactorAdded => "Two-factor authentication turned on",
        AuditKind::SecondFactorRemoved => "Two-factor authentication turned off",
        AuditKind::SecondFactorFailed => "Two-factor code rejected",
        AuditKind::RecoveryCodeUsed => "Recovery code used",
        AuditKind::RecoveryCodesRenewed => "Recovery codes renewed",
        AuditKind::PasswordResetRequested => "Password email requested",
        AuditKind::EmailChanged => "Email address changed",
        AuditKind::EmailVerified => "Email address confirmed",
        AuditKind::EmailRemoved => "Email address removed",
        AuditKind::PasskeyAdded => "Passkey added",
        AuditKind::PasskeyRemoved => "Passkey removed",
        AuditKind::LoggedInByPasskey => "Logged in with a passkey",
        AuditKind::PasskeyRefused => "Passkey rejected",
        AuditKind::PasskeyCopied => "Passkey rejected: it may be a copy",
        AuditKind::TokenCreated => "Access token created",
        AuditKind::TokenRevoked => "Access token revoked",
        AuditKind::BotCreated => "Bot created",
        AuditKind::BotDeleted => "Bot deleted",
        AuditKind::Blocked => "Blocked someone",
        AuditKind::Unblocked => "Unblocked someone",
        AuditKind::MessageRemoved => "Message deleted by a moderator",
        AuditKind::RoomDeleted => "Room deleted",
        AuditKind::Suspended => "Account suspended",
        AuditKind::Reinstated => "Account unsuspended",
        AuditKind::Approved => "Account approved",
        AuditKind::Rejected => "Account rejected",
        AuditKind::Promoted => "Made administrator",
        AuditKind::InviteCreated => "Invite created",
        AuditKind::InviteRevoked => "Invite revoked",
        AuditKind::Exported => "Data exported",
        AuditKind::AccountDeleted => "Account deleted",
        AuditKind::Denied => "Access denied",
        AuditKind::KeysRotated => "Access keys changed",
        AuditKind::Unknown => "Something new",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_the_audit_log_has_words_of_its_own() {
        let words: std::collections::BTreeSet<_> =
            AuditKind::ALL.iter().map(|kind| audit_kind(*kind)).collect();
        assert_eq!(words.len(), AuditKind::ALL.len());
        assert!(!words.contains(audit_kind(AuditKind::Unknown)));
    }
}
