//! Mails that follow from account changes: queued in the same transaction, each with a job by which any node sends it.
//!
//! Invariant: no change waits for a mail, or fails because there are too many. A token is derived when its mail is
//! sent; only its hash is stored.

use parlour_protocol::ids::UserId;
use parlour_protocol::limits::MAILS_PER_HOUR;
use parlour_protocol::time::{DAY, MINUTE, Timestamp};
use parlour_protocol::validation;
use parlour_storage::outgoing_mail::{MailRow, NewMailRow};
use parlour_storage::{Connection, emails, outgoing_mail, reset_requests};
use sha2::{Digest, Sha256};

use crate::Refusal;
use crate::jobs::{self, Job};
use crate::outcome::{Done, Outcome};
use crate::secrets::MasterKey;

/// Mails are counted over this span.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// How long mails that were never sent are kept. Longer than any of them is valid, so that each is given up first.
const KEPT: i64 = DAY + 240 * MINUTE;
/// Mails of a node of an earlier version that have been due for this long have been left behind.
const LEFT_BEHIND: i64 = 10 * MINUTE;
/// Maximum number of notices per account and hour; more would say nothing new.
const NOTICES_PER_HOUR: i64 = 20;

/// Kind of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    /// A link that confirms an address.
    Verification = 1,
    /// A link that sets a new password.
    ResetLink = 2,
    /// To the confirmed address: a new address was entered.
    EmailChosen = 3,
    /// To the previous address: a new address was confirmed.
    EmailChanged = 4,
    /// To the previous address: it was removed.
    EmailRemoved = 5,
    /// The password was changed by someone who knew it.
    PasswordChanged = 6,
    /// The password was set with a link.
    PasswordReset = 7,
    /// The second factor was turned off.
    SecondFactorRemoved = 8,
}

impl MailKind {
    const NOTICES: [Self; 6] = [
        Self::EmailChosen,
        Self::EmailChanged,
        Self::EmailRemoved,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::SecondFactorRemoved,
    ];

    /// The kind as it is stored.
    pub fn number(self) -> i16 {
        self as i16
    }

    /// The kind with this number; `None` if unknown.
    pub fn of(number: i16) -> Option<Self> {
        let mut all = [Self::Verification, Self::ResetLink].into_iter().chain(Self::NOTICES);
        all.find(|kind| kind.number() == number)
    }

    /// How long the mail's content stays valid; it isn't sent after that.
    pub fn lifetime(self) -> i64 {
        if self == Self::ResetLink { HOUR } else { DAY }
    }
}

/// The token in a mail, derived from what is stored with it.
pub fn token(key: &MasterKey, kind: MailKind, user: UserId, address: &str, nonce: &[u8]) -> String {
    let purpose = format!("mail token {}", kind.number());
    let secret = key.derive(&purpose, &[&user.0.to_be_bytes(), address.as_bytes(), nonce]);
    secret.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of a token, as it is stored.
pub fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.trim()).to_vec()
}

/// The keyed hash of an address by which mails to it are counted.
pub(crate) fn address_hash(key: &MasterKey, address: &str) -> Vec<u8> {
    key.derive("mail address", &[validation::fold(address).as_bytes()]).to_vec()
}

/// Number of mails of a kind within the last hour, for a user or an address if given.
pub(crate) fn count(
    conn: &mut Connection,
    now: Timestamp,
    kind: MailKind,
    user: Option<UserId>,
    address_hash: Option<&[u8]>,
) -> Result<i64, Refusal> {
    Ok(outgoing_mail::count_since(conn, &[kind.number()], now.0 - HOUR, user, address_hash)?)
}

/// Whether the hourly limit of the whole server for this kind is reached.
pub(crate) fn exhausted(conn: &mut Connection, now: Timestamp, kind: MailKind) -> Result<bool, Refusal> {
    Ok(count(conn, now, kind, None, None)? >= MAILS_PER_HOUR)
}

/// Queues a mail with a token; returns the token's hash.
pub(crate) fn queue_token(
    conn: &mut Connection,
    now: Timestamp,
    key: &MasterKey,
    kind: MailKind,
    user: UserId,
    address: &str,
    nonce: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let hash = token_hash(&token(key, kind, user, address, nonce));
    let counted = Some(address_hash(key, address));
    queue(conn, now, fresh(now, kind, user, address, counted, Some(nonce.to_vec())))?;
    Ok(hash)
}

/// Queues a notice to a user's confirmed address, if there is one.
pub(crate) fn notify(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    kind: MailKind,
) -> Result<(), Refusal> {
    match emails::find(conn, user)?.and_then(|row| row.address) {
        Some(address) => notify_at(conn, now, user, kind, &address),
        None => Ok(()),
    }
}

/// Queues a notice to an address.
pub(crate) fn notify_at(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    kind: MailKind,
    address: &str,
) -> Result<(), Refusal> {
    let notices = MailKind::NOTICES.map(MailKind::number);
    if outgoing_mail::count_since(conn, &notices, now.0 - HOUR, Some(user), None)? < NOTICES_PER_HOUR {
        queue(conn, now, fresh(now, kind, user, address, None, None))?;
    }
    Ok(())
}

fn queue(conn: &mut Connection, now: Timestamp, row: NewMailRow) -> Result<(), Refusal> {
    let mail = outgoing_mail::insert(conn, row)?;
    jobs::enqueue(conn, now, Job::Mail { mail })
}

fn fresh(
    now: Timestamp,
    kind: MailKind,
    user: UserId,
    address: &str,
    address_hash: Option<Vec<u8>>,
    nonce: Option<Vec<u8>>,
) -> NewMailRow {
    NewMailRow {
        user_id: user,
        kind: kind.number(),
        address: address.to_owned(),
        address_hash,
        nonce,
        created_at: now.0,
    }
}

/// A mail, and what has to be known to write it.
#[derive(Debug, Clone)]
pub struct DueMail {
    /// The mail.
    pub row: MailRow,
    /// Kind of the mail; `None` if it was queued by a newer version.
    pub kind: Option<MailKind>,
    /// The handle of the account.
    pub handle: String,
}

/// A mail that is to be sent; `None` if it was sent or withdrawn, or if its account is gone.
pub fn find_due(conn: &mut Connection, id: i64) -> Result<Option<DueMail>, Refusal> {
    let Some(row) = outgoing_mail::find_unsent(conn, id)? else {
        return Ok(None);
    };
    let handle = parlour_storage::users::find(conn, row.user_id)?.map(|user| user.handle);
    Ok(Some(DueMail { kind: MailKind::of(row.kind), handle: handle.unwrap_or_default(), row }))
}

/// Records that a mail was sent.
pub fn sent(conn: &mut Connection, now: Timestamp, id: i64) -> Done<()> {
    outgoing_mail::set_sent(conn, id, now.0)?;
    Ok(Outcome::without_events(()))
}

/// When a mail expires.
pub fn ends(row: &MailRow) -> i64 {
    row.created_at + MailKind::of(row.kind).map_or(DAY, MailKind::lifetime)
}

/// Deletes pending addresses whose link has expired, mails that no longer count or will never be sent, and unprocessed
/// reset requests.
pub fn clean_up(conn: &mut Connection, now: Timestamp) -> Result<(), Refusal> {
    emails::delete_pending_before(conn, now.0)?;
    outgoing_mail::delete_before(conn, now.0 - HOUR, now.0 - DAY, now.0 - KEPT)?;
    reset_requests::delete_before(conn, now.0 - HOUR)?;
    Ok(())
}

/// Queues jobs for mails that a node of an earlier version queued without one and did not send.
pub(crate) fn take_over(conn: &mut Connection, now: Timestamp) -> Result<(), Refusal> {
    for mail in outgoing_mail::take_over(conn, now.0 - LEFT_BEHIND)? {
        jobs::enqueue(conn, now, Job::Mail { mail })?;
    }
    Ok(())
}
