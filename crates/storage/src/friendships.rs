//! Friendships and friend requests.
//!
//! Invariant: one row for both users, so a friendship is never one-sided.

use std::collections::BTreeSet;

use diesel::prelude::*;
use parlour_protocol::ids::UserId;
use parlour_protocol::privacy::PresenceTo;
use parlour_protocol::users::User;

use crate::pairs;
use crate::schema::{friendships, users};
use crate::users::{SummaryRow, lock_pair};
use crate::{Connection, Result};

/// A friendship or an open friend request.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = friendships)]
#[diesel(treat_none_as_default_value = false)]
pub struct FriendshipRow {
    /// The smaller of the two user ids.
    pub low_user: UserId,
    /// The larger of the two user ids.
    pub high_user: UserId,
    /// Who sent the request.
    pub requested_by: UserId,
    /// When the request was sent, in microseconds since 1970.
    pub created_at: i64,
    /// When the friendship began; `None` while it is a request.
    pub accepted_at: Option<i64>,
    /// Whether only the sender can see the request.
    pub hidden: bool,
}

/// Orders two users as in the row: smaller id first.
pub fn pair(a: UserId, b: UserId) -> (UserId, UserId) {
    if a < b { (a, b) } else { (b, a) }
}

/// The row of two users.
pub fn find(conn: &mut Connection, a: UserId, b: UserId) -> Result<Option<FriendshipRow>> {
    let (low, high) = pair(a, b);
    Ok(friendships::table.find((low, high)).select(FriendshipRow::as_select()).first(conn).optional()?)
}

/// Like [`find`], but also locks both users and the row until the transaction ends.
pub fn lock(conn: &mut Connection, a: UserId, b: UserId) -> Result<Option<FriendshipRow>> {
    let (low, high) = pair(a, b);
    lock_pair(conn, low, high)?;
    match conn {
        Connection::Postgres(inner) => Ok(friendships::table
            .find((low, high))
            .select(FriendshipRow::as_select())
            .for_update()
            .first(inner)
            .optional()?),
        sqlite @ Connection::Sqlite(_) => find(sqlite, a, b),
    }
}

/// Inserts a request.
pub fn insert(conn: &mut Connection, row: &FriendshipRow) -> Result<usize> {
    Ok(diesel::insert_into(friendships::table).values(row.clone()).execute(conn)?)
}

/// Turns a request into a friendship.
pub fn accept(conn: &mut Connection, a: UserId, b: UserId, now: i64) -> Result<usize> {
    let (low, high) = pair(a, b);
    Ok(diesel::update(friendships::table.find((low, high)))
        .set((friendships::accepted_at.eq(Some(now)), friendships::hidden.eq(false)))
        .execute(conn)?)
}

/// Hides a request from its recipient, or makes it visible.
pub fn set_hidden(conn: &mut Connection, a: UserId, b: UserId, hidden: bool) -> Result<usize> {
    let (low, high) = pair(a, b);
    Ok(diesel::update(friendships::table.find((low, high)))
        .set(friendships::hidden.eq(hidden))
        .execute(conn)?)
}

/// Deletes a friendship or a request.
pub fn delete(conn: &mut Connection, a: UserId, b: UserId) -> Result<usize> {
    let (low, high) = pair(a, b);
    Ok(diesel::delete(friendships::table.find((low, high))).execute(conn)?)
}

/// Which of these pairs (smaller id first) are friends.
pub fn list_friends_among(
    conn: &mut Connection,
    pairs: &[(UserId, UserId)],
) -> Result<Vec<(UserId, UserId)>> {
    match conn {
        Connection::Postgres(inner) => pairs::list(inner, FRIENDS_AMONG, pairs),
        Connection::Sqlite(inner) => {
            let mut found = Vec::with_capacity(pairs.len());
            for pair in pairs {
                let friends: Option<(UserId, UserId)> = friendships::table
                    .find(*pair)
                    .filter(friendships::accepted_at.is_not_null())
                    .select((friendships::low_user, friendships::high_user))
                    .first(inner)
                    .optional()?;
                found.extend(friends);
            }
            Ok(found)
        }
    }
}

const FRIENDS_AMONG: &str = "SELECT f.low_user AS first, f.high_user AS second
    FROM unnest($1, $2) AS given (low, high)
    JOIN friendships f ON f.low_user = given.low AND f.high_user = given.high
    WHERE f.accepted_at IS NOT NULL";

/// Friendships and requests of a user, newest first, each with the other user. Includes hidden requests.
pub fn list(conn: &mut Connection, user: UserId) -> Result<Vec<(FriendshipRow, User)>> {
    let mut found: Vec<(FriendshipRow, SummaryRow)> = friendships::table
        .inner_join(users::table.on(users::id.eq(friendships::high_user)))
        .filter(friendships::low_user.eq(user))
        .select((FriendshipRow::as_select(), SummaryRow::as_select()))
        .load(conn)?;
    found.extend(
        friendships::table
            .inner_join(users::table.on(users::id.eq(friendships::low_user)))
            .filter(friendships::high_user.eq(user))
            .select((FriendshipRow::as_select(), SummaryRow::as_select()))
            .load::<(FriendshipRow, SummaryRow)>(conn)?,
    );
    found.sort_by_key(|(row, _)| std::cmp::Reverse(row.accepted_at.unwrap_or(row.created_at)));
    Ok(found.into_iter().map(|(row, user)| (row, User::from(user))).collect())
}

/// The friends who can see whether a user is online: all of them, or none while the user is invisible.
pub fn list_ids(conn: &mut Connection, user: UserId) -> Result<Vec<UserId>> {
    let visible = users::table.filter(users::id.eq(user)).filter(users::presence_to.eq(PresenceTo::Friends));
    let rows: Vec<(UserId, UserId)> = friendships::table
        .filter(friendships::low_user.eq(user).or(friendships::high_user.eq(user)))
        .filter(friendships::accepted_at.is_not_null())
        .filter(diesel::dsl::exists(visible))
        .select((friendships::low_user, friendships::high_user))
        .load(conn)?;
    Ok(rows.into_iter().map(|(low, high)| if low == user { high } else { low }).collect())
}

/// The friends whose presence a user can see: all except those who are invisible.
pub fn list_present_ids(conn: &mut Connection, user: UserId) -> Result<BTreeSet<UserId>> {
    let other =
        users::id.ne(user).and(users::id.eq(friendships::low_user).or(users::id.eq(friendships::high_user)));
    let rows: Vec<UserId> = friendships::table
        .inner_join(users::table.on(other))
        .filter(friendships::low_user.eq(user).or(friendships::high_user.eq(user)))
        .filter(friendships::accepted_at.is_not_null())
        .filter(users::presence_to.eq(PresenceTo::Friends))
        .select(users::id)
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Number of friends and open requests of a user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Friends.
    pub friends: i64,
    /// Requests they sent.
    pub outgoing: i64,
    /// Requests from others that they can see.
    pub incoming: i64,
}

/// Counts a user's friends and open requests.
pub fn count_of(conn: &mut Connection, user: UserId) -> Result<Counts> {
    let rows: Vec<(bool, UserId, bool)> = friendships::table
        .filter(friendships::low_user.eq(user).or(friendships::high_user.eq(user)))
        .select((friendships::accepted_at.is_not_null(), friendships::requested_by, friendships::hidden))
        .load(conn)?;
    let mut counts = Counts::default();
    for (accepted, requested_by, hidden) in rows {
        match (accepted, requested_by == user, hidden) {
            (true, ..) => counts.friends += 1,
            (false, true, _) => counts.outgoing += 1,
            (false, false, false) => counts.incoming += 1,
            (false, false, true) => {}
        }
    }
    Ok(counts)
}

/// Senders of the requests that a user can see, newest first.
pub fn list_incoming(conn: &mut Connection, user: UserId, limit: i64) -> Result<Vec<UserId>> {
    Ok(friendships::table
        .filter(friendships::low_user.eq(user).or(friendships::high_user.eq(user)))
        .filter(friendships::accepted_at.is_null())
        .filter(friendships::hidden.eq(false))
        .filter(friendships::requested_by.ne(user))
        .order((friendships::created_at.desc(), friendships::requested_by.desc()))
        .limit(limit)
        .select(friendships::requested_by)
        .load(conn)?)
}

/// Hides the oldest request that a user can see.
pub fn hide_oldest_incoming(conn: &mut Connection, user: UserId) -> Result<()> {
    let oldest: Option<(UserId, UserId)> = friendships::table
        .filter(friendships::low_user.eq(user).or(friendships::high_user.eq(user)))
        .filter(friendships::accepted_at.is_null())
        .filter(friendships::hidden.eq(false))
        .filter(friendships::requested_by.ne(user))
        .order((friendships::created_at.asc(), friendships::requested_by.asc()))
        .select((friendships::low_user, friendships::high_user))
        .first(conn)
        .optional()?;
    if let Some((low, high)) = oldest {
        set_hidden(conn, low, high, true)?;
    }
    Ok(())
}
