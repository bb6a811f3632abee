//! Who takes part in what.

use diesel::PgConnection;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::rooms::MemberRole;
use parlour_protocol::users::User;

use crate::Connection;
use crate::conversations::ROOM;
use crate::on_backend;
use crate::schema::{conversations, members, users};
use crate::users::SummaryRow;

#[diesel::declare_sql_function]
extern "SQL" {
    /// The database's own lower case: of ASCII at least, which is what handles begin with.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Somebody in a conversation.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = members)]
pub struct MemberRow {
    /// Where.
    pub conversation_id: i64,
    /// Who.
    pub user_id: i64,
    /// 0 member, 1 moderator, 2 owner.
    pub role: i16,
    /// Since when.
    pub joined_at: i64,
    /// Up to where they have read.
    pub read_seq: i64,
}

/// The role of a number; unknown numbers have the fewest rights.
pub fn role(number: i16) -> MemberRole {
    match number {
        2 => MemberRole::Owner,
        1 => MemberRole::Moderator,
        _ => MemberRole::Member,
    }
}

/// The number of a role.
pub fn role_number(role: MemberRole) -> i16 {
    match role {
        MemberRole::Owner => 2,
        MemberRole::Moderator => 1,
        MemberRole::Member => 0,
    }
}

/// Adds a member.
pub fn insert(conn: &mut Connection, row: &MemberRow) -> QueryResult<usize> {
    diesel::insert_into(members::table).values(row.clone()).execute(conn)
}

/// One member.
pub fn find(
    conn: &mut Connection,
    conversation: ConversationId,
    user: UserId,
) -> QueryResult<Option<MemberRow>> {
    members::table.find((conversation.0, user.0)).select(MemberRow::as_select()).first(conn).optional()
}

/// Which of these people are in which of these conversations, leaving out suspended accounts.
pub fn list_among(
    conn: &mut Connection,
    conversations: &[i64],
    people: &[i64],
) -> QueryResult<Vec<(i64, i64)>> {
    on_backend!(conn, inner => members::table
        .inner_join(users::table)
        .filter(members::conversation_id.eq_any(conversations))
        .filter(members::user_id.eq_any(people))
        .filter(users::suspended_at.is_null())
        .select((members::conversation_id, members::user_id))
        .load(inner))
}

/// Which members of a conversation have these handles (in lower case).
pub fn list_named(
    conn: &mut Connection,
    conversation: ConversationId,
    handles: &[String],
) -> QueryResult<Vec<(UserId, String)>> {
    let rows: Vec<(i64, String)> = on_backend!(conn, inner => members::table
        .inner_join(users::table)
        .filter(members::conversation_id.eq(conversation.0))
        .filter(users::handle_key.eq_any(handles))
        .select((users::id, users::handle_key))
        .order(users::id)
        .load(inner))?;
    Ok(rows.into_iter().map(|(id, handle)| (UserId(id), handle)).collect())
}

/// Whether two people are in one room.
pub fn share_room(conn: &mut Connection, a: UserId, b: UserId) -> QueryResult<bool> {
    let of_b = diesel::alias!(members as of_b);
    let other = of_b.field(members::conversation_id).eq(members::conversation_id);
    let common: Option<i64> = members::table
        .inner_join(conversations::table)
        .inner_join(of_b.on(other))
        .filter(conversations::kind.eq(ROOM))
        .filter(members::user_id.eq(a.0))
        .filter(of_b.field(members::user_id).eq(b.0))
        .select(members::conversation_id)
        .first(conn)
        .optional()?;
    Ok(common.is_some())
}

/// Removes a member; answers whether they were in.
pub fn delete(conn: &mut Connection, conversation: ConversationId, user: UserId) -> QueryResult<bool> {
    diesel::delete(members::table.find((conversation.0, user.0))).execute(conn).map(|count| count > 0)
}

/// Removes everybody; answers who was in.
pub fn delete_all(conn: &mut Connection, conversation: ConversationId) -> QueryResult<usize> {
    diesel::delete(members::table.filter(members::conversation_id.eq(conversation.0))).execute(conn)
}

/// Changes a role.
pub fn update_role(
    conn: &mut Connection,
    conversation: ConversationId,
    user: UserId,
    role: MemberRole,
) -> QueryResult<usize> {
    diesel::update(members::table.find((conversation.0, user.0)))
        .set(members::role.eq(role_number(role)))
        .execute(conn)
}

/// Moves a read marker forward; answers whether it moved.
pub fn mark_read(
    conn: &mut Connection,
    conversation: ConversationId,
    user: UserId,
    seq: Seq,
) -> QueryResult<bool> {
    diesel::update(members::table.find((conversation.0, user.0)).filter(members::read_seq.lt(seq)))
        .set(members::read_seq.eq(seq))
        .execute(conn)
        .map(|count| count > 0)
}

/// What somebody has written, they have read up to there: moves the markers of (conversation, author, position) forward
/// where they are behind.
pub fn mark_written(conn: &mut Connection, written: &[(i64, i64, Seq)]) -> QueryResult<usize> {
    match conn {
        Connection::Postgres(inner) => {
            let conversations = written.iter().map(|one| one.0).collect();
            let authors = written.iter().map(|one| one.1).collect();
            let seqs = written.iter().map(|one| one.2).collect();
            MarkWritten { conversations, authors, seqs }.execute(inner)
        }
        Connection::Sqlite(inner) => {
            let mut moved = 0;
            for (conversation, author, seq) in written {
                let behind = members::table.find((*conversation, *author)).filter(members::read_seq.lt(*seq));
                moved += diesel::update(behind).set(members::read_seq.eq(*seq)).execute(inner)?;
            }
            Ok(moved)
        }
    }
}

/// [`mark_written`] on PostgreSQL. A statement with a type of its own is prepared once for a connection.
#[derive(QueryId)]
struct MarkWritten {
    conversations: Vec<i64>,
    authors: Vec<i64>,
    seqs: Vec<i64>,
}

impl RunQueryDsl<PgConnection> for MarkWritten {}

impl QueryFragment<Pg> for MarkWritten {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("UPDATE members SET read_seq = written.seq FROM unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.conversations)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.authors)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.seqs)?;
        out.push_sql(
            ") AS written (conversation, author, seq)
             WHERE members.conversation_id = written.conversation AND members.user_id = written.author
             AND members.read_seq < written.seq",
        );
        Ok(())
    }
}

/// How many rooms and direct chats a person is in.
pub fn count_of(conn: &mut Connection, user: UserId) -> QueryResult<i64> {
    members::table.filter(members::user_id.eq(user.0)).count().get_result(conn)
}

/// The roles that a person has, by conversation.
pub fn list_roles(
    conn: &mut Connection,
    user: UserId,
    conversations: &[i64],
) -> QueryResult<Vec<(i64, i16)>> {
    members::table
        .filter(members::user_id.eq(user.0))
        .filter(members::conversation_id.eq_any(conversations))
        .select((members::conversation_id, members::role))
        .load(conn)
}

/// Whom to make owner when the last owner leaves: the highest role, then the longest stay.
pub fn find_heir(conn: &mut Connection, conversation: ConversationId) -> QueryResult<Option<MemberRow>> {
    members::table
        .filter(members::conversation_id.eq(conversation.0))
        .order((members::role.desc(), members::joined_at.asc(), members::user_id.asc()))
        .select(MemberRow::as_select())
        .first(conn)
        .optional()
}

/// Members in the order in which they came, after a position in that order; with a prefix (in lower case) those whose
/// handle or name begins with it.
pub fn list(
    conn: &mut Connection,
    conversation: ConversationId,
    prefix: &str,
    after: Option<(i64, i64)>,
    limit: i64,
) -> QueryResult<Vec<(MemberRow, User)>> {
    let mut query = members::table
        .inner_join(users::table)
        .filter(members::conversation_id.eq(conversation.0))
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

/// How many rooms a person owns.
pub fn count_owned(conn: &mut Connection, user: UserId) -> QueryResult<i64> {
    members::table
        .filter(members::user_id.eq(user.0))
        .filter(members::role.eq(role_number(MemberRole::Owner)))
        .count()
        .get_result(conn)
}
