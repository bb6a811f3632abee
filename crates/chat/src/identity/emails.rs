//! Email addresses of accounts: set with the password, confirmed with the link in a mail, visible only to the owner.
//!
//! Invariant: only a confirmed address gets mail about the account, and the previous address is told of every change.
//! Several accounts may have the same address, so that no refusal reveals that someone else has it.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::emails::Email;
use parlour_protocol::ids::UserId;
use parlour_protocol::limits::VERIFICATIONS_PER_HOUR;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{DAY, Timestamp};
use parlour_protocol::validation;
use parlour_storage::emails::EmailRow;
use parlour_storage::{Connection, emails, outgoing_mail, password_resets, users};

use crate::Refusal;
use crate::audit::{Note, note};
use crate::identity::accounts;
use crate::mail_queue::{self, MailKind};
use crate::outcome::{Done, Outcome};
use crate::secrets::MasterKey;

/// Lifetime of the confirmation link in a mail.
const LIFETIME: i64 = DAY;

fn view(now: Timestamp, row: EmailRow) -> Email {
    let waits = row.pending_until.is_some_and(|until| until > now.0);
    Email {
        address: row.address,
        verified_at: row.verified_at.map(Timestamp),
        pending: row.pending.filter(|_| waits),
    }
}

/// The caller's email address.
pub fn show(conn: &mut Connection, now: Timestamp, user: UserId) -> Result<Email, Refusal> {
    Ok(emails::find(conn, user)?.map(|row| view(now, row)).unwrap_or_default())
}

fn without_pending(row: EmailRow) -> EmailRow {
    EmailRow { pending: None, pending_hash: None, pending_until: None, ..row }
}

/// Sets a pending address and queues the mail that confirms it. Entering the same address again sends another mail;
/// entering the confirmed address discards the pending one.
pub fn choose(
    conn: &mut Connection,
    now: Timestamp,
    key: &MasterKey,
    user: UserId,
    address: &str,
    nonce: &[u8],
) -> Done<Email> {
    accounts::find(conn, user)?;
    let before = emails::lock(conn, user)?;
    // Links in earlier mails become invalid.
    outgoing_mail::withdraw(conn, user, MailKind::Verification.number(), now.0)?;
    if before.address.as_deref() == Some(address) {
        let after = without_pending(before);
        emails::replace(conn, after.clone())?;
        return Ok(Outcome::without_events(view(now, after)));
    }
    let (by_user, to_address) = VERIFICATIONS_PER_HOUR;
    let kind = MailKind::Verification;
    let hash = mail_queue::address_hash(key, address);
    if mail_queue::count(conn, now, kind, Some(user), None)? >= by_user
        || mail_queue::count(conn, now, kind, None, Some(&hash))? >= to_address
        || mail_queue::exhausted(conn, now, kind)?
    {
        return Err(Refusal::TooOften { wait_ms: (mail_queue::HOUR / 1000).unsigned_abs() });
    }
    let again = view(now, before.clone()).pending.as_deref() == Some(address);
    let token_hash = mail_queue::queue_token(conn, now, key, kind, user, address, nonce)?;
    let after = EmailRow {
        pending: Some(address.to_owned()),
        pending_hash: Some(token_hash),
        pending_until: Some(now.0 + LIFETIME),
        ..before.clone()
    };
    emails::replace(conn, after.clone())?;
    if !again {
        note(conn, now, Note::by(AuditKind::EmailChanged, user))?;
        mail_queue::notify(conn, now, user, MailKind::EmailChosen)?;
    }
    Ok(Outcome::without_events(view(now, after)))
}

fn over() -> Refusal {
    Refusal::because(ErrorCode::Gone, "This link has expired. Ask for a new one in your settings.")
}

/// Confirms the address that a token was sent to.
pub fn confirm(conn: &mut Connection, now: Timestamp, token_hash: &[u8], client_address: &str) -> Done<()> {
    let before = emails::find_by_token(conn, token_hash, now.0)?.ok_or_else(over)?;
    let user = before.user_id;
    let living = users::find(conn, user)?.is_some_and(|row| row.suspended_at.is_none());
    if !living || !emails::take_token(conn, token_hash)? {
        return Err(over());
    }
    let former = before.address.clone();
    let after = EmailRow {
        address_key: before.pending.as_deref().map(validation::fold),
        address: before.pending.clone(),
        verified_at: Some(now.0),
        ..without_pending(before)
    };
    emails::replace(conn, after)?;
    note(conn, now, Note::by(AuditKind::EmailVerified, user).from(client_address))?;
    if let Some(former) = former {
        forget_links(conn, now, user)?;
        mail_queue::notify_at(conn, now, user, MailKind::EmailChanged, &former)?;
    }
    Ok(Outcome::without_events(()))
}

/// Invalidates password reset links sent to an address that is no longer the confirmed one.
fn forget_links(conn: &mut Connection, now: Timestamp, user: UserId) -> Result<(), Refusal> {
    password_resets::delete(conn, user)?;
    outgoing_mail::withdraw(conn, user, MailKind::ResetLink.number(), now.0)?;
    Ok(())
}

/// Removes the caller's address and any pending one. Repeating it changes nothing.
pub fn remove(conn: &mut Connection, now: Timestamp, user: UserId, client_address: &str) -> Done<()> {
    let before = view(now, emails::lock(conn, user)?);
    emails::delete(conn, user)?;
    outgoing_mail::withdraw(conn, user, MailKind::Verification.number(), now.0)?;
    if before == Email::default() {
        return Ok(Outcome::without_events(()));
    }
    note(conn, now, Note::by(AuditKind::EmailRemoved, user).from(client_address))?;
    if let Some(former) = before.address {
        forget_links(conn, now, user)?;
        mail_queue::notify_at(conn, now, user, MailKind::EmailRemoved, &former)?;
    }
    Ok(Outcome::without_events(()))
}
