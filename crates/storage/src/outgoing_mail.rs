//! Mails that wait to be sent, and those of the last hour that were.
//!
//! Invariant: a mail is claimed for a while before it is sent, in one statement, so that in a calm cluster one node sends
//! it. What was sent keeps no address.

use diesel::prelude::*;
use parlour_protocol::ids::UserId;

use crate::Connection;
use crate::schema::outgoing_mail;

/// A mail.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = outgoing_mail)]
pub struct MailRow {
    /// Its number.
    pub id: i64,
    /// Whose account it is about.
    pub user_id: i64,
    /// What it says.
    pub kind: i16,
    /// Where it goes.
    pub address: String,
    /// What the token in it is derived from.
    pub nonce: Option<Vec<u8>>,
    /// When the reason for it arose.
    pub created_at: i64,
    /// How often it was tried, with the present time.
    pub tries: i64,
}

/// A mail to add.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = outgoing_mail)]
pub struct NewMailRow {
    /// Whose account it is about.
    pub user_id: i64,
    /// What it says.
    pub kind: i16,
    /// Where it goes.
    pub address: String,
    /// A keyed hash of the address, if it is counted.
    pub address_hash: Option<Vec<u8>>,
    /// What the token in it is derived from.
    pub nonce: Option<Vec<u8>>,
    /// When the reason for it arose.
    pub created_at: i64,
    /// When to send it.
    pub next_try_at: i64,
    /// How often it was tried.
    pub tries: i64,
}

/// Adds a mail.
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

/// Claims mails that are due, until a moment at which others may take them.
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
        // A node that waited here for another finds it claimed.
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

/// Notes that a mail was sent; where to is forgotten.
pub fn set_sent(conn: &mut Connection, id: i64, now: i64) -> QueryResult<usize> {
    diesel::update(outgoing_mail::table.find(id))
        .set((
            outgoing_mail::sent_at.eq(Some(now)),
            outgoing_mail::address.eq(""),
            outgoing_mail::nonce.eq(None::<Vec<u8>>),
        ))
        .execute(conn)
}

/// Notes when to try a mail again, unless somebody else has it by now.
pub fn set_next_try(conn: &mut Connection, id: i64, tries: i64, next: i64) -> QueryResult<usize> {
    diesel::update(outgoing_mail::table.find(id).filter(outgoing_mail::tries.eq(tries)))
        .set(outgoing_mail::next_try_at.eq(next))
        .execute(conn)
}

/// Gives a mail up.
pub fn delete(conn: &mut Connection, id: i64) -> QueryResult<usize> {
    diesel::delete(outgoing_mail::table.find(id)).execute(conn)
}

/// How many mails of some kinds were made since a moment: about a person, to an address, or in all.
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

/// Takes mails of a kind back that were not sent yet. They are still counted.
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

/// Forgets all mails about a person.
pub fn delete_of(conn: &mut Connection, user: UserId) -> QueryResult<usize> {
    diesel::delete(outgoing_mail::table.filter(outgoing_mail::user_id.eq(user.0))).execute(conn)
}

/// Forgets what was sent and need not be counted any more, and what waits since a moment for a server that sends none.
pub fn delete_before(conn: &mut Connection, counted: i64, waiting: i64) -> QueryResult<usize> {
    let counted = outgoing_mail::sent_at.is_not_null().and(outgoing_mail::created_at.lt(counted));
    diesel::delete(outgoing_mail::table.filter(counted.or(outgoing_mail::created_at.lt(waiting))))
        .execute(conn)
}
