//! Rooms and direct chats.
//!
//! Invariant: the lock on a conversation's row orders its log.

mod heads;
mod listing;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, SmallInt};
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::{ConversationId, Seq, UserId};

pub use self::heads::{AdvancedRow, advance, give_all_back, give_back};
pub use self::listing::{ListedRow, list_of};
use crate::among::is_among;
use crate::conditions::IsRoom;
use crate::schema::{conversations, members};
use crate::statement::prepared;
use crate::{Connection, Result};
use crate::{on_backend, pairs};

/// Lists are sorted by activity in spans of this many microseconds (five minutes). An index may contain a column that
/// changes this rarely; it must not contain one that every message changes.
pub const ACTIVITY_SPAN: i64 = 300_000_000;

/// All columns of a conversation.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = conversations)]
#[diesel(treat_none_as_default_value = false)]
pub struct ConversationRow {
    /// Random id.
    pub id: ConversationId,
    /// Room or direct chat.
    pub kind: ConversationKind,
    /// The room's name; `None` for direct chats and deleted rooms.
    pub name: Option<String>,
    /// The normalized form of the name, by which names are compared; unique.
    pub name_key: Option<String>,
    /// The room's topic; empty for direct chats.
    pub topic: String,
    /// For a direct chat, the smaller of the two user ids.
    pub low_user: Option<UserId>,
    /// For a direct chat, the larger of the two user ids.
    pub high_user: Option<UserId>,
    /// Head: the latest position of the log.
    pub last_seq: i64,
    /// Position of the newest event that changed an earlier message.
    pub changed_seq: i64,
    /// Number of members.
    pub member_count: i64,
    /// When the log last grew, in microseconds since 1970.
    pub last_activity_at: i64,
    /// `last_activity_at` divided by [`ACTIVITY_SPAN`]; the sort key of lists.
    pub active_span: i64,
    /// When it was created, in microseconds since 1970.
    pub created_at: i64,
    /// When it was deleted; `None` if it wasn't.
    pub deleted_at: Option<i64>,
}

impl ConversationRow {
    /// The two users of a direct chat, smaller id first; `None` for rooms.
    pub fn pair(&self) -> Option<(UserId, UserId)> {
        Some((self.low_user?, self.high_user?))
    }

    /// The other user of a direct chat; `None` for rooms.
    pub fn peer_of(&self, user: UserId) -> Option<UserId> {
        let (low, high) = self.pair()?;
        Some(if low == user { high } else { low })
    }
}

/// Inserts a conversation.
pub fn insert(conn: &mut Connection, row: &ConversationRow) -> Result<usize> {
    Ok(diesel::insert_into(conversations::table).values(row.clone()).execute(conn)?)
}

/// A conversation by id, unless it is deleted.
pub fn find(conn: &mut Connection, id: ConversationId) -> Result<Option<ConversationRow>> {
    Ok(conversations::table
        .find(id)
        .filter(conversations::deleted_at.is_null())
        .select(ConversationRow::as_select())
        .first(conn)
        .optional()?)
}

/// Like [`find`], but also locks the row until the transaction ends. Rights must be read after this, by separate
/// statements.
pub fn lock(conn: &mut Connection, id: ConversationId) -> Result<Option<ConversationRow>> {
    match conn {
        Connection::Postgres(inner) => Ok(conversations::table
            .find(id)
            .filter(conversations::deleted_at.is_null())
            .select(ConversationRow::as_select())
            .for_update()
            .first(inner)
            .optional()?),
        // There is only one writer, so nothing needs to be locked.
        sqlite @ Connection::Sqlite(_) => find(sqlite, id),
    }
}

/// The direct chat between two users.
pub fn find_direct(conn: &mut Connection, low: UserId, high: UserId) -> Result<Option<ConversationRow>> {
    Ok(conversations::table
        .filter(conversations::low_user.eq(low))
        .filter(conversations::high_user.eq(high))
        .select(ConversationRow::as_select())
        .first(conn)
        .optional()?)
}

/// Whether a room with this name key exists.
pub fn room_exists(conn: &mut Connection, name_key: &str) -> Result<bool> {
    Ok(diesel::select(diesel::dsl::exists(conversations::table.filter(conversations::name_key.eq(name_key))))
        .get_result(conn)?)
}

/// A room's name and its key.
#[derive(Debug, Clone, Queryable)]
pub struct RoomNameRow {
    /// The room.
    pub id: ConversationId,
    /// Its name.
    pub name: String,
    /// The name's key.
    pub name_key: String,
}

/// Names of all rooms, oldest room first.
pub fn list_room_names(conn: &mut Connection) -> Result<Vec<RoomNameRow>> {
    Ok(conversations::table
        .filter(conversations::name_key.is_not_null())
        .filter(conversations::name.is_not_null())
        .order((conversations::created_at.asc(), conversations::id.asc()))
        .select((
            conversations::id,
            conversations::name.assume_not_null(),
            conversations::name_key.assume_not_null(),
        ))
        .load(conn)?)
}

/// Updates a room's name and its key.
pub fn update_name(conn: &mut Connection, id: ConversationId, name: &str, name_key: &str) -> Result<usize> {
    Ok(diesel::update(conversations::table.find(id))
        .set((conversations::name.eq(Some(name)), conversations::name_key.eq(Some(name_key))))
        .execute(conn)?)
}

/// Updates a room's name and topic.
pub fn update_room(
    conn: &mut Connection,
    id: ConversationId,
    name: &str,
    name_key: &str,
    topic: &str,
) -> Result<usize> {
    Ok(diesel::update(conversations::table.find(id))
        .set((
            conversations::name.eq(Some(name)),
            conversations::name_key.eq(Some(name_key)),
            conversations::topic.eq(topic),
        ))
        .execute(conn)?)
}

/// Marks a room as deleted and frees its name.
pub fn delete(conn: &mut Connection, id: ConversationId, now: i64) -> Result<usize> {
    Ok(diesel::update(conversations::table.find(id))
        .set((
            conversations::deleted_at.eq(Some(now)),
            conversations::name_key.eq(None::<String>),
            conversations::name.eq(None::<String>),
            conversations::topic.eq(""),
            conversations::member_count.eq(0),
        ))
        .execute(conn)?)
}

/// Adds `by` to the number of members.
pub fn change_member_count(conn: &mut Connection, id: ConversationId, by: i64) -> Result<usize> {
    Ok(diesel::update(conversations::table.find(id))
        .set(conversations::member_count.eq(conversations::member_count + by))
        .execute(conn)?)
}

/// The room with this name key, locked until the transaction ends.
pub fn lock_named(conn: &mut Connection, name_key: &str) -> Result<Option<ConversationRow>> {
    let id: Option<ConversationId> = conversations::table
        .filter(conversations::name_key.eq(name_key))
        .select(conversations::id)
        .first(conn)
        .optional()?;
    match id {
        Some(id) => lock(conn, id),
        None => Ok(None),
    }
}

/// A page of public rooms with at least one member, most recently active first, starting after a position in that
/// order.
pub fn list_rooms(
    conn: &mut Connection,
    search: &str,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Vec<ConversationRow>> {
    let mut query = conversations::table
        .filter(IsRoom)
        .filter(conversations::member_count.gt(0))
        .select(ConversationRow::as_select())
        .into_boxed();
    if !search.is_empty() {
        let pattern = format!("%{}%", search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        query = query.filter(conversations::name_key.like(pattern).escape('\\'));
    }
    if let Some((span, id)) = after {
        query = query.filter(
            conversations::active_span
                .lt(span)
                .or(conversations::active_span.eq(span).and(conversations::id.lt(id))),
        );
    }
    Ok(query.order((conversations::active_span.desc(), conversations::id.desc())).limit(limit).load(conn)?)
}

/// Id, head and kind of several conversations.
pub fn list_heads(
    conn: &mut Connection,
    ids: &[ConversationId],
) -> Result<Vec<(ConversationId, Seq, ConversationKind)>> {
    Ok(on_backend!(conn, inner => conversations::table
        .filter(is_among(conversations::id, ids))
        .select((conversations::id, conversations::last_seq, conversations::kind))
        .load(inner))?)
}

/// Whether a user may read a conversation, and how far its log goes.
#[derive(Debug, Clone, QueryableByName)]
pub struct ReaderRow {
    /// The conversation.
    #[diesel(sql_type = BigInt)]
    pub id: ConversationId,
    /// Room or direct chat.
    #[diesel(sql_type = SmallInt)]
    pub kind: ConversationKind,
    /// Head of the log.
    #[diesel(sql_type = BigInt)]
    pub last_seq: i64,
    /// Position of the newest event that changed an earlier message.
    #[diesel(sql_type = BigInt)]
    pub changed_seq: i64,
    /// The user, if they are a member.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub user_id: Option<UserId>,
}

/// One row per pair (conversation, user); deleted conversations are left out.
pub fn list_readers(conn: &mut Connection, pairs: &[(ConversationId, UserId)]) -> Result<Vec<ReaderRow>> {
    match conn {
        Connection::Postgres(inner) => Ok(prepared(
            "SELECT c.id, c.kind, c.last_seq, c.changed_seq, m.user_id
                FROM unnest($1, $2) AS asked (conversation, person)
                JOIN conversations c ON c.id = asked.conversation AND c.deleted_at IS NULL
                LEFT JOIN members m ON m.conversation_id = c.id AND m.user_id = asked.person",
        )
        .bind_all(pairs.iter().map(|pair| pair.0))
        .bind_all(pairs.iter().map(|pair| pair.1))
        .load(inner)?),
        Connection::Sqlite(inner) => Ok(prepared(
            "SELECT c.id, c.kind, c.last_seq, c.changed_seq, m.user_id
            FROM json_each($1) AS asked
            CROSS JOIN conversations c ON c.id = asked.value ->> 0 AND c.deleted_at IS NULL
            LEFT JOIN members m ON m.conversation_id = c.id AND m.user_id = asked.value ->> 1",
        )
        .bind_text(pairs::json(pairs))
        .load(inner)?),
    }
}

/// All direct chats of a user.
pub fn list_directs(conn: &mut Connection, user: UserId) -> Result<Vec<ConversationRow>> {
    Ok(members::table
        .inner_join(conversations::table)
        .filter(members::user_id.eq(user))
        .filter(conversations::kind.eq(ConversationKind::Direct))
        .select(ConversationRow::as_select())
        .load(conn)?)
}
