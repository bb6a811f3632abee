//! The stream of what concerns one person alone.
//!
//! Invariant: gapless like a conversation's log; old rows may be removed from its beginning only.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};
use parlour_protocol::ids::{Seq, UserId};
use parlour_protocol::socket::{UserChange, UserEvent};
use parlour_protocol::time::Timestamp;

use crate::Connection;
use crate::on_backend;
use crate::schema::{user_events, users};
use crate::users::lock_all;

/// Rows in one statement.
const ROWS: usize = 1000;

/// A line of the stream.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = user_events)]
pub struct UserEventRow {
    /// Whose stream.
    pub user_id: i64,
    /// Position.
    pub useq: i64,
    /// When.
    pub at: i64,
    /// The change, as JSON.
    pub data: String,
    /// Whether it is in the list of notifications.
    pub notify: bool,
}

impl UserEventRow {
    /// The event as it goes over the wire.
    pub fn into_event(self) -> UserEvent {
        let change = serde_json::from_str(&self.data)
            .unwrap_or_else(|_| UserChange::Unknown(serde_json::json!({ "kind": "unreadable", "data": {} })));
        UserEvent { seq: self.useq, at: Timestamp(self.at), change }
    }
}

/// A change that a person is told of. It waits until the end of the transaction, where everybody is told together.
#[derive(Debug, Clone, PartialEq)]
pub struct Tell {
    /// Who is told.
    pub user: UserId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: UserChange,
    /// Whether it goes into the list of notifications.
    pub notify: bool,
    /// What was stored, once it was; nothing of those who are not told after all.
    pub told: Option<UserEvent>,
}

/// Takes the next positions of people's streams and stores changes there, in their order: few statements, however many
/// they are. People's rows are locked in the order of their ids. Anyone who is gone is not told.
pub fn append(conn: &mut Connection, tells: &mut [&mut Tell]) -> QueryResult<()> {
    let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
    for tell in tells.iter() {
        *counts.entry(tell.user.0).or_default() += 1;
    }
    let heads = advance(conn, &counts)?;
    // The position before the first new one of each.
    let mut at: BTreeMap<i64, Seq> = heads
        .into_iter()
        .map(|(user, head)| (user, head - counts.get(&user).copied().unwrap_or(0)))
        .collect();
    let mut rows = Vec::with_capacity(tells.len());
    for tell in tells.iter_mut() {
        let Some(seq) = at.get_mut(&tell.user.0) else { continue };
        *seq += 1;
        let data = serde_json::to_string(&tell.change)
            .map_err(|error| diesel::result::Error::SerializationError(Box::new(error)))?;
        let (user_id, notify) = (tell.user.0, tell.notify);
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
    id: i64,
    #[diesel(sql_type = BigInt)]
    last_useq: Seq,
}

/// Moves the heads of people's streams forward by so much each, and returns where they are now.
fn advance(conn: &mut Connection, counts: &BTreeMap<i64, i64>) -> QueryResult<Vec<(i64, Seq)>> {
    let people: Vec<i64> = counts.keys().copied().collect();
    if people.len() > 1 {
        // In a statement of its own: one that locks rows and then changes them may look at versions from before it had
        // to wait, and can be part of a deadlock with another one that waits for the same row.
        lock_all(conn, &people)?;
    }
    let rows: Vec<HeadRow> = match conn {
        Connection::Postgres(inner) => diesel::sql_query(
            "UPDATE users SET last_useq = users.last_useq + due.count
            FROM unnest($1, $2) AS due (id, count) WHERE users.id = due.id RETURNING users.id, users.last_useq",
        )
        .bind::<Array<BigInt>, _>(people)
        .bind::<Array<BigInt>, _>(counts.values().copied().collect::<Vec<_>>())
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

/// The newest notifications of several people, up to a number of each, newest first.
pub fn list_newest_notifications(
    conn: &mut Connection,
    people: &[i64],
    limit: i64,
) -> QueryResult<Vec<UserEventRow>> {
    match conn {
        Connection::Postgres(inner) => diesel::sql_query(
            "SELECT newest.* FROM unnest($1) AS given (id) CROSS JOIN LATERAL (
                SELECT user_id, useq, at, data, notify FROM user_events
                WHERE user_id = given.id AND notify ORDER BY useq DESC LIMIT $2
            ) AS newest",
        )
        .bind::<Array<BigInt>, _>(people)
        .bind::<BigInt, _>(limit)
        .load(inner),
        Connection::Sqlite(_) => {
            let mut rows = Vec::new();
            for id in people {
                rows.extend(list_notifications(conn, UserId(*id), Seq::MAX, limit)?);
            }
            Ok(rows)
        }
    }
}

/// The stream after a position, oldest first.
pub fn list_after(
    conn: &mut Connection,
    user: UserId,
    after: Seq,
    limit: i64,
) -> QueryResult<Vec<UserEventRow>> {
    user_events::table
        .filter(user_events::user_id.eq(user.0))
        .filter(user_events::useq.gt(after))
        .order(user_events::useq.asc())
        .limit(limit)
        .select(UserEventRow::as_select())
        .load(conn)
}

/// Notifications before a position, newest first.
pub fn list_notifications(
    conn: &mut Connection,
    user: UserId,
    before: Seq,
    limit: i64,
) -> QueryResult<Vec<UserEventRow>> {
    user_events::table
        .filter(user_events::user_id.eq(user.0))
        .filter(user_events::notify)
        .filter(user_events::useq.lt(before))
        .order(user_events::useq.desc())
        .limit(limit)
        .select(UserEventRow::as_select())
        .load(conn)
}

/// Heads of several people's streams.
pub fn list_heads(conn: &mut Connection, ids: &[i64]) -> QueryResult<Vec<(i64, i64)>> {
    on_backend!(conn, inner => users::table
        .filter(users::id.eq_any(ids))
        .select((users::id, users::last_useq))
        .load(inner))
}

/// Removes what is older than a moment.
pub fn delete_before(conn: &mut Connection, moment: i64) -> QueryResult<usize> {
    diesel::delete(user_events::table.filter(user_events::at.lt(moment))).execute(conn)
}
