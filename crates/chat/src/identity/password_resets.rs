//! Setting a new password without the old one, with a link from an administrator or from a mail.
//!
//! Invariant: a link works once, for one hour, and only the newest one of a user; using it ends every session. It logs
//! nobody in, so the second factor is still required.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{MINUTE, Timestamp};
use parlour_protocol::validation;
use parlour_storage::users::{UserChanges, UserRow};
use parlour_storage::{Connection, password_resets, sessions, users};

use crate::Refusal;
use crate::audit::{Note, note};
use crate::identity::sessions::ended;
use crate::mail_queue::{self, MailKind};
use crate::outcome::{Done, Outcome};
use crate::rights::demand_admin;

/// Lifetime of a link.
const LIFETIME: i64 = 60 * MINUTE;

/// Creates a link for a user, as an administrator; returns when it expires.
pub fn create(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    who: UserId,
    token_hash: &[u8],
) -> Done<Timestamp> {
    demand_admin(conn, user)?;
    let row = users::find(conn, who)?.ok_or(ErrorCode::NotFound)?;
    make(conn, now, Some(user), &row, token_hash)
}

/// Creates a link for the owner of a handle, from the command line.
pub fn create_by_handle(
    conn: &mut Connection,
    now: Timestamp,
    handle: &str,
    token_hash: &[u8],
) -> Done<Timestamp> {
    let row = users::find_by_handle(conn, &validation::fold(handle))?.ok_or(ErrorCode::NotFound)?;
    make(conn, now, None, &row, token_hash)
}

fn make(
    conn: &mut Connection,
    now: Timestamp,
    actor: Option<UserId>,
    row: &UserRow,
    token_hash: &[u8],
) -> Done<Timestamp> {
    if row.deleted_at.is_some() {
        return Err(ErrorCode::NotFound.into());
    }
    if row.is_bot() {
        return Err(Refusal::because(ErrorCode::Conflict, "Nobody logs in to a bot."));
    }
    if row.suspended_at.is_some() {
        return Err(Refusal::because(ErrorCode::Conflict, "This account is suspended."));
    }
    let (id, ends) = (row.id, Timestamp(now.0 + LIFETIME));
    password_resets::replace(conn, id, token_hash, ends.0)?;
    note(conn, now, Note { actor, ..Note::by(AuditKind::PasswordResetCreated, id).about(id) })?;
    Ok(Outcome::without_events(ends))
}

/// The user a link belongs to. Checked before the expensive password hash.
pub fn find(conn: &mut Connection, now: Timestamp, token_hash: &[u8]) -> Result<UserId, Refusal> {
    let found = password_resets::find(conn, token_hash, now.0)?;
    let row = match found {
        Some(user) => users::find(conn, user)?.filter(|row| row.suspended_at.is_none()),
        None => None,
    };
    row.map(|row| row.id).ok_or_else(over)
}

fn over() -> Refusal {
    Refusal::because(ErrorCode::Gone, "This link has expired. Ask for a new one.")
}

/// Uses up a link: stores the hash of the new password and ends every session.
pub fn complete(
    conn: &mut Connection,
    now: Timestamp,
    token_hash: &[u8],
    password_hash: &str,
    address: &str,
) -> Done<()> {
    let user = find(conn, now, token_hash)?;
    if !password_resets::take(conn, token_hash)? {
        return Err(over());
    }
    let changes = UserChanges { password_hash: Some(password_hash.to_owned()), ..UserChanges::default() };
    users::update(conn, user, changes)?;
    note(conn, now, Note::by(AuditKind::PasswordReset, user).from(address))?;
    mail_queue::notify(conn, now, user, MailKind::PasswordReset)?;
    let all = sessions::revoke(conn, user, None, None, now.0)?;
    Ok(Outcome { value: (), effects: ended(now, user, &all) })
}
