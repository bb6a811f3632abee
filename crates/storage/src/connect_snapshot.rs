//! What connecting needs to know about users: their accounts, conversations, friends and blocks.
//!
//! Invariant: one statement reads all of it, however many users there are, because thousands may reconnect at the same
//! time.

use diesel::IntoSql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, SmallInt};

use crate::among::is_among;
use crate::on_backend;
use crate::schema::{blocks, conversations, friendships, members, users};
use crate::{Connection, Result};

const ACCOUNT: i16 = 0;
const CONVERSATION: i16 = 1;
const FRIENDS: i16 = 2;
const BLOCK: i16 = 3;

/// A fact about one of the requested users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The account exists.
    Account {
        /// The user.
        user: i64,
        /// Head of the user's event stream.
        last_useq: i64,
        /// Who can see whether the user is online; see [`crate::users::UserRow::presence_to`].
        presence_to: i16,
        /// Whether the account is suspended or deleted.
        suspended: bool,
    },
    /// A user is a member of a conversation.
    Conversation {
        /// The user.
        user: i64,
        /// The conversation.
        id: i64,
        /// Head of the conversation's log.
        last_seq: i64,
        /// [`crate::conversations::ROOM`] or [`crate::conversations::DIRECT`].
        kind: i16,
        /// The user's read marker.
        read_seq: i64,
    },
    /// Two users are friends; one or both of them were requested.
    Friends(i64, i64),
    /// A requested user (first) blocks another one (second).
    Block(i64, i64),
}

/// Everything that connecting needs to know about these users, accounts first.
pub fn list(conn: &mut Connection, people: &[i64]) -> Result<Vec<Fact>> {
    type Row = (i16, i64, i64, i64, i16, bool, i64);
    let rows: Vec<Row> = on_backend!(conn, inner => users::table
        .filter(is_among(users::id, people))
        .select((
            ACCOUNT.into_sql::<SmallInt>(),
            users::id,
            users::last_useq,
            users::id,
            users::presence_to,
            users::suspended_at.is_not_null(),
            users::id,
        ))
        .union_all(
            members::table
                .inner_join(conversations::table)
                .filter(is_among(members::user_id, people))
                .filter(conversations::deleted_at.is_null())
                .select((
                    CONVERSATION.into_sql::<SmallInt>(),
                    members::user_id,
                    conversations::id,
                    conversations::last_seq,
                    conversations::kind,
                    conversations::deleted_at.is_not_null(),
                    members::read_seq,
                )),
        )
        .union_all(
            friendships::table
                .filter(is_among(friendships::low_user, people).or(is_among(friendships::high_user, people)))
                .filter(friendships::accepted_at.is_not_null())
                .select((
                    FRIENDS.into_sql::<SmallInt>(),
                    friendships::low_user,
                    friendships::high_user,
                    friendships::low_user,
                    FRIENDS.into_sql::<SmallInt>(),
                    friendships::hidden,
                    friendships::low_user,
                )),
        )
        .union_all(blocks::table.filter(is_among(blocks::blocker_id, people)).select((
            BLOCK.into_sql::<SmallInt>(),
            blocks::blocker_id,
            blocks::blocked_id,
            blocks::created_at,
            BLOCK.into_sql::<SmallInt>(),
            false.into_sql::<Bool>(),
            blocks::blocker_id,
        )))
        .load(inner))?;
    let mut facts: Vec<Fact> = rows
        .into_iter()
        .map(|(part, user, second, third, number, flag, fourth)| match part {
            ACCOUNT => Fact::Account { user, last_useq: second, presence_to: number, suspended: flag },
            CONVERSATION => {
                Fact::Conversation { user, id: second, last_seq: third, kind: number, read_seq: fourth }
            }
            FRIENDS => Fact::Friends(user, second),
            _ => Fact::Block(user, second),
        })
        .collect();
    // The database returns the parts in this order, but doesn't guarantee it.
    facts.sort_by_key(|one| !matches!(one, Fact::Account { .. }));
    Ok(facts)
}
