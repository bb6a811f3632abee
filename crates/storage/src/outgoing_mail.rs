//! Mails to send, and those sent within the last hour. When a mail is sent, and by which node, is up to its job.
//!
//! Invariant: a sent mail keeps no address.

use diesel::prelude::*;
use parlour_protocol::ids::UserId;

use crate::on_backend;
use crate::schema::outgoing_mail;
use crate::{Connection, Result};

/// A mail to send.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = outgoing_mail)]
pub struct MailRow {
    /// Id of the mail.
    pub id: i64,
    /// The account the mail is about.
    pub user_id: UserId,
    /// Kind of the mail, as `parlour-chat` numbers them.
    pub kind: i16,
    /// The recipient's address.
    pub address: String,
    /// The nonce from which the token in the mail is derived; `None` if it has no token.
    pub nonce: Option<Vec<u8>>,
    /// When the mail was queued, in microseconds since 1970.
    pub created_at: i64,
}

/// A mail to queue.
#[derive(Debug, Clone)]
pub struct NewMailRow {
    /// The account the mail is about.
    pub user_id: UserId,
    /// Kind of the mail, as `parlour-chat` numbers them.
    pub kind: i16,
    /// The recipient's address.
    pub address: String,
    /// A keyed hash of the address, if mails to it are counted.
    pub address_hash: Option<Vec<u8>>,
    /// The nonce from which the token in the mail is derived; `None` if it has no token.
    pub nonce: Option<Vec<u8>>,
    /// When the mail was queued, in microseconds since 1970.
    pub created_at: i64,
}

/// The time at which a node of an earlier version, which knows no jobs, would send a mail: never.
const NEVER: i64 = i64::MAX;

/// Stores a mail; returns its id.
pub fn insert(conn: &mut Connection, row: NewMailRow) -> Result<i64> {
    let values = (
        outgoing_mail::user_id.eq(row.user_id),
        outgoing_mail::kind.eq(row.kind),
        outgoing_mail::address.eq(row.address),
        outgoing_mail::address_hash.eq(row.address_hash),
        outgoing_mail::nonce.eq(row.nonce),
        outgoing_mail::created_at.eq(row.created_at),
        outgoing_mail::next_try_at.eq(NEVER),
        outgoing_mail::tries.eq(0),
    );
    Ok(on_backend!(conn, inner => diesel::insert_into(outgoing_mail::table)
        .values(values)
        .returning(outgoing_mail::id)
        .get_result(inner))?)
}

/// A mail that has not been sent; `None` if it was, or if it is gone.
pub fn find_unsent(conn: &mut Connection, id: i64) -> Result<Option<MailRow>> {
    Ok(outgoing_mail::table
        .find(id)
        .filter(outgoing_mail::sent_at.is_null())
        .select(MailRow::as_select())
        .first(conn)
        .optional()?)
}

/// Takes over mails that a node of an earlier version left behind before `before`; returns their ids.
pub fn take_over(conn: &mut Connection, before: i64) -> Result<Vec<i64>> {
    let left = outgoing_mail::table
        .filter(outgoing_mail::sent_at.is_null())
        .filter(outgoing_mail::next_try_at.lt(before));
    let ids: Vec<i64> = left.select(outgoing_mail::id).limit(100).load(conn)?;
    diesel::update(outgoing_mail::table.filter(outgoing_mail::id.eq_any(&ids)))
        .set(outgoing_mail::next_try_at.eq(NEVER))
        .execute(conn)?;
    Ok(ids)
}

/// Marks a mail as sent and forgets its address.
pub fn set_sent(conn: &mut Connection, id: i64, now: i64) -> Result<usize> {
    Ok(diesel::update(outgoing_mail::table.find(id))
        .set((
            outgoing_mail::sent_at.eq(Some(now)),
            outgoing_mail::failed_at.eq(None::<i64>),
            outgoing_mail::address.eq(""),
            outgoing_mail::nonce.eq(None::<Vec<u8>>),
        ))
        .execute(conn)?)
}

/// Marks a mail as given up. It no longer counts.
pub fn set_failed(conn: &mut Connection, id: i64, now: i64) -> Result<usize> {
    Ok(diesel::update(outgoing_mail::table.find(id))
        .set(outgoing_mail::failed_at.eq(Some(now)))
        .execute(conn)?)
}

/// Number of mails of these kinds queued since `since` and not given up: about a user, to an address, or in total.
pub fn count_since(
    conn: &mut Connection,
    kinds: &[i16],
    since: i64,
    user: Option<UserId>,
    address_hash: Option<&[u8]>,
) -> Result<i64> {
    let mut query = outgoing_mail::table
        .filter(outgoing_mail::kind.eq_any(kinds.to_vec()))
        .filter(outgoing_mail::created_at.gt(since))
        .filter(outgoing_mail::failed_at.is_null())
        .into_boxed();
    if let Some(user) = user {
        query = query.filter(outgoing_mail::user_id.eq(user));
    }
    if let Some(hash) = address_hash {
        query = query.filter(outgoing_mail::address_hash.eq(hash.to_vec()));
    }
    Ok(query.count().get_result(conn)?)
}

/// Withdraws a user's unsent mails of a kind. They still count.
pub fn withdraw(conn: &mut Connection, user: UserId, kind: i16, now: i64) -> Result<usize> {
    let waiting = outgoing_mail::table
        .filter(outgoing_mail::user_id.eq(user))
        .filter(outgoing_mail::kind.eq(kind))
        .filter(outgoing_mail::sent_at.is_null());
    Ok(diesel::update(waiting)
        .set((
            outgoing_mail::sent_at.eq(Some(now)),
            outgoing_mail::address.eq(""),
            outgoing_mail::nonce.eq(None::<Vec<u8>>),
        ))
        .execute(conn)?)
}

/// Deletes all mails about a user.
pub fn delete_of(conn: &mut Connection, user: UserId) -> Result<usize> {
    Ok(diesel::delete(outgoing_mail::table.filter(outgoing_mail::user_id.eq(user))).execute(conn)?)
}

/// Deletes sent mails queued before `counted`, which no longer count; those given up that were queued before `expired`;
/// and all mails queued before `waiting`, which a server without mail will never send.
pub fn delete_before(conn: &mut Connection, counted: i64, expired: i64, waiting: i64) -> Result<usize> {
    let counted = outgoing_mail::sent_at.is_not_null().and(outgoing_mail::created_at.lt(counted));
    let expired = outgoing_mail::failed_at.is_not_null().and(outgoing_mail::created_at.lt(expired));
    let waiting = outgoing_mail::created_at.lt(waiting);
    Ok(diesel::delete(outgoing_mail::table.filter(counted.or(expired).or(waiting))).execute(conn)?)
}
