//! Whom a message addresses: users whom it mentions, and the author it replies to.
//!
//! Invariant: a row exists exactly as long as the message exists and addresses the user (and no longer than
//! notifications are kept). Counters count these rows.

use diesel::prelude::*;
use parlour_protocol::ids::{ConversationId, Seq, UserId};

use crate::among::is_among;
use crate::schema::{mentions, user_events};
use crate::statement::prepared;
use crate::{Connection, Result, on_backend};

/// A user whom a message addresses.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = mentions)]
#[diesel(treat_none_as_default_value = false)]
pub struct MentionRow {
    /// The addressed user.
    pub user_id: UserId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Position of the message.
    pub seq: i64,
    /// Author of the message.
    pub author_id: UserId,
    /// Position of the notification about it in the user's event stream; `None` if there is none.
    pub useq: Option<i64>,
    /// When the row was added, in microseconds since 1970.
    pub at: i64,
}

/// Adds rows.
pub fn insert(conn: &mut Connection, rows: Vec<MentionRow>) -> Result<usize> {
    Ok(on_backend!(conn, inner => diesel::insert_into(mentions::table).values(rows).execute(inner))?)
}

/// Which of these rows still exist: user, conversation, position.
pub fn list_standing(
    conn: &mut Connection,
    wanted: &[(UserId, ConversationId, Seq)],
) -> Result<Vec<(UserId, ConversationId, Seq)>> {
    let people: Vec<UserId> = wanted.iter().map(|one| one.0).collect();
    let seqs: Vec<Seq> = wanted.iter().map(|one| one.2).collect();
    let found: Vec<(UserId, ConversationId, Seq)> = on_backend!(conn, inner => mentions::table
        .filter(is_among(mentions::user_id, &people))
        .filter(is_among(mentions::seq, &seqs))
        .select((mentions::user_id, mentions::conversation_id, mentions::seq))
        .load(inner))?;
    Ok(found.into_iter().filter(|one| wanted.contains(one)).collect())
}

/// Records which notification informed a user of a message: user, conversation, position of the message, position of
/// the notification.
pub fn note_notifications(conn: &mut Connection, noted: &[(UserId, ConversationId, Seq, Seq)]) -> Result<()> {
    match conn {
        Connection::Postgres(inner) => {
            prepared(
                "UPDATE mentions SET useq = given.useq
                FROM unnest($1, $2, $3, $4) AS given (person, conversation, seq, useq)
                WHERE mentions.user_id = given.person AND mentions.conversation_id = given.conversation
                    AND mentions.seq = given.seq",
            )
            .bind_all(noted.iter().map(|one| one.0))
            .bind_all(noted.iter().map(|one| one.1))
            .bind_all(noted.iter().map(|one| one.2))
            .bind_all(noted.iter().map(|one| one.3))
            .execute(inner)?;
        }
        Connection::Sqlite(inner) => {
            for (person, conversation, seq, useq) in noted {
                diesel::update(mentions::table.find((person, conversation, seq)))
                    .set(mentions::useq.eq(useq))
                    .execute(inner)?;
            }
        }
    }
    Ok(())
}

/// The users whom a message addresses.
pub fn list(conn: &mut Connection, conversation: ConversationId, seq: Seq) -> Result<Vec<MentionRow>> {
    Ok(mentions::table
        .filter(mentions::conversation_id.eq(conversation))
        .filter(mentions::seq.eq(seq))
        .order(mentions::user_id.asc())
        .select(MentionRow::as_select())
        .load(conn)?)
}

/// Deletes these rows, and removes their notifications from the list; the user events stay in the stream.
pub fn delete(conn: &mut Connection, rows: &[MentionRow]) -> Result<()> {
    for row in rows {
        diesel::delete(mentions::table.find((row.user_id, row.conversation_id, row.seq))).execute(conn)?;
        if let Some(useq) = row.useq {
            diesel::update(user_events::table.find((row.user_id, useq)))
                .set(user_events::notify.eq(false))
                .execute(conn)?;
        }
    }
    Ok(())
}

/// The users whom these messages of a conversation address.
pub fn list_of_messages(
    conn: &mut Connection,
    conversation: ConversationId,
    seqs: &[Seq],
) -> Result<Vec<MentionRow>> {
    Ok(on_backend!(conn, inner => mentions::table
        .filter(mentions::conversation_id.eq(conversation))
        .filter(is_among(mentions::seq, seqs))
        .order((mentions::user_id.asc(), mentions::seq.asc()))
        .select(MentionRow::as_select())
        .load(inner))?)
}

/// Deletes all rows of a conversation, and removes their notifications from the lists.
pub fn delete_conversation(conn: &mut Connection, conversation: ConversationId) -> Result<usize> {
    on_backend!(conn, inner => prepared(
        "UPDATE user_events SET notify = FALSE WHERE notify AND EXISTS (SELECT 1 FROM mentions
            WHERE mentions.conversation_id = $1 AND mentions.user_id = user_events.user_id
                AND mentions.useq = user_events.useq)
            AND user_id IN (SELECT user_id FROM mentions WHERE conversation_id = $1)",
    )
    .bind(conversation)
    .execute(inner))?;
    Ok(diesel::delete(mentions::table.filter(mentions::conversation_id.eq(conversation))).execute(conn)?)
}

/// Deletes all rows that address a user.
pub fn delete_of(conn: &mut Connection, user: UserId) -> Result<usize> {
    Ok(diesel::delete(mentions::table.filter(mentions::user_id.eq(user))).execute(conn)?)
}

/// Deletes rows older than `moment`.
pub fn delete_before(conn: &mut Connection, moment: i64) -> Result<usize> {
    Ok(diesel::delete(mentions::table.filter(mentions::at.lt(moment))).execute(conn)?)
}
