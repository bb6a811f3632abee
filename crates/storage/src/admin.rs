//! Queries for administrators.

use diesel::prelude::*;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::UserId;

use crate::schema::{conversations, users};
use crate::users::UserRow;
use crate::{Connection, Result};

/// A page of accounts in the order of their handles, starting after the handle `after`.
pub fn list_users(conn: &mut Connection, search: &str, after: &str, limit: i64) -> Result<Vec<UserRow>> {
    let mut query = users::table
        .filter(users::deleted_at.is_null())
        .filter(users::handle_key.gt(after))
        .select(UserRow::as_select())
        .into_boxed();
    if !search.is_empty() {
        let pattern = format!("%{}%", search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        query = query.filter(users::handle_key.like(pattern).escape('\\'));
    }
    Ok(query.order(users::handle_key.asc()).limit(limit).load(conn)?)
}

/// Number of active administrators other than this user.
pub fn count_other_admins(conn: &mut Connection, user: UserId) -> Result<i64> {
    Ok(users::table
        .filter(users::is_admin.eq(true))
        .filter(users::suspended_at.is_null())
        .filter(users::id.ne(user))
        .count()
        .get_result(conn)?)
}

/// A page of accounts that wait for approval, longest wait first, starting after a position in that order.
pub fn list_pending(conn: &mut Connection, after: Option<(i64, i64)>, limit: i64) -> Result<Vec<UserRow>> {
    let mut query =
        users::table.filter(users::pending_since.is_not_null()).select(UserRow::as_select()).into_boxed();
    if let Some((since, id)) = after {
        query = query
            .filter(users::pending_since.gt(since).or(users::pending_since.eq(since).and(users::id.gt(id))));
    }
    Ok(query.order((users::pending_since.asc(), users::id.asc())).limit(limit).load(conn)?)
}

/// Number of accounts that wait for approval.
pub fn count_pending(conn: &mut Connection) -> Result<i64> {
    Ok(users::table.filter(users::pending_since.is_not_null()).count().get_result(conn)?)
}

/// Deletes an account that waits for approval; returns whether there was one.
pub fn delete_pending(conn: &mut Connection, user: UserId) -> Result<bool> {
    let count =
        diesel::delete(users::table.find(user).filter(users::pending_since.is_not_null())).execute(conn)?;
    Ok(count == 1)
}

/// Number of accounts, rooms, direct chats and events, in this order.
pub fn count_all(conn: &mut Connection) -> Result<(i64, i64, i64, i64)> {
    let of_kind = |kind: ConversationKind| {
        conversations::table
            .filter(conversations::kind.eq(kind))
            .filter(conversations::deleted_at.is_null())
            .count()
    };
    let accounts = users::table.filter(users::deleted_at.is_null()).count().get_result(conn)?;
    let rooms = of_kind(ConversationKind::Room).get_result(conn)?;
    let directs = of_kind(ConversationKind::Direct).get_result(conn)?;
    let events = conversations::table
        .select(diesel::dsl::sql::<diesel::sql_types::BigInt>("CAST(coalesce(sum(last_seq), 0) AS BIGINT)"))
        .first(conn)?;
    Ok((accounts, rooms, directs, events))
}
