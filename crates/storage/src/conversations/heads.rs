//! The heads of conversations: taking the next positions of their logs, and giving back those that weren't used.
//!
//! Invariant: positions are taken with the row's lock, which is held until the transaction ends, so a log has no gaps.

use diesel::PgConnection;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, SmallInt};
use parlour_protocol::ids::ConversationId;

use super::ACTIVITY_SPAN;
use crate::schema::{conversations, events};
use crate::{Connection, Result};

/// What a send needs to know about the conversation after its head was advanced.
#[derive(Debug, Clone, Queryable, QueryableByName)]
pub struct AdvancedRow {
    /// The conversation.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// Head after the advance.
    #[diesel(sql_type = BigInt)]
    pub last_seq: i64,
    /// [`ROOM`](super::ROOM) or [`DIRECT`](super::DIRECT).
    #[diesel(sql_type = SmallInt)]
    pub kind: i16,
    /// For a direct chat, the smaller of the two user ids.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub low_user: Option<i64>,
    /// For a direct chat, the larger of the two user ids.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub high_user: Option<i64>,
}

/// Advances the heads of several conversations (id, count), locking the rows in the order of their ids. Conversations
/// that don't exist are missing from the result.
pub fn advance(conn: &mut Connection, by: &[(i64, i64)], now: i64) -> Result<Vec<AdvancedRow>> {
    match conn {
        Connection::Postgres(inner) => {
            let (ids, counts) = by.iter().copied().unzip();
            Ok(Advance { ids, counts, now, span: now / ACTIVITY_SPAN }.load(inner)?)
        }
        Connection::Sqlite(inner) => {
            let mut rows = Vec::with_capacity(by.len());
            for (id, count) in by {
                let line = conversations::table.find(id).filter(conversations::deleted_at.is_null());
                let advanced = diesel::update(line)
                    .set((
                        conversations::last_seq.eq(conversations::last_seq + *count),
                        conversations::last_activity_at.eq(now),
                        conversations::active_span.eq(now / ACTIVITY_SPAN),
                    ))
                    .returning((
                        conversations::id,
                        conversations::last_seq,
                        conversations::kind,
                        conversations::low_user,
                        conversations::high_user,
                    ))
                    .get_result::<AdvancedRow>(inner)
                    .optional()?;
                rows.extend(advanced);
            }
            Ok(rows)
        }
    }
}

/// [`advance`] on PostgreSQL. A query type is prepared once per connection; plain SQL text would be parsed and planned
/// for every batch, which takes longer than running it.
#[derive(QueryId)]
struct Advance {
    ids: Vec<i64>,
    counts: Vec<i64>,
    now: i64,
    span: i64,
}

impl Query for Advance {
    type SqlType = (BigInt, BigInt, SmallInt, Nullable<BigInt>, Nullable<BigInt>);
}

impl RunQueryDsl<PgConnection> for Advance {}

impl QueryFragment<Pg> for Advance {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH wanted AS (SELECT * FROM unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.counts)?;
        out.push_sql(
            ") AS wanted (id, n)),
             locked AS (SELECT c.id FROM conversations c JOIN wanted USING (id)
                        WHERE c.deleted_at IS NULL ORDER BY c.id FOR UPDATE OF c)
             UPDATE conversations SET last_seq = last_seq + wanted.n, last_activity_at = ",
        );
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(", active_span = ");
        out.push_bind_param::<BigInt, _>(&self.span)?;
        out.push_sql(
            " FROM wanted JOIN locked USING (id) WHERE conversations.id = wanted.id
             RETURNING conversations.id, last_seq, kind, low_user, high_user",
        );
        Ok(())
    }
}

/// Gives back positions that [`advance`] took in this transaction and that weren't used.
pub fn give_back(conn: &mut Connection, id: ConversationId, unused: i64) -> Result<usize> {
    Ok(diesel::update(conversations::table.find(id.0))
        .set(conversations::last_seq.eq(conversations::last_seq - unused))
        .execute(conn)?)
}

/// Like [`give_back`] when no position was used. Also restores the activity time to when the log last grew, since
/// nothing happened.
pub fn give_all_back(conn: &mut Connection, id: ConversationId, unused: i64) -> Result<usize> {
    give_back(conn, id, unused)?;
    let line = || conversations::table.find(id.0);
    let grown: Option<i64> = events::table
        .inner_join(conversations::table.on(conversations::id.eq(events::conversation_id)))
        .filter(conversations::id.eq(id.0))
        .filter(events::seq.eq(conversations::last_seq))
        .select(events::at)
        .first(conn)
        .optional()?;
    let before = match grown {
        Some(at) => at,
        None => line().select(conversations::created_at).first(conn)?,
    };
    Ok(diesel::update(line())
        .set((
            conversations::last_activity_at.eq(before),
            conversations::active_span.eq(before / ACTIVITY_SPAN),
        ))
        .execute(conn)?)
}
