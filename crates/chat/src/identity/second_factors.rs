//! Turning the second factor on and off, and using codes.
//!
//! Invariant: a code is used up in the transaction that acts on it, so it never works twice, on whatever nodes it is
//! tried at the same time. Secrets are derived from a server key and never stored.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::second_factors::{FactorMethod, SecondFactor};
use parlour_protocol::time::Timestamp;
use parlour_storage::second_factors::SecondFactorRow;
use parlour_storage::{Connection, second_factors, sessions};
use sha2::{Digest, Sha256};

use crate::Refusal;
use crate::audit::{Note, note};
use crate::identity::sessions::ended;
use crate::identity::{passkeys, totp};
use crate::mail_queue::{self, MailKind};
use crate::outcome::{Done, Outcome};
use crate::rights::demand_admin;
use crate::secrets::MasterKey;

/// Number of recovery codes that are created.
pub const RECOVERY_CODES: usize = 10;

/// The hash of a recovery code, as it is stored. Dashes, spaces and case are ignored.
pub fn code_hash(code: &str) -> Vec<u8> {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_uppercase()).collect();
    Sha256::digest(plain).to_vec()
}

fn wrong() -> Refusal {
    Refusal::because(ErrorCode::BadCredentials, "This code is wrong or was used before.")
}

/// The error when two-factor authentication is off.
pub fn off() -> Refusal {
    Refusal::because(ErrorCode::Conflict, "Two-factor authentication is off.")
}

/// Whether a user has a confirmed second factor.
pub fn is_on(conn: &mut Connection, user: UserId) -> Result<bool, Refusal> {
    Ok(second_factors::find(conn, user)?.is_some_and(|row| row.confirmed_at.is_some()))
}

/// The ways to complete a log-in after the password was accepted. Passkeys count if the server offers them at all,
/// because their authenticator checks more than a code proves. Having passkeys doesn't turn the second factor on,
/// because they come without recovery codes: a user who lost their only device would be locked out.
pub fn methods(
    conn: &mut Connection,
    user: UserId,
    passkeys_offered: bool,
) -> Result<Vec<FactorMethod>, Refusal> {
    let mut methods = vec![FactorMethod::Code];
    if passkeys_offered && passkeys::has_any(conn, user)? {
        methods.push(FactorMethod::Passkey);
    }
    Ok(methods)
}

/// The state of the user's second factor.
pub fn show(conn: &mut Connection, user: UserId) -> Result<SecondFactor, Refusal> {
    let row = second_factors::find(conn, user)?;
    let since = row.and_then(|row| row.confirmed_at).map(Timestamp);
    Ok(SecondFactor { since, recovery_codes: second_factors::count_codes(conn, user)? })
}

/// Starts with a new secret, given its nonce. The second factor stays off until it is confirmed.
pub fn begin(conn: &mut Connection, user: UserId, nonce: &[u8]) -> Done<()> {
    if is_on(conn, user)? {
        return Err(Refusal::because(ErrorCode::Conflict, "Two-factor authentication is already on."));
    }
    second_factors::delete(conn, user)?;
    let row =
        SecondFactorRow { user_id: user, nonce: nonce.to_vec(), confirmed_at: None, last_step: i64::MIN };
    second_factors::insert(conn, &row)?;
    Ok(Outcome::without_events(()))
}

/// Turns the second factor on, given a code, and stores these recovery codes.
pub fn confirm(
    conn: &mut Connection,
    now: Timestamp,
    key: &MasterKey,
    user: UserId,
    code: &str,
    recovery: &[Vec<u8>],
) -> Done<()> {
    let row = second_factors::find(conn, user)?.filter(|row| row.confirmed_at.is_none());
    let row = row.ok_or_else(|| Refusal::because(ErrorCode::Conflict, "There is nothing to confirm."))?;
    take_step(conn, now, key, &row, code)?;
    if !second_factors::confirm(conn, user, now.0)? {
        return Err(ErrorCode::Conflict.into());
    }
    second_factors::replace_codes(conn, user, recovery)?;
    note(conn, now, Note::by(AuditKind::SecondFactorAdded, user))?;
    Ok(Outcome::without_events(()))
}

fn take_step(
    conn: &mut Connection,
    now: Timestamp,
    key: &MasterKey,
    row: &SecondFactorRow,
    code: &str,
) -> Result<(), Refusal> {
    let plain: String = code.chars().filter(|one| !one.is_whitespace()).collect();
    let step = totp::find_step(&key.totp_secret(row.user_id, &row.nonce), now, &plain).ok_or_else(wrong)?;
    if second_factors::use_step(conn, row.user_id, step)? { Ok(()) } else { Err(wrong()) }
}

/// Uses up a code from the app or a recovery code; an error if it is wrong.
pub fn take(
    conn: &mut Connection,
    now: Timestamp,
    key: &MasterKey,
    user: UserId,
    code: &str,
) -> Result<(), Refusal> {
    let row = second_factors::find(conn, user)?.filter(|row| row.confirmed_at.is_some()).ok_or_else(off)?;
    if code.chars().filter(|one| !one.is_whitespace()).count() <= 6 {
        return take_step(conn, now, key, &row, code);
    }
    if !second_factors::take_code(conn, user, &code_hash(code))? {
        return Err(wrong());
    }
    note(conn, now, Note::by(AuditKind::RecoveryCodeUsed, user))
}

/// Replaces the recovery codes, given a code; the earlier ones become invalid.
pub fn renew(
    conn: &mut Connection,
    now: Timestamp,
    key: &MasterKey,
    user: UserId,
    code: &str,
    recovery: &[Vec<u8>],
) -> Done<()> {
    take(conn, now, key, user, code)?;
    second_factors::replace_codes(conn, user, recovery)?;
    note(conn, now, Note::by(AuditKind::RecoveryCodesRenewed, user))?;
    Ok(Outcome::without_events(()))
}

/// Turns the user's own second factor off, given a code.
pub fn remove(conn: &mut Connection, now: Timestamp, key: &MasterKey, user: UserId, code: &str) -> Done<()> {
    take(conn, now, key, user, code)?;
    second_factors::delete(conn, user)?;
    note(conn, now, Note::by(AuditKind::SecondFactorRemoved, user))?;
    mail_queue::notify(conn, now, user, MailKind::SecondFactorRemoved)?;
    Ok(Outcome::without_events(()))
}

/// Turns off a user's second factor and removes their passkeys, as an administrator; all their sessions end. Usually
/// the lost device held both, and anyone who has it now must not get in with the other.
pub fn remove_of(conn: &mut Connection, now: Timestamp, user: UserId, who: UserId) -> Done<()> {
    demand_admin(conn, user)?;
    let on = is_on(conn, who)?;
    let had_passkeys = parlour_storage::passkeys::delete_all(conn, who)? > 0;
    if !on && !had_passkeys {
        return Err(ErrorCode::NotFound.into());
    }
    second_factors::delete(conn, who)?;
    if on {
        note(conn, now, Note::by(AuditKind::SecondFactorRemoved, user).about(who))?;
        mail_queue::notify(conn, now, who, MailKind::SecondFactorRemoved)?;
    }
    if had_passkeys {
        note(conn, now, Note::by(AuditKind::PasskeyRemoved, user).about(who))?;
    }
    let all = sessions::revoke(conn, who, None, None, now.0)?;
    Ok(Outcome { value: (), effects: ended(now, who, &all) })
}
