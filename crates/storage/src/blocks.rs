//! Who blocks whom.
//!
//! Invariant: the blocked user is never told of a row; `parlour-chat` decides what they see.

use diesel::prelude::*;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::users::User;

use crate::among::is_among;
use crate::on_backend;
use crate::schema::{blocks, members, users};
use crate::users::SummaryRow;
use crate::{Connection, Result};

/// A block, in one direction.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = blocks)]
pub struct BlockRow {
    /// The user who blocks.
    pub blocker_id: UserId,
    /// The user who is blocked.
    pub blocked_id: UserId,
    /// When the block was created, in microseconds since 1970.
    pub created_at: i64,
}

/// Adds a block.
pub fn insert(conn: &mut Connection, row: &BlockRow) -> Result<usize> {
    Ok(diesel::insert_into(blocks::table).values(row.clone()).execute(conn)?)
}

/// The block of one user against another, if there is one.
pub fn find(conn: &mut Connection, blocker: UserId, blocked: UserId) -> Result<Option<BlockRow>> {
    Ok(blocks::table.find((blocker, blocked)).select(BlockRow::as_select()).first(conn).optional()?)
}

/// Removes a block; returns whether there was one.
pub fn delete(conn: &mut Connection, blocker: UserId, blocked: UserId) -> Result<bool> {
    Ok(diesel::delete(blocks::table.find((blocker, blocked))).execute(conn)? > 0)
}

/// Everyone a user blocks, newest first.
pub fn list(conn: &mut Connection, blocker: UserId) -> Result<Vec<(BlockRow, User)>> {
    let rows: Vec<(BlockRow, SummaryRow)> = blocks::table
        .inner_join(users::table.on(users::id.eq(blocks::blocked_id)))
        .filter(blocks::blocker_id.eq(blocker))
        .order((blocks::created_at.desc(), blocks::blocked_id.desc()))
        .select((BlockRow::as_select(), SummaryRow::as_select()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(row, user)| (row, User::from(user))).collect())
}

/// Number of users that a user blocks.
pub fn count_of(conn: &mut Connection, blocker: UserId) -> Result<i64> {
    Ok(blocks::table.filter(blocks::blocker_id.eq(blocker)).count().get_result(conn)?)
}

/// All pairs (blocker, blocked) with the blocker in `people` and the blocked user in `others`.
pub fn list_among(
    conn: &mut Connection,
    people: &[UserId],
    others: &[UserId],
) -> Result<Vec<(UserId, UserId)>> {
    Ok(on_backend!(conn, inner => blocks::table
        .filter(is_among(blocks::blocker_id, people))
        .filter(is_among(blocks::blocked_id, others))
        .select((blocks::blocker_id, blocks::blocked_id))
        .load(inner))?)
}

/// Ids of everyone a user blocks.
pub fn list_blocked_ids(conn: &mut Connection, blocker: UserId) -> Result<Vec<UserId>> {
    Ok(blocks::table.filter(blocks::blocker_id.eq(blocker)).select(blocks::blocked_id).load(conn)?)
}

/// Up to `limit` members of a conversation who block a user.
pub fn list_blockers_in(
    conn: &mut Connection,
    conversation: ConversationId,
    blocked: UserId,
    limit: i64,
) -> Result<Vec<UserId>> {
    Ok(blocks::table
        .inner_join(members::table.on(members::user_id.eq(blocks::blocker_id)))
        .filter(blocks::blocked_id.eq(blocked))
        .filter(members::conversation_id.eq(conversation))
        .select(blocks::blocker_id)
        .limit(limit)
        .load(conn)?)
}
