//! Whom messages concern besides everybody: who was mentioned in them, or answered by them.
//!
//! Invariant: there is a row for each, exactly as long as the message stands there and says so (and not longer than
//! notifications are kept). Counters count these rows.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};
use parlour_protocol::ids::{ConversationId, Seq, UserId};

use crate::schema::{mentions, user_events};
use crate::{Connection, on_backend};

/// Somebody whom a message concerns.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = mentions)]
#[diesel(treat_none_as_default_value = false)]
pub struct MentionRow {
    /// Whom.
    pub user_id: i64,
    /// Where.
    pub conversation_id: i64,
    /// Which message.
    pub seq: i64,
    /// Who wrote it.
    pub author_id: i64,
    /// The notification about it, if there is one.
    pub useq: Option<i64>,
    /// Since when.
    pub at: i64,
}

/// Adds people whom a message concerns.
pub fn insert(conn: &mut Connection, rows: Vec<MentionRow>) -> QueryResult<usize> {
    on_backend!(conn, inner => diesel::insert_into(mentions::table).values(rows).execute(inner))
}

/// Which of these people are still concerned by messages: person, conversation, position.
pub fn list_standing(conn: &mut Connection, wanted: &[(i64, i64, Seq)]) -> QueryResult<Vec<(i64, i64, Seq)>> {
    let people: Vec<i64> = wanted.iter().map(|one| one.0).collect();
    let seqs: Vec<Seq> = wanted.iter().map(|one| one.2).collect();
    let found: Vec<(i64, i64, Seq)> = on_backend!(conn, inner => mentions::table
        .filter(mentions::user_id.eq_any(&people))
        .filter(mentions::seq.eq_any(&seqs))
        .select((mentions::user_id, mentions::conversation_id, mentions::seq))
        .load(inner))?;
    Ok(found.into_iter().filter(|one| wanted.contains(one)).collect())
}

/// Notes which notification tells somebody of a message: person, conversation, position of the message, and of the
/// notification.
pub fn note_notifications(conn: &mut Connection, noted: &[(i64, i64, Seq, Seq)]) -> QueryResult<()> {
    match conn {
        Connection::Postgres(inner) => {
            let column = |of: fn(&(i64, i64, Seq, Seq)) -> i64| noted.iter().map(of).collect::<Vec<i64>>();
            diesel::sql_query(
                "UPDATE mentions SET useq = given.useq
                FROM unnest($1, $2, $3, $4) AS given (person, conversation, seq, useq)
                WHERE mentions.user_id = given.person AND mentions.conversation_id = given.conversation
                    AND mentions.seq = given.seq",
            )
            .bind::<Array<BigInt>, _>(column(|one| one.0))
            .bind::<Array<BigInt>, _>(column(|one| one.1))
            .bind::<Array<BigInt>, _>(column(|one| one.2))
            .bind::<Array<BigInt>, _>(column(|one| one.3))
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

/// Whom a message concerns.
pub fn list(conn: &mut Connection, conversation: ConversationId, seq: Seq) -> QueryResult<Vec<MentionRow>> {
    mentions::table
        .filter(mentions::conversation_id.eq(conversation.0))
        .filter(mentions::seq.eq(seq))
        .order(mentions::user_id.asc())
        .select(MentionRow::as_select())
        .load(conn)
}

/// Takes these people off, and the notifications that they got out of the list; those stay in the stream.
pub fn delete(conn: &mut Connection, rows: &[MentionRow]) -> QueryResult<()> {
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

/// Whom these messages of a conversation concern.
pub fn list_of_messages(
    conn: &mut Connection,
    conversation: ConversationId,
    seqs: &[Seq],
) -> QueryResult<Vec<MentionRow>> {
    on_backend!(conn, inner => mentions::table
        .filter(mentions::conversation_id.eq(conversation.0))
        .filter(mentions::seq.eq_any(seqs))
        .order((mentions::user_id.asc(), mentions::seq.asc()))
        .select(MentionRow::as_select())
        .load(inner))
}

/// Forgets a conversation, and takes the notifications about it out of the lists.
pub fn delete_conversation(conn: &mut Connection, conversation: ConversationId) -> QueryResult<usize> {
    diesel::sql_query(
        "UPDATE user_events SET notify = FALSE WHERE notify AND EXISTS (SELECT 1 FROM mentions
            WHERE mentions.conversation_id = $1 AND mentions.user_id = user_events.user_id
                AND mentions.useq = user_events.useq)
            AND user_id IN (SELECT user_id FROM mentions WHERE conversation_id = $1)",
    )
    .bind::<BigInt, _>(conversation.0)
    .execute(conn)?;
    diesel::delete(mentions::table.filter(mentions::conversation_id.eq(conversation.0))).execute(conn)
}

/// Forgets a person.
pub fn delete_of(conn: &mut Connection, user: UserId) -> QueryResult<usize> {
    diesel::delete(mentions::table.filter(mentions::user_id.eq(user.0))).execute(conn)
}

/// Forgets what is older than a moment.
pub fn delete_before(conn: &mut Connection, moment: i64) -> QueryResult<usize> {
    diesel::delete(mentions::table.filter(mentions::at.lt(moment))).execute(conn)
}
