//! The stream of what concerns one person alone.
//!
//! Invariant: gapless like a conversation's log; old rows may be removed from its beginning only.

use diesel::prelude::*;
use parlour_protocol::ids::{Seq, UserId};
use parlour_protocol::socket::{UserChange, UserEvent};
use parlour_protocol::time::Timestamp;

use crate::Connection;
use crate::on_backend;
use crate::schema::{user_events, users};

/// A line of the stream.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
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

/// Takes the next position of a person's stream (locking their row) and stores a change there.
pub fn append(
    conn: &mut Connection,
    user: UserId,
    at: Timestamp,
    change: UserChange,
    notify: bool,
) -> QueryResult<UserEvent> {
    let seq: Seq = diesel::update(users::table.find(user.0))
        .set(users::last_useq.eq(users::last_useq + 1))
        .returning(users::last_useq)
        .get_result(conn)?;
    let data = serde_json::to_string(&change)
        .map_err(|error| diesel::result::Error::SerializationError(Box::new(error)))?;
    let row = UserEventRow { user_id: user.0, useq: seq, at: at.0, data, notify };
    diesel::insert_into(user_events::table).values(row).execute(conn)?;
    Ok(UserEvent { seq, at, change })
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
