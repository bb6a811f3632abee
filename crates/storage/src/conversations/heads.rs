//! The heads of conversations: taking the next positions of their logs, and giving back those that weren't used.
//!
//! Invariant: positions are taken with the row's lock, which is held until the transaction ends, so a log has no gaps.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, SmallInt};
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::{ConversationId, UserId};

use super::ACTIVITY_SPAN;
use crate::schema::{conversations, events};
use crate::statement::prepared;
use crate::{Connection, Result};

/// What a send needs to know about the conversation after its head was advanced.
#[derive(Debug, Clone, Queryable, QueryableByName)]
pub struct AdvancedRow {
    /// The conversation.
    #[diesel(sql_type = BigInt)]
    pub id: ConversationId,
    /// Head after the advance.
    #[diesel(sql_type = BigInt)]
    pub last_seq: i64,
    /// Room or direct chat.
    #[diesel(sql_type = SmallInt)]
    pub kind: ConversationKind,
    /// For a direct chat, the smaller of the two user ids.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub low_user: Option<UserId>,
    /// For a direct chat, the larger of the two user ids.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub high_user: Option<UserId>,
}

/// Advances the heads of several conversations (id, count), locking the rows in the order of their ids. Conversations
/// that don't exist are missing from the result.
pub fn advance(conn: &mut Connection, by: &[(ConversationId, i64)], now: i64) -> Result<Vec<AdvancedRow>> {
    match conn {
        Connection::Postgres(inner) => {
            let (ids, counts) = (by.iter().map(|one| one.0), by.iter().map(|one| one.1));
            let advance = prepared(ADVANCE).bind_all(ids).bind_all(counts);
            Ok(advance.bind(now).bind(now / ACTIVITY_SPAN).load(inner)?)
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

const ADVANCE: &str = "WITH wanted AS (SELECT * FROM unnest($1, $2) AS wanted (id, n)),
    locked AS (SELECT c.id FROM conversations c JOIN wanted USING (id)
        WHERE c.deleted_at IS NULL ORDER BY c.id FOR UPDATE OF c)
    UPDATE conversations SET last_seq = last_seq + wanted.n, last_activity_at = $3, active_span = $4
    FROM wanted JOIN locked USING (id) WHERE conversations.id = wanted.id
    RETURNING conversations.id, last_seq, kind, low_user, high_user";

/// Gives back positions that [`advance`] took in this transaction and that weren't used.
pub fn give_back(conn: &mut Connection, id: ConversationId, unused: i64) -> Result<usize> {
    Ok(diesel::update(conversations::table.find(id))
        .set(conversations::last_seq.eq(conversations::last_seq - unused))
        .execute(conn)?)
}

/// Like [`give_back`] when no position was used. Also restores the activity time to when the log last grew, since
/// nothing happened.
pub fn give_all_back(conn: &mut Connection, id: ConversationId, unused: i64) -> Result<usize> {
    give_back(conn, id, unused)?;
    let line = || conversations::table.find(id);
    let grown: Option<i64> = events::table
        .inner_join(conversations::table.on(conversations::id.eq(events::conversation_id)))
        .filter(conversations::id.eq(id))
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
