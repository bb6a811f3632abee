//! Asking for a new password by mail.
//!
//! Invariant: a request is stored as it was written, no matter whom it means, and looked up only later, when nobody waits for an
//! answer: so neither the answer nor its time tells whether there is such an account.

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
use crate::mails::{self, MailKind};
use crate::outcome::{Done, Outcome};
use crate::second_factors::FactorKey;

/// Requests that may wait: they are looked at every second.
const WAITING: i64 = 1000;
/// Requests that are looked at in one transaction.
const STEP: i64 = 50;
/// Most accounts with the same address that get a mail.
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
    reset_requests::insert(conn, row)?;
    Ok(Outcome::quiet(()))
}

/// Queues the mails of requests that wait; answers whether more may wait.
pub fn answer(conn: &mut Connection, now: Timestamp, key: &FactorKey) -> Done<bool> {
    let requests = reset_requests::take(conn, STEP)?;
    let more = requests.len() as i64 == STEP;
    for request in requests {
        // Nobody expects it any more.
        if request.requested_at < now.0 - mails::HOUR {
            continue;
        }
        for user in meant(conn, &request.who)? {
            send_link(conn, now, key, user, &request)?;
        }
    }
    Ok(Outcome::quiet(more))
}

/// Which accounts a text means: one by its handle, or some by their confirmed address.
fn meant(conn: &mut Connection, who: &str) -> Result<Vec<UserId>, Refusal> {
    let name = validation::fold(who);
    let handle = name.trim_start_matches('@');
    if handle.contains('@') {
        return Ok(emails::list_by_address(conn, &name, ACCOUNTS_PER_ADDRESS)?);
    }
    Ok(users::find_by_handle(conn, handle)?.map(|row| UserId(row.id)).into_iter().collect())
}

fn send_link(
    conn: &mut Connection,
    now: Timestamp,
    key: &FactorKey,
    user: UserId,
    request: &ResetRequestRow,
) -> Result<(), Refusal> {
    let active = users::find(conn, user)?.is_some_and(|row| row.suspended_at.is_none());
    let address = emails::find(conn, user)?.and_then(|row| row.address);
    let Some(address) = address.filter(|_| active) else {
        return Ok(());
    };
    let kind = MailKind::ResetLink;
    if mails::count(conn, now, kind, Some(user), None)? >= RESET_MAILS_PER_HOUR
        || mails::exhausted(conn, now, kind)?
    {
        return Ok(());
    }
    // The link of an earlier mail ends: if it waits still, it need not be sent.
    outgoing_mail::withdraw(conn, user, kind.number(), now.0)?;
    let hash = mails::queue_token(conn, now, key, kind, user, &address, &request.nonce)?;
    password_resets::replace(conn, user, &hash, now.0 + kind.lifetime())?;
    let line = Note { actor: None, ..Note::by(AuditKind::PasswordResetRequested, user) };
    note(conn, now, line.about(user).from(&request.client_address))
}
