//! The mail queue: mails to send, and those sent within the last hour.
//!
//! Invariant: a mail is claimed for a limited time, in one statement, before it is sent, so that normally only one node
//! sends it. A sent mail keeps no address.

use diesel::prelude::*;
use parlour_protocol::ids::UserId;

use crate::Connection;
use crate::schema::outgoing_mail;

/// A mail in the queue.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = outgoing_mail)]
pub struct MailRow {
    /// Id of the mail.
    pub id: i64,
    /// The account the mail is about.
    pub user_id: i64,
    /// Kind of the mail, as `parlour-chat` numbers them.
    pub kind: i16,
    /// The recipient's address.
    pub address: String,
    /// The nonce from which the token in the mail is derived; `None` if it has no token.
    pub nonce: Option<Vec<u8>>,
    /// When the mail was queued, in microseconds since 1970.
    pub created_at: i64,
    /// Number of attempts, including the current one.
    pub tries: i64,
}

/// A mail to queue.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = outgoing_mail)]
pub struct NewMailRow {
    /// The account the mail is about.
    pub user_id: i64,
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
    /// When to send it, in microseconds since 1970.
    pub next_try_at: i64,
    /// Number of attempts so far.
    pub tries: i64,
}

/// Queues a mail.
pub fn insert(conn: &mut Connection, row: NewMailRow) -> QueryResult<usize> {
    diesel::insert_into(outgoing_mail::table).values(row).execute(conn)
}

/// Whether a mail is due.
pub fn is_due(conn: &mut Connection, now: i64) -> QueryResult<bool> {
    let due = outgoing_mail::table
        .filter(outgoing_mail::sent_at.is_null())
        .filter(outgoing_mail::next_try_at.le(now));
    due.select(outgoing_mail::id).first::<i64>(conn).optional().map(|found| found.is_some())
}

/// Claims up to `limit` mails that are due. Until `until`, nobody else can claim them.
pub fn claim(conn: &mut Connection, now: i64, until: i64, limit: i64) -> QueryResult<Vec<MailRow>> {
    let due: Vec<MailRow> = outgoing_mail::table
        .filter(outgoing_mail::sent_at.is_null())
        .filter(outgoing_mail::next_try_at.le(now))
        .order(outgoing_mail::next_try_at.asc())
        .limit(limit)
        .select(MailRow::as_select())
        .load(conn)?;
    let mut claimed = Vec::new();
    for row in due {
        let tries = row.tries + 1;
        // A node that waited here for another one finds the mail claimed.
        let unclaimed = outgoing_mail::sent_at.is_null().and(outgoing_mail::tries.eq(row.tries));
        let count = diesel::update(outgoing_mail::table.find(row.id).filter(unclaimed))
            .set((outgoing_mail::next_try_at.eq(until), outgoing_mail::tries.eq(tries)))
            .execute(conn)?;
        if count == 1 {
            claimed.push(MailRow { tries, ..row });
        }
    }
    Ok(claimed)
}

/// Marks a mail as sent and forgets its address.
pub fn set_sent(conn: &mut Connection, id: i64, now: i64) -> QueryResult<usize> {
    diesel::update(outgoing_mail::table.find(id))
        .set((
            outgoing_mail::sent_at.eq(Some(now)),
            outgoing_mail::address.eq(""),
            outgoing_mail::nonce.eq(None::<Vec<u8>>),
        ))
        .execute(conn)
}

/// Sets when to try a mail again, unless another node has claimed it since.
pub fn set_next_try(conn: &mut Connection, id: i64, tries: i64, next: i64) -> QueryResult<usize> {
    diesel::update(outgoing_mail::table.find(id).filter(outgoing_mail::tries.eq(tries)))
        .set(outgoing_mail::next_try_at.eq(next))
        .execute(conn)
}

/// Deletes a mail that won't be sent.
pub fn delete(conn: &mut Connection, id: i64) -> QueryResult<usize> {
    diesel::delete(outgoing_mail::table.find(id)).execute(conn)
}

/// Number of mails of these kinds queued since `since`: about a user, to an address, or in total.
pub fn count_since(
    conn: &mut Connection,
    kinds: &[i16],
    since: i64,
    user: Option<UserId>,
    address_hash: Option<&[u8]>,
) -> QueryResult<i64> {
    let mut query = outgoing_mail::table
        .filter(outgoing_mail::kind.eq_any(kinds.to_vec()))
        .filter(outgoing_mail::created_at.gt(since))
        .into_boxed();
    if let Some(user) = user {
        query = query.filter(outgoing_mail::user_id.eq(user.0));
    }
    if let Some(hash) = address_hash {
        query = query.filter(outgoing_mail::address_hash.eq(hash.to_vec()));
    }
    query.count().get_result(conn)
}

/// Withdraws a user's unsent mails of a kind. They still count.
pub fn withdraw(conn: &mut Connection, user: UserId, kind: i16, now: i64) -> QueryResult<usize> {
    let waiting = outgoing_mail::table
        .filter(outgoing_mail::user_id.eq(user.0))
        .filter(outgoing_mail::kind.eq(kind))
        .filter(outgoing_mail::sent_at.is_null());
    diesel::update(waiting)
        .set((
            outgoing_mail::sent_at.eq(Some(now)),
            outgoing_mail::address.eq(""),
            outgoing_mail::nonce.eq(None::<Vec<u8>>),
        ))
        .execute(conn)
}

/// Deletes all mails about a user.
pub fn delete_of(conn: &mut Connection, user: UserId) -> QueryResult<usize> {
    diesel::delete(outgoing_mail::table.filter(outgoing_mail::user_id.eq(user.0))).execute(conn)
}

/// Deletes sent mails queued before `counted`, which no longer count, and all mails queued before `waiting`, which a
/// server without mail will never send.
pub fn delete_before(conn: &mut Connection, counted: i64, waiting: i64) -> QueryResult<usize> {
    let counted = outgoing_mail::sent_at.is_not_null().and(outgoing_mail::created_at.lt(counted));
    diesel::delete(outgoing_mail::table.filter(counted.or(outgoing_mail::created_at.lt(waiting))))
        .execute(conn)
}
