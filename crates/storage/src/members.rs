//! Members of rooms and direct chats.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::rooms::MemberRole;
use parlour_protocol::users::User;

use crate::among::{is_among, is_among_texts};
use crate::on_backend;
use crate::pairs;
use crate::schema::{conversations, members, users};
use crate::statement::prepared;
use crate::users::SummaryRow;
use crate::{Connection, Result};

#[diesel::declare_sql_function]
extern "SQL" {
    /// SQL `lower`. It handles at least ASCII, which is what handles start with.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// A member of a conversation.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = members)]
pub struct MemberRow {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The user.
    pub user_id: UserId,
    /// What they may do.
    pub role: MemberRole,
    /// When they joined, in microseconds since 1970.
    pub joined_at: i64,
    /// Read marker: the last position they have read.
    pub read_seq: i64,
}

/// Inserts a member.
pub fn insert(conn: &mut Connection, row: &MemberRow) -> Result<usize> {
    Ok(diesel::insert_into(members::table).values(row.clone()).execute(conn)?)
}

/// A user's membership in a conversation, if they are a member.
pub fn find(conn: &mut Connection, conversation: ConversationId, user: UserId) -> Result<Option<MemberRow>> {
    Ok(members::table.find((conversation, user)).select(MemberRow::as_select()).first(conn).optional()?)
}

/// Which of these users are members of which of these conversations, as pairs (conversation, user). Suspended accounts
/// are left out.
pub fn list_among(
    conn: &mut Connection,
    conversations: &[ConversationId],
    people: &[UserId],
) -> Result<Vec<(ConversationId, UserId)>> {
    Ok(on_backend!(conn, inner => members::table
        .inner_join(users::table)
        .filter(is_among(members::conversation_id, conversations))
        .filter(is_among(members::user_id, people))
        .filter(users::suspended_at.is_null())
        .select((members::conversation_id, members::user_id))
        .load(inner))?)
}

/// Like [`list_among`], for certain pairs (conversation, user) instead of all combinations.
pub fn list_pairs(
    conn: &mut Connection,
    pairs: &[(ConversationId, UserId)],
) -> Result<Vec<(ConversationId, UserId)>> {
    match conn {
        Connection::Postgres(inner) => pairs::list(inner, MEMBERS_AMONG, pairs),
        Connection::Sqlite(inner) => {
            let mut found = Vec::with_capacity(pairs.len());
            for pair in pairs {
                let member: Option<(ConversationId, UserId)> = members::table
                    .find(*pair)
                    .inner_join(users::table)
                    .filter(users::suspended_at.is_null())
                    .select((members::conversation_id, members::user_id))
                    .first(inner)
                    .optional()?;
                found.extend(member);
            }
            Ok(found)
        }
    }
}

const MEMBERS_AMONG: &str = "SELECT m.conversation_id AS first, m.user_id AS second
    FROM unnest($1, $2) AS given (conversation, person)
    JOIN members m ON m.conversation_id = given.conversation AND m.user_id = given.person
    JOIN users u ON u.id = m.user_id WHERE u.suspended_at IS NULL";

/// Members of these conversations who have one of these handles (in lower case).
pub fn list_named(
    conn: &mut Connection,
    conversations: &[ConversationId],
    handles: &[String],
) -> Result<Vec<(ConversationId, UserId, String)>> {
    Ok(on_backend!(conn, inner => members::table
        .inner_join(users::table)
        .filter(is_among(members::conversation_id, conversations))
        .filter(is_among_texts(users::handle_key, handles))
        .select((members::conversation_id, users::id, users::handle_key))
        .order(users::id)
        .load(inner))?)
}

/// Whether two users share a room.
pub fn share_room(conn: &mut Connection, a: UserId, b: UserId) -> Result<bool> {
    let of_b = diesel::alias!(members as of_b);
    let other = of_b.field(members::conversation_id).eq(members::conversation_id);
    let common: Option<ConversationId> = members::table
        .inner_join(conversations::table)
        .inner_join(of_b.on(other))
        .filter(conversations::kind.eq(ConversationKind::Room))
        .filter(members::user_id.eq(a))
        .filter(of_b.field(members::user_id).eq(b))
        .select(members::conversation_id)
        .first(conn)
        .optional()?;
    Ok(common.is_some())
}

/// Removes a member; returns whether they were one.
pub fn delete(conn: &mut Connection, conversation: ConversationId, user: UserId) -> Result<bool> {
    Ok(diesel::delete(members::table.find((conversation, user))).execute(conn)? > 0)
}

/// Removes all members; returns how many there were.
pub fn delete_all(conn: &mut Connection, conversation: ConversationId) -> Result<usize> {
    Ok(diesel::delete(members::table.filter(members::conversation_id.eq(conversation))).execute(conn)?)
}

/// Changes a member's role.
pub fn update_role(
    conn: &mut Connection,
    conversation: ConversationId,
    user: UserId,
    role: MemberRole,
) -> Result<usize> {
    Ok(diesel::update(members::table.find((conversation, user))).set(members::role.eq(role)).execute(conn)?)
}

/// A read marker: conversation, user, position.
pub type Marker = (ConversationId, UserId, Seq);

/// Locks the markers that are behind, in the order of their keys, and returns their new positions: never beyond the
/// head.
macro_rules! lock_markers {
    ($lock:literal) => {
        concat!(
            "SELECT m.conversation_id, m.user_id, LEAST(given.seq, c.last_seq) AS seq
            FROM members m JOIN unnest($1, $2, $3) AS given (conversation, person, seq)
                ON m.conversation_id = given.conversation AND m.user_id = given.person
            JOIN conversations c ON c.id = m.conversation_id
            WHERE m.read_seq < LEAST(given.seq, c.last_seq)
            ORDER BY m.conversation_id, m.user_id ",
            $lock
        )
    };
}
const LOCK_MARKERS: &str = lock_markers!("FOR NO KEY UPDATE OF m");
const LOCK_FREE_MARKERS: &str = lock_markers!("FOR NO KEY UPDATE OF m SKIP LOCKED");
/// Moves the locked markers. A separate statement, so that it sees the rows as they are once locked.
const MOVE_MARKERS: &str = "UPDATE members SET read_seq = due.seq FROM unnest($1, $2, $3) AS due (conversation, person, seq)
    WHERE members.conversation_id = due.conversation AND members.user_id = due.person AND members.read_seq < due.seq
    RETURNING members.conversation_id, members.user_id, members.read_seq AS seq";

/// On SQLite, where the single writer is the lock. The markers come as JSON: a statement for each of them would be parsed
/// each time. `CROSS JOIN` keeps SQLite from scanning a table first.
const MOVE_SOME_MARKERS: &str = "WITH given AS MATERIALIZED (
        SELECT value ->> 0 AS conversation, value ->> 1 AS person, value ->> 2 AS seq FROM json_each($1))
    UPDATE members SET read_seq = MIN(given.seq, c.last_seq)
    FROM given CROSS JOIN conversations c
    WHERE c.id = given.conversation AND members.conversation_id = given.conversation
        AND members.user_id = given.person AND members.read_seq < MIN(given.seq, c.last_seq)
    RETURNING conversation_id, user_id, read_seq AS seq";

fn json(markers: &[Marker]) -> String {
    let rows: Vec<[i64; 3]> =
        markers.iter().map(|(conversation, user, seq)| [conversation.0, user.0, *seq]).collect();
    format!("{rows:?}")
}

#[derive(QueryableByName)]
struct MarkerRow {
    #[diesel(sql_type = BigInt)]
    conversation_id: ConversationId,
    #[diesel(sql_type = BigInt)]
    user_id: UserId,
    #[diesel(sql_type = BigInt)]
    seq: Seq,
}

impl MarkerRow {
    fn marker(self) -> Marker {
        (self.conversation_id, self.user_id, self.seq)
    }
}

/// Moves markers forward that are behind, and returns the moved ones with their new positions. With `wait`, it waits
/// for markers that another transaction holds. Without, it skips them, so it can't be part of a deadlock however many
/// rows it locks.
pub fn move_markers(conn: &mut Connection, markers: &[Marker], wait: bool) -> Result<Vec<Marker>> {
    match conn {
        Connection::Postgres(inner) => {
            let mut run = |statement: &'static str, markers: &[Marker]| -> Result<Vec<Marker>> {
                let rows: Vec<MarkerRow> = prepared(statement)
                    .bind_all(markers.iter().map(|one| one.0))
                    .bind_all(markers.iter().map(|one| one.1))
                    .bind_all(markers.iter().map(|one| one.2))
                    .load(inner)?;
                Ok(rows.into_iter().map(MarkerRow::marker).collect())
            };
            let locked = run(if wait { LOCK_MARKERS } else { LOCK_FREE_MARKERS }, markers)?;
            if locked.is_empty() { Ok(locked) } else { run(MOVE_MARKERS, &locked) }
        }
        Connection::Sqlite(inner) => {
            let rows: Vec<MarkerRow> = prepared(MOVE_SOME_MARKERS).bind_text(json(markers)).load(inner)?;
            Ok(rows.into_iter().map(MarkerRow::marker).collect())
        }
    }
}

#[derive(QueryableByName)]
struct PlaceRow {
    #[diesel(embed)]
    marker: MarkerRow,
    #[diesel(sql_type = BigInt)]
    head: Seq,
}

/// Current positions of these markers, with the heads of their conversations. Markers of users who aren't members are
/// left out.
pub fn list_markers(conn: &mut Connection, markers: &[Marker]) -> Result<Vec<(Marker, Seq)>> {
    let places: Vec<PlaceRow> = match conn {
        Connection::Postgres(inner) => prepared(
            "SELECT m.conversation_id, m.user_id, m.read_seq AS seq, c.last_seq AS head
                FROM members m JOIN unnest($1, $2) AS given (conversation, person)
                    ON m.conversation_id = given.conversation AND m.user_id = given.person
                JOIN conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL",
        )
        .bind_all(markers.iter().map(|one| one.0))
        .bind_all(markers.iter().map(|one| one.1))
        .load(inner)?,
        Connection::Sqlite(inner) => {
            prepared(
                "SELECT m.conversation_id, m.user_id, m.read_seq AS seq, c.last_seq AS head
                FROM json_each($1) AS given
                CROSS JOIN members m ON m.conversation_id = given.value ->> 0 AND m.user_id = given.value ->> 1
                CROSS JOIN conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL",
            )
            .bind_text(json(markers))
            .load(inner)?
        }
    };
    Ok(places.into_iter().map(|place| (place.marker.marker(), place.head)).collect())
}

/// Number of rooms and direct chats a user is in.
pub fn count_of(conn: &mut Connection, user: UserId) -> Result<i64> {
    Ok(members::table.filter(members::user_id.eq(user)).count().get_result(conn)?)
}

/// The user's roles in these conversations, as pairs (conversation, role).
pub fn list_roles(
    conn: &mut Connection,
    user: UserId,
    conversations: &[ConversationId],
) -> Result<Vec<(ConversationId, MemberRole)>> {
    Ok(on_backend!(conn, inner => members::table
        .filter(members::user_id.eq(user))
        .filter(is_among(members::conversation_id, conversations))
        .select((members::conversation_id, members::role))
        .load(inner))?)
}

/// Who becomes owner when the last owner leaves: the highest role, then the longest membership.
pub fn find_heir(conn: &mut Connection, conversation: ConversationId) -> Result<Option<MemberRow>> {
    Ok(members::table
        .filter(members::conversation_id.eq(conversation))
        .order((members::role.desc(), members::joined_at.asc(), members::user_id.asc()))
        .select(MemberRow::as_select())
        .first(conn)
        .optional()?)
}

/// A page of members in the order in which they joined, starting after a position in that order. With a prefix (in
/// lower case), only those whose handle or display name starts with it.
pub fn list(
    conn: &mut Connection,
    conversation: ConversationId,
    prefix: &str,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Vec<(MemberRow, User)>> {
    let mut query = members::table
        .inner_join(users::table)
        .filter(members::conversation_id.eq(conversation))
        .select((MemberRow::as_select(), SummaryRow::as_select()))
        .into_boxed();
    if !prefix.is_empty() {
        let pattern = format!("{}%", prefix.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        let name = lower(users::display_name);
        query = query
            .filter(users::handle_key.like(pattern.clone()).escape('\\').or(name.like(pattern).escape('\\')));
    }
    if let Some((joined, user)) = after {
        query = query.filter(
            members::joined_at.gt(joined).or(members::joined_at.eq(joined).and(members::user_id.gt(user))),
        );
    }
    let rows: Vec<(MemberRow, SummaryRow)> =
        query.order((members::joined_at.asc(), members::user_id.asc())).limit(limit).load(conn)?;
    Ok(rows.into_iter().map(|(member, user)| (member, User::from(user))).collect())
}

/// Number of rooms a user owns.
pub fn count_owned(conn: &mut Connection, user: UserId) -> Result<i64> {
    Ok(members::table
        .filter(members::user_id.eq(user))
        .filter(members::role.eq(MemberRole::Owner))
        .count()
        .get_result(conn)?)
}
