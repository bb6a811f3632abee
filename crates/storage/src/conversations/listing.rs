//! A person's list of conversations, as one statement reads it.
//!
//! Invariant: the cost per conversation is bounded, however long its log is.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, SmallInt, Text};
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::{AvatarId, ConversationId, UserId};
use parlour_protocol::rooms::MemberRole;

use crate::on_backend;
use crate::statement::prepared;
use crate::{Connection, Result};

/// An entry of the user's list of conversations: everything that one statement can read.
#[derive(Debug, Clone, QueryableByName)]
pub struct ListedRow {
    /// The conversation.
    #[diesel(sql_type = BigInt)]
    pub id: ConversationId,
    /// Room or direct chat.
    #[diesel(sql_type = SmallInt)]
    pub kind: ConversationKind,
    /// The room's name; `None` for direct chats.
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<String>,
    /// The room's topic.
    #[diesel(sql_type = Text)]
    pub topic: String,
    /// Head: the latest position of the log.
    #[diesel(sql_type = BigInt)]
    pub last_seq: i64,
    /// Number of members.
    #[diesel(sql_type = BigInt)]
    pub member_count: i64,
    /// When the log last grew, in microseconds since 1970.
    #[diesel(sql_type = BigInt)]
    pub last_activity_at: i64,
    /// The user's role.
    #[diesel(sql_type = SmallInt)]
    pub role: MemberRole,
    /// The user's read marker. A later message of their own counts as read.
    #[diesel(sql_type = BigInt)]
    pub read_seq: i64,
    /// Unread messages of others whom the user doesn't block, counted up to 100.
    #[diesel(sql_type = BigInt)]
    pub unread: i64,
    /// How many of them mention the user or reply to them, counted up to 100.
    #[diesel(sql_type = BigInt)]
    pub mentions: i64,
    /// Position of the newest message that isn't deleted, among the last 50 events.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub last_message: Option<i64>,
    /// Length of its text, in bytes.
    #[diesel(sql_type = Nullable<Integer>)]
    pub last_bytes: Option<i32>,
    /// The other user of a direct chat; `None` for rooms, as are the next fields.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub peer_id: Option<UserId>,
    /// Their handle.
    #[diesel(sql_type = Nullable<Text>)]
    pub peer_handle: Option<String>,
    /// Their name.
    #[diesel(sql_type = Nullable<Text>)]
    pub peer_name: Option<String>,
    /// Their profile picture.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub peer_avatar: Option<AvatarId>,
    /// Owner of the other user, if it is a bot.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub peer_owner: Option<UserId>,
    /// Whether the two users of a direct chat are friends; always false for rooms.
    #[diesel(sql_type = Bool)]
    pub friends: bool,
    /// Whether the user is an administrator of the server whose account is in use.
    #[diesel(sql_type = Bool)]
    pub is_admin: bool,
}

/// The statement, with a condition on the ids of conversations and the parameter that limits the page.
///
/// The inner limits stop counting at 100, and looking back at 100 or 50 rows, so the cost per conversation is bounded
/// however long it is. A user who writes has read everything before, even while the marker is still on its way from
/// another node. The lengths of the last messages are known without reading the texts.
macro_rules! page {
    ($only:literal, $limit:literal) => {
        concat!(
            "WITH page AS MATERIALIZED (
    SELECT c.id, c.kind, c.name, c.topic, c.last_seq, c.member_count, c.last_activity_at, c.low_user, c.high_user,
        m.user_id, m.role, m.read_seq
    FROM members m JOIN conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL
    WHERE m.user_id = $1 AND (c.last_activity_at < $2 OR (c.last_activity_at = $2 AND c.id < $3)) ",
            $only,
            " ORDER BY c.last_activity_at DESC, c.id DESC LIMIT ",
            $limit,
            "), mine AS MATERIALIZED (
    SELECT page.id, COALESCE((SELECT late.seq FROM (SELECT e.seq, e.author_id FROM events e
            WHERE e.conversation_id = page.id AND e.seq > page.read_seq AND e.kind = 0
            ORDER BY e.seq DESC LIMIT 100) AS late
            WHERE late.author_id = page.user_id ORDER BY late.seq DESC LIMIT 1),
        page.read_seq) AS read_seq
    FROM page), listed AS MATERIALIZED (
    SELECT c.id, c.kind, c.name, c.topic, c.last_seq, c.member_count, c.last_activity_at, c.role, m.read_seq,
        (SELECT count(*) FROM (SELECT 1 AS one FROM events e WHERE e.conversation_id = c.id AND e.seq > m.read_seq
            AND e.kind = 0 AND e.author_id <> c.user_id AND e.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM blocks b
                WHERE b.blocker_id = c.user_id AND b.blocked_id = e.author_id) LIMIT 100) AS counted) AS unread,
        (SELECT count(*) FROM (SELECT 1 AS one FROM mentions n WHERE n.user_id = c.user_id AND n.conversation_id = c.id
            AND n.seq > m.read_seq AND NOT EXISTS (SELECT 1 FROM blocks b
                WHERE b.blocker_id = c.user_id AND b.blocked_id = n.author_id) LIMIT 100) AS counted) AS mentions,
        (SELECT recent.seq FROM (SELECT e.seq, e.kind, e.deleted_at FROM events e WHERE e.conversation_id = c.id
            ORDER BY e.seq DESC LIMIT 50) AS recent
            WHERE recent.kind = 0 AND recent.deleted_at IS NULL ORDER BY recent.seq DESC LIMIT 1) AS last_message,
        p.id AS peer_id, p.handle AS peer_handle, p.display_name AS peer_name, p.avatar_id AS peer_avatar,
        p.owner_id AS peer_owner,
        (f.accepted_at IS NOT NULL) AS friends,
        (SELECT u.is_admin AND u.suspended_at IS NULL AND u.pending_since IS NULL FROM users u
            WHERE u.id = $1) AS is_admin
    FROM page c
    JOIN mine m ON m.id = c.id
    LEFT JOIN users p ON c.kind = 1 AND p.id = CASE WHEN c.low_user = c.user_id THEN c.high_user ELSE c.low_user END
    LEFT JOIN friendships f ON c.kind = 1 AND f.low_user = c.low_user AND f.high_user = c.high_user)
    SELECT c.*, (SELECT COALESCE(octet_length(e.current_body), octet_length(e.body)) FROM events e
        WHERE e.conversation_id = c.id AND e.seq = c.last_message) AS last_bytes
    FROM listed c
    ORDER BY c.last_activity_at DESC, c.id DESC"
        )
    };
}

/// A page of the user's conversations (only those in `only`, if given), most recently active first, starting after a
/// position in that order.
pub fn list_of(
    conn: &mut Connection,
    user: UserId,
    only: Option<&[ConversationId]>,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Vec<ListedRow>> {
    let (activity, id) = after.unwrap_or((i64::MAX, i64::MAX));
    let from = |text| prepared(text).bind(user).bind(activity).bind(id);
    let rows = match (conn, only) {
        (conn, None) => on_backend!(conn, inner => from(page!("", "$4")).bind(limit).load(inner)),
        (Connection::Postgres(inner), Some(only)) => {
            from(page!("AND c.id = ANY($4)", "$5")).bind_all(only.iter().copied()).bind(limit).load(inner)
        }
        (Connection::Sqlite(inner), Some(only)) => {
            let only: Vec<i64> = only.iter().map(|id| id.0).collect();
            let text = page!("AND c.id IN (SELECT value FROM json_each($4))", "$5");
            from(text).bind_text(format!("{only:?}")).bind(limit).load(inner)
        }
    };
    Ok(rows?)
}
