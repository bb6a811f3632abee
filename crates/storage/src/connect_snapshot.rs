//! What connecting needs to know about users: their accounts, conversations, friends and blocks.
//!
//! Invariant: one statement reads all of it, however many users there are, because thousands may reconnect at the same
//! time.

use diesel::IntoSql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, SmallInt};
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::privacy::PresenceTo;

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
        user: UserId,
        /// Head of the user's event stream.
        last_useq: Seq,
        /// Who can see whether the user is online.
        presence_to: PresenceTo,
        /// Whether the account is suspended or deleted.
        suspended: bool,
    },
    /// A user is a member of a conversation.
    Conversation {
        /// The user.
        user: UserId,
        /// The conversation.
        id: ConversationId,
        /// Head of the conversation's log.
        last_seq: Seq,
        /// Room or direct chat.
        kind: ConversationKind,
        /// The user's read marker.
        read_seq: Seq,
    },
    /// Two users are friends; one or both of them were requested.
    Friends(UserId, UserId),
    /// A requested user (first) blocks another one (second).
    Block(UserId, UserId),
}

/// Everything that connecting needs to know about these users, accounts first.
pub fn list(conn: &mut Connection, people: &[UserId]) -> Result<Vec<Fact>> {
    type Row = (i16, UserId, i64, i64, i16, bool, i64);
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
            ACCOUNT => Fact::Account { user, last_useq: second, presence_to: number.into(), suspended: flag },
            CONVERSATION => {
                let (id, kind) = (ConversationId(second), number.into());
                Fact::Conversation { user, id, last_seq: third, kind, read_seq: fourth }
            }
            FRIENDS => Fact::Friends(user, UserId(second)),
            _ => Fact::Block(user, UserId(second)),
        })
        .collect();
    // The database returns the parts in this order, but doesn't guarantee it.
    facts.sort_by_key(|one| !matches!(one, Fact::Account { .. }));
    Ok(facts)
}
