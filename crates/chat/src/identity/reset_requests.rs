//! Requesting a new password by mail.
//!
//! Invariant: a request is stored as it was entered, without checking whom it means, and looked up only later, when
//! nobody waits for the response. Neither the response nor its timing reveals whether the account exists.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::UserId;
use parlour_protocol::limits::RESET_MAILS_PER_HOUR;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::Timestamp;
use parlour_protocol::validation;
use parlour_storage::reset_requests::ResetRequestRow;
use parlour_storage::{Connection, emails, outgoing_mail, password_resets, reset_requests, users};

use crate::Refusal;
use crate::audit::{Note, note};
use crate::jobs::{self, Job};
use crate::mail_queue::{self, MailKind};
use crate::outcome::{Done, Outcome};
use crate::secrets::MasterKey;

/// Maximum number of waiting requests; they are processed every second.
const WAITING: i64 = 1000;
/// Maximum number of accounts with the same address that get a mail.
const ACCOUNTS_PER_ADDRESS: i64 = 5;

/// Stores a request.
pub fn create(
    conn: &mut Connection,
    now: Timestamp,
    who: &str,
    nonce: &[u8],
    client_address: &str,
) -> Done<()> {
    if reset_requests::count(conn)? >= WAITING {
        return Err(ErrorCode::Unavailable.into());
    }
    let row = ResetRequestRow {
        who: who.to_owned(),
        nonce: nonce.to_vec(),
        client_address: client_address.to_owned(),
        requested_at: now.0,
    };
    let request = reset_requests::insert(conn, row)?;
    jobs::enqueue(conn, now, Job::ResetRequest { request })?;
    Ok(Outcome::without_events(()))
}

/// Queues the mails for a request. Does nothing if it was processed before.
pub fn answer(conn: &mut Connection, now: Timestamp, key: &MasterKey, id: i64) -> Done<()> {
    // Too old: nobody expects the mail anymore.
    let recent = now.0 - mail_queue::HOUR;
    if let Some(request) = reset_requests::take(conn, id)?.filter(|row| row.requested_at >= recent) {
        for user in meant(conn, &request.who)? {
            send_link(conn, now, key, user, &request)?;
        }
    }
    Ok(Outcome::without_events(()))
}

/// The accounts that a text means: one by handle, or several by confirmed address.
fn meant(conn: &mut Connection, who: &str) -> Result<Vec<UserId>, Refusal> {
    let name = validation::fold(who);
    let handle = name.trim_start_matches('@');
    if handle.contains('@') {
        return Ok(emails::list_by_address(conn, &name, ACCOUNTS_PER_ADDRESS)?);
    }
    Ok(users::find_by_handle(conn, handle)?.map(|row| row.id).into_iter().collect())
}

fn send_link(
    conn: &mut Connection,
    now: Timestamp,
    key: &MasterKey,
    user: UserId,
    request: &ResetRequestRow,
) -> Result<(), Refusal> {
    let active = users::find(conn, user)?.is_some_and(|row| row.suspended_at.is_none());
    let address = emails::find(conn, user)?.and_then(|row| row.address);
    let Some(address) = address.filter(|_| active) else {
        return Ok(());
    };
    let kind = MailKind::ResetLink;
    if mail_queue::count(conn, now, kind, Some(user), None)? >= RESET_MAILS_PER_HOUR
        || mail_queue::exhausted(conn, now, kind)?
    {
        return Ok(());
    }
    // The earlier link becomes invalid, so its mail need not be sent if it is still waiting.
    outgoing_mail::withdraw(conn, user, kind.number(), now.0)?;
    let hash = mail_queue::queue_token(conn, now, key, kind, user, &address, &request.nonce)?;
    password_resets::replace(conn, user, &hash, now.0 + kind.lifetime())?;
    let line = Note { actor: None, ..Note::by(AuditKind::PasswordResetRequested, user) };
    note(conn, now, line.about(user).from(&request.client_address))
}
