//! A user's event stream: changes that concern only this user.
//!
//! Invariant: gapless like a conversation's log; old rows may be deleted only from its beginning.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use parlour_protocol::events::{UserChange, UserEvent};
use parlour_protocol::ids::{Seq, UserId};
use parlour_protocol::time::Timestamp;

use crate::among::is_among;
use crate::on_backend;
use crate::schema::{user_events, users};
use crate::statement::prepared;
use crate::users::lock_all;
use crate::{Connection, Result, StorageError};

/// Maximum number of rows inserted with one statement.
const ROWS: usize = 1000;

/// A row of the stream.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = user_events)]
pub struct UserEventRow {
    /// Id of the user.
    pub user_id: UserId,
    /// Position in the stream.
    pub useq: i64,
    /// When it happened, in microseconds since 1970.
    pub at: i64,
    /// The change, as JSON.
    pub data: String,
    /// Whether it appears in the list of notifications.
    pub notify: bool,
}

impl UserEventRow {
    /// The event as it is sent to clients.
    pub fn into_event(self) -> UserEvent {
        let change = serde_json::from_str(&self.data)
            .unwrap_or_else(|_| UserChange::Unknown(serde_json::json!({ "kind": "unreadable", "data": {} })));
        UserEvent { seq: self.useq, at: Timestamp(self.at), change }
    }
}

/// A user event to append. It waits until the end of the transaction, where all of them are appended together.
#[derive(Debug, Clone, PartialEq)]
pub struct Tell {
    /// Whose stream it goes to.
    pub user: UserId,
    /// When it happened.
    pub at: Timestamp,
    /// What changed.
    pub change: UserChange,
    /// Whether it also appears in the list of notifications.
    pub notify: bool,
    /// The stored event, once it is appended; stays `None` if the user isn't informed after all.
    pub told: Option<UserEvent>,
}

/// Takes the next positions of the users' streams and stores the events there, in order. Needs few statements, however
/// many events there are. Locks the users' rows in the order of their ids. Skips users whose row is gone.
pub fn append(conn: &mut Connection, tells: &mut [&mut Tell]) -> Result<()> {
    let mut counts: BTreeMap<UserId, i64> = BTreeMap::new();
    for tell in tells.iter() {
        *counts.entry(tell.user).or_default() += 1;
    }
    let heads = advance(conn, &counts)?;
    // For each user, the position before the first new one.
    let mut at: BTreeMap<UserId, Seq> = heads
        .into_iter()
        .map(|(user, head)| (user, head - counts.get(&user).copied().unwrap_or(0)))
        .collect();
    let mut rows = Vec::with_capacity(tells.len());
    for tell in tells.iter_mut() {
        let Some(seq) = at.get_mut(&tell.user) else { continue };
        *seq += 1;
        let data =
            serde_json::to_string(&tell.change).map_err(|error| StorageError::Fault(error.to_string()))?;
        let (user_id, notify) = (tell.user, tell.notify);
        rows.push(UserEventRow { user_id, useq: *seq, at: tell.at.0, data, notify });
        tell.told = Some(UserEvent { seq: *seq, at: tell.at, change: tell.change.clone() });
    }
    for rows in rows.chunks(ROWS) {
        on_backend!(conn, inner => diesel::insert_into(user_events::table).values(rows).execute(inner))?;
    }
    Ok(())
}

#[derive(QueryableByName)]
struct HeadRow {
    #[diesel(sql_type = BigInt)]
    id: UserId,
    #[diesel(sql_type = BigInt)]
    last_useq: Seq,
}

/// Advances the heads of users' streams by these counts, and returns the new heads.
fn advance(conn: &mut Connection, counts: &BTreeMap<UserId, i64>) -> Result<Vec<(UserId, Seq)>> {
    let people: Vec<UserId> = counts.keys().copied().collect();
    if people.len() > 1 {
        // A separate statement: one that both locks and updates rows may use versions from before it had to wait, and
        // can deadlock with another one that waits for the same row.
        lock_all(conn, &people)?;
    }
    let rows: Vec<HeadRow> = match conn {
        Connection::Postgres(inner) => prepared(
            "UPDATE users SET last_useq = users.last_useq + due.count
            FROM unnest($1, $2) AS due (id, count) WHERE users.id = due.id RETURNING users.id, users.last_useq",
        )
        .bind_all(people)
        .bind_all(counts.values().copied())
        .load(inner)?,
        Connection::Sqlite(inner) => {
            let mut rows = Vec::with_capacity(counts.len());
            for (id, count) in counts {
                let head = diesel::update(users::table.find(id))
                    .set(users::last_useq.eq(users::last_useq + *count))
                    .returning(users::last_useq)
                    .get_result(inner)
                    .optional()?;
                rows.extend(head.map(|last_useq| HeadRow { id: *id, last_useq }));
            }
            rows
        }
    };
    Ok(rows.into_iter().map(|row| (row.id, row.last_useq)).collect())
}

/// Up to `limit` newest notifications of each user, newest first per user.
pub fn list_newest_notifications(
    conn: &mut Connection,
    people: &[UserId],
    limit: i64,
) -> Result<Vec<UserEventRow>> {
    match conn {
        Connection::Postgres(inner) => Ok(prepared(
            "SELECT newest.* FROM unnest($1) AS given (id) CROSS JOIN LATERAL (
                SELECT user_id, useq, at, data, notify FROM user_events
                WHERE user_id = given.id AND notify ORDER BY useq DESC LIMIT $2
            ) AS newest",
        )
        .bind_all(people.iter().copied())
        .bind(limit)
        .load(inner)?),
        Connection::Sqlite(_) => {
            let mut rows = Vec::new();
            for id in people {
                rows.extend(list_notifications(conn, *id, Seq::MAX, limit)?);
            }
            Ok(rows)
        }
    }
}

/// The stream after a position, oldest first.
pub fn list_after(conn: &mut Connection, user: UserId, after: Seq, limit: i64) -> Result<Vec<UserEventRow>> {
    Ok(user_events::table
        .filter(user_events::user_id.eq(user))
        .filter(user_events::useq.gt(after))
        .order(user_events::useq.asc())
        .limit(limit)
        .select(UserEventRow::as_select())
        .load(conn)?)
}

/// Notifications before a position, newest first.
pub fn list_notifications(
    conn: &mut Connection,
    user: UserId,
    before: Seq,
    limit: i64,
) -> Result<Vec<UserEventRow>> {
    Ok(user_events::table
        .filter(user_events::user_id.eq(user))
        .filter(user_events::notify)
        .filter(user_events::useq.lt(before))
        .order(user_events::useq.desc())
        .limit(limit)
        .select(UserEventRow::as_select())
        .load(conn)?)
}

/// Heads of several users' streams, as pairs (user, head).
pub fn list_heads(conn: &mut Connection, ids: &[UserId]) -> Result<Vec<(UserId, Seq)>> {
    Ok(on_backend!(conn, inner => users::table
        .filter(is_among(users::id, ids))
        .select((users::id, users::last_useq))
        .load(inner))?)
}

/// Deletes events older than `moment`.
pub fn delete_before(conn: &mut Connection, moment: i64) -> Result<usize> {
    Ok(diesel::delete(user_events::table.filter(user_events::at.lt(moment))).execute(conn)?)
}
