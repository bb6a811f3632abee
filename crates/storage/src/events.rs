//! The log of a conversation. A message is the event that created it; the row also holds the message's current state.
//!
//! Invariant: seqs are gapless per conversation; rows are never deleted one by one. Deleting a message scrubs its text
//! from every row that holds it.

mod row;

use std::collections::BTreeMap;

use diesel::PgConnection;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::Mention;
use parlour_protocol::time::Timestamp;

use self::row::write_mentions;
pub use self::row::{EDITED, EventRow, MESSAGE};
use crate::conditions::IsMessage;
use crate::conversations::ACTIVITY_SPAN;
use crate::on_backend;
use crate::pairs::{IsAt, IsSentAs};
use crate::schema::{conversations, events};
use crate::{Connection, Result};

/// Appends a change at the next position of a conversation. The conversation's row must be locked.
pub fn append(
    conn: &mut Connection,
    conversation: ConversationId,
    at: Timestamp,
    change: Change,
) -> Result<Event> {
    let advanced = (
        conversations::last_seq.eq(conversations::last_seq + 1),
        conversations::last_activity_at.eq(at.0),
        conversations::active_span.eq(at.0 / ACTIVITY_SPAN),
    );
    let line = conversations::table.find(conversation);
    let seq: Seq = if change.changes_earlier_messages() {
        diesel::update(line)
            .set((advanced, conversations::changed_seq.eq(conversations::last_seq + 1)))
            .returning(conversations::last_seq)
            .get_result(conn)?
    } else {
        diesel::update(line).set(advanced).returning(conversations::last_seq).get_result(conn)?
    };
    let row = EventRow::new(conversation, seq, at, &change);
    diesel::insert_into(events::table).values(row).execute(conn)?;
    Ok(Event { conversation, seq, at, change })
}

/// Stores new messages, on PostgreSQL in one statement, at positions already taken with [`crate::conversations::advance`].
pub fn insert_messages(conn: &mut Connection, rows: Vec<EventRow>) -> Result<usize> {
    match conn {
        Connection::Postgres(inner) => Ok(InsertMessages::of(rows).execute(inner)?),
        // Row by row: a statement for several rows is another one for each number of them, and is never kept prepared.
        Connection::Sqlite(inner) => rows.into_iter().try_fold(0, |count, row| {
            Ok(count + diesel::insert_into(events::table).values(row).execute(inner)?)
        }),
    }
}

/// [`insert_messages`] on PostgreSQL, with one array per column: the statement is the same for any number of rows, so
/// it is prepared once per connection.
#[derive(QueryId, Default)]
struct InsertMessages {
    conversations: Vec<ConversationId>,
    seqs: Vec<Seq>,
    authors: Vec<UserId>,
    at: Vec<i64>,
    cids: Vec<Option<String>>,
    targets: Vec<Option<i64>>,
    bodies: Vec<Option<String>>,
    mentions: Vec<Option<String>>,
    target_authors: Vec<Option<UserId>>,
}

impl InsertMessages {
    fn of(rows: Vec<EventRow>) -> Self {
        let mut columns = Self::default();
        for row in rows {
            columns.conversations.push(row.conversation_id);
            columns.seqs.push(row.seq);
            columns.authors.push(row.author_id);
            columns.at.push(row.at);
            columns.cids.push(row.cid);
            columns.targets.push(row.target);
            columns.bodies.push(row.body);
            columns.mentions.push(row.mentions);
            columns.target_authors.push(row.target_author);
        }
        columns
    }
}

impl RunQueryDsl<PgConnection> for InsertMessages {}

impl QueryFragment<Pg> for InsertMessages {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO events (conversation_id, seq, author_id, at, cid, target, body, mentions, target_author, kind)
             SELECT *, 0 FROM unnest(",
        );
        out.push_bind_param::<Array<BigInt>, _>(&self.conversations)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.seqs)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.authors)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.at)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.cids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<BigInt>>, _>(&self.targets)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.bodies)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.mentions)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<BigInt>>, _>(&self.target_authors)?;
        out.push_sql(")");
        Ok(())
    }
}

/// Rows of messages that already exist with one of these keys (conversation, author, client id).
pub fn list_by_cids(conn: &mut Connection, keys: &[(ConversationId, UserId, &str)]) -> Result<Vec<EventRow>> {
    Ok(on_backend!(conn, inner => events::table
        .filter(IsSentAs::any(keys))
        .select(EventRow::as_select())
        .load(inner))?)
}

/// A message, deleted or not.
pub fn find_message(
    conn: &mut Connection,
    conversation: ConversationId,
    seq: Seq,
) -> Result<Option<EventRow>> {
    Ok(events::table
        .find((conversation, seq))
        .filter(IsMessage)
        .select(EventRow::as_select())
        .first(conn)
        .optional()?)
}

/// Events after a position, oldest first.
pub fn list_after(
    conn: &mut Connection,
    conversation: ConversationId,
    after: Seq,
    limit: i64,
) -> Result<Vec<EventRow>> {
    Ok(events::table
        .filter(events::conversation_id.eq(conversation))
        .filter(events::seq.gt(after))
        .order(events::seq.asc())
        .limit(limit)
        .select(EventRow::as_select())
        .load(conn)?)
}

/// Messages before a position, newest first.
pub fn list_messages_before(
    conn: &mut Connection,
    conversation: ConversationId,
    before: Seq,
    limit: i64,
) -> Result<Vec<EventRow>> {
    Ok(events::table
        .filter(events::conversation_id.eq(conversation))
        .filter(events::seq.lt(before))
        .filter(IsMessage)
        .order(events::seq.desc())
        .limit(limit)
        .select(EventRow::as_select())
        .load(conn)?)
}

/// Messages after a position, oldest first.
pub fn list_messages_after(
    conn: &mut Connection,
    conversation: ConversationId,
    after: Seq,
    limit: i64,
) -> Result<Vec<EventRow>> {
    Ok(events::table
        .filter(events::conversation_id.eq(conversation))
        .filter(events::seq.gt(after))
        .filter(IsMessage)
        .order(events::seq.asc())
        .limit(limit)
        .select(EventRow::as_select())
        .load(conn)?)
}

/// Several messages by conversation and position.
pub fn list_messages(conn: &mut Connection, at: &[(ConversationId, Seq)]) -> Result<Vec<EventRow>> {
    Ok(on_backend!(conn, inner => events::table
        .filter(IsAt::any(at))
        .filter(IsMessage)
        .select(EventRow::as_select())
        .load(inner))?)
}

/// Authors of those messages that exist and aren't deleted. Events of other kinds are left out.
pub fn list_authors(
    conn: &mut Connection,
    at: &[(ConversationId, Seq)],
) -> Result<BTreeMap<(ConversationId, Seq), UserId>> {
    if at.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(ConversationId, Seq, UserId)> = on_backend!(conn, inner => events::table
        .filter(IsAt::any(at))
        .filter(events::kind.eq(MESSAGE))
        .filter(events::deleted_at.is_null())
        .select((events::conversation_id, events::seq, events::author_id))
        .load(inner))?;
    Ok(rows.into_iter().map(|(id, seq, author)| ((id, seq), author)).collect())
}

/// Sets the current text of a message, and the users that the handles in all of its texts refer to.
pub fn update_body(
    conn: &mut Connection,
    conversation: ConversationId,
    seq: Seq,
    (body, mentions): (&str, Option<&[Mention]>),
    at: Timestamp,
) -> Result<usize> {
    Ok(diesel::update(events::table.find((conversation, seq)))
        .set((
            events::current_body.eq(Some(body)),
            events::mentions.eq(mentions.and_then(write_mentions)),
            events::edited_at.eq(Some(at.0)),
        ))
        .execute(conn)?)
}

/// Scrubs the text of a message and of its edits; the rows keep their positions. Reactions are deleted separately.
pub fn scrub(conn: &mut Connection, conversation: ConversationId, seq: Seq, at: Timestamp) -> Result<()> {
    diesel::update(events::table.find((conversation, seq)))
        .set((
            events::body.eq(None::<String>),
            events::current_body.eq(None::<String>),
            events::mentions.eq(None::<String>),
            events::deleted_at.eq(Some(at.0)),
        ))
        .execute(conn)?;
    diesel::update(
        events::table
            .filter(events::conversation_id.eq(conversation))
            .filter(events::target.eq(seq))
            .filter(events::kind.eq(EDITED)),
    )
    .set((events::body.eq(None::<String>), events::mentions.eq(None::<String>)))
    .execute(conn)?;
    Ok(())
}

/// Deletes the whole log of a deleted room.
pub fn delete_all(conn: &mut Connection, conversation: ConversationId) -> Result<usize> {
    Ok(diesel::delete(events::table.filter(events::conversation_id.eq(conversation))).execute(conn)?)
}
