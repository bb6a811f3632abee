//! The log of a conversation. A message is the event that created it; the row also holds the message's current state.
//!
//! Invariant: seqs are gapless per conversation; rows are never deleted one by one. Deleting a message scrubs its text
//! from every row that holds it.

use std::collections::BTreeMap;

use diesel::PgConnection;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::{Mention, Message};
use parlour_protocol::rooms::MemberRole;
use parlour_protocol::socket::{Change, Event};
use parlour_protocol::text;
use parlour_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Connection;
use crate::conditions::IsMessage;
use crate::conversations::ACTIVITY_SPAN;
use crate::on_backend;
use crate::schema::{conversations, events};

/// `kind` of a new message.
pub const MESSAGE: i16 = 0;
/// `kind` of an edit.
pub const EDITED: i16 = 1;
const DELETED: i16 = 2;
const REACTION_ADDED: i16 = 3;
const REACTION_REMOVED: i16 = 4;
const JOINED: i16 = 5;
const LEFT: i16 = 6;
const ROOM_CHANGED: i16 = 7;
const ROOM_DELETED: i16 = 8;
const DIRECT_CHANGED: i16 = 9;
const AUTHOR_ERASED: i16 = 10;

/// A row of the log.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = events)]
#[diesel(treat_none_as_default_value = false)]
pub struct EventRow {
    /// The conversation.
    pub conversation_id: i64,
    /// Position in the log.
    pub seq: i64,
    /// What happened: one of the constants above.
    pub kind: i16,
    /// Who did it; 0 for a change of friendship in a direct chat.
    pub author_id: i64,
    /// When it happened, in microseconds since 1970.
    pub at: i64,
    /// Client id of a message.
    pub cid: Option<String>,
    /// Position of the message that is replied to, edited, deleted or reacted to.
    pub target: Option<i64>,
    /// The text as it was sent. For kinds other than messages and edits: details as JSON.
    pub body: Option<String>,
    /// The message's text after its last edit; `None` if it was never edited.
    pub current_body: Option<String>,
    /// When the message was last edited.
    pub edited_at: Option<i64>,
    /// When the message was deleted.
    pub deleted_at: Option<i64>,
    /// The users that handles in a message or an edit refer to, as JSON. A message's row covers its first text and
    /// every edit, since a handle refers to the same user in all of them.
    pub mentions: Option<String>,
    /// Author of the message that is replied to or deleted.
    pub target_author: Option<i64>,
}

/// Details of kinds that have no columns of their own.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Details {
    Reaction { emoji: String },
    Joined { role: MemberRole },
    Room { name: String, topic: String },
    Direct { writable: bool },
}

impl EventRow {
    /// The row of a new change. Messages are stored with [`insert_messages`]; their rows are built here too.
    pub fn new(conversation: ConversationId, seq: Seq, at: Timestamp, change: &Change) -> Self {
        let row = |kind, author: UserId| Self {
            conversation_id: conversation.0,
            seq,
            kind,
            author_id: author.0,
            at: at.0,
            cid: None,
            target: None,
            body: None,
            current_body: None,
            edited_at: None,
            deleted_at: None,
            mentions: None,
            target_author: None,
        };
        let details = |details: Details| serde_json::to_string(&details).ok();
        match change {
            Change::MessageCreated { author, cid, body, reply_to, reply_author, mentions } => Self {
                cid: Some(cid.clone()),
                body: body.clone(),
                target: *reply_to,
                target_author: reply_author.map(|author| author.0),
                mentions: mentions.as_deref().and_then(write_mentions),
                ..row(MESSAGE, *author)
            },
            Change::MessageEdited { author, target, body, mentions } => Self {
                target: Some(*target),
                body: body.clone(),
                mentions: mentions.as_deref().and_then(write_mentions),
                ..row(EDITED, *author)
            },
            Change::MessageDeleted { actor, target, author } => Self {
                target: Some(*target),
                target_author: author.map(|author| author.0),
                ..row(DELETED, *actor)
            },
            Change::ReactionAdded { user, target, emoji } => Self {
                target: Some(*target),
                body: details(Details::Reaction { emoji: emoji.clone() }),
                ..row(REACTION_ADDED, *user)
            },
            Change::ReactionRemoved { user, target, emoji } => Self {
                target: Some(*target),
                body: details(Details::Reaction { emoji: emoji.clone() }),
                ..row(REACTION_REMOVED, *user)
            },
            Change::MemberJoined { user, role: what } => {
                Self { body: details(Details::Joined { role: *what }), ..row(JOINED, *user) }
            }
            Change::MemberLeft { user } => row(LEFT, *user),
            Change::RoomChanged { actor, name, topic } => Self {
                body: details(Details::Room { name: name.clone(), topic: topic.clone() }),
                ..row(ROOM_CHANGED, *actor)
            },
            Change::RoomDeleted { actor } => row(ROOM_DELETED, *actor),
            Change::DirectChanged { writable } => Self {
                body: details(Details::Direct { writable: *writable }),
                ..row(DIRECT_CHANGED, UserId(0))
            },
            Change::AuthorErased { author } => row(AUTHOR_ERASED, *author),
            // This server never creates these.
            Change::Unknown(_) => row(-1, UserId(0)),
        }
    }

    /// The event as it is sent to clients. A row that can't be read becomes an unknown kind, so that one damaged row
    /// never blocks a stream.
    pub fn into_event(self) -> Event {
        let user = UserId(self.author_id);
        let target = self.target.unwrap_or(0);
        let details = self.body.as_deref().and_then(|text| serde_json::from_str::<Details>(text).ok());
        let mentions = self.mentions_in(self.body.as_deref());
        let target_author = self.target_author.map(UserId);
        let change = match (self.kind, details) {
            (MESSAGE, _) => Change::MessageCreated {
                author: user,
                cid: self.cid.unwrap_or_default(),
                body: self.body,
                reply_to: self.target,
                reply_author: target_author,
                mentions,
            },
            (EDITED, _) => Change::MessageEdited { author: user, target, body: self.body, mentions },
            (DELETED, _) => Change::MessageDeleted { actor: user, target, author: target_author },
            (REACTION_ADDED, Some(Details::Reaction { emoji })) => {
                Change::ReactionAdded { user, target, emoji }
            }
            (REACTION_REMOVED, Some(Details::Reaction { emoji })) => {
                Change::ReactionRemoved { user, target, emoji }
            }
            (JOINED, Some(Details::Joined { role })) => Change::MemberJoined { user, role },
            (LEFT, _) => Change::MemberLeft { user },
            (ROOM_CHANGED, Some(Details::Room { name, topic })) => {
                Change::RoomChanged { actor: user, name, topic }
            }
            (ROOM_DELETED, _) => Change::RoomDeleted { actor: user },
            (DIRECT_CHANGED, Some(Details::Direct { writable })) => Change::DirectChanged { writable },
            (AUTHOR_ERASED, _) => Change::AuthorErased { author: user },
            _ => Change::Unknown(serde_json::json!({ "kind": "unreadable", "data": {} })),
        };
        Event {
            conversation: ConversationId(self.conversation_id),
            seq: self.seq,
            at: Timestamp(self.at),
            change,
        }
    }

    /// The users that handles in any text of the message refer to; empty if they weren't recorded.
    pub fn known_mentions(&self) -> Vec<Mention> {
        self.mentions.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// Those whose handle is in this text; `None` if mentions weren't recorded, or the text has no handles.
    fn mentions_in(&self, body: Option<&str>) -> Option<Vec<Mention>> {
        self.mentions.as_ref()?;
        let handles = text::mentions(body?);
        let named = |mention: &Mention| handles.contains(&mention.handle);
        (!handles.is_empty()).then(|| self.known_mentions().into_iter().filter(named).collect())
    }

    /// The message in its current state, without reactions.
    pub fn into_message(self) -> Message {
        let mentions = self.mentions_in(self.current_body.as_deref().or(self.body.as_deref()));
        Message {
            seq: self.seq,
            author: UserId(self.author_id),
            cid: self.cid.unwrap_or_default(),
            body: self.current_body.or(self.body),
            reply_to: self.target,
            reply_author: self.target_author.map(UserId),
            mentions,
            at: Timestamp(self.at),
            edited_at: self.edited_at.filter(|_| self.deleted_at.is_none()).map(Timestamp),
            deleted_at: self.deleted_at.map(Timestamp),
            reactions: Vec::new(),
        }
    }
}

fn write_mentions(mentions: &[Mention]) -> Option<String> {
    serde_json::to_string(mentions).ok()
}

/// Appends a change at the next position of a conversation. The conversation's row must be locked.
pub fn append(
    conn: &mut Connection,
    conversation: ConversationId,
    at: Timestamp,
    change: Change,
) -> QueryResult<Event> {
    let advanced = (
        conversations::last_seq.eq(conversations::last_seq + 1),
        conversations::last_activity_at.eq(at.0),
        conversations::active_span.eq(at.0 / ACTIVITY_SPAN),
    );
    let line = conversations::table.find(conversation.0);
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
pub fn insert_messages(conn: &mut Connection, rows: Vec<EventRow>) -> QueryResult<usize> {
    match conn {
        Connection::Postgres(inner) => InsertMessages::of(rows).execute(inner),
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
    conversations: Vec<i64>,
    seqs: Vec<i64>,
    authors: Vec<i64>,
    at: Vec<i64>,
    cids: Vec<Option<String>>,
    targets: Vec<Option<i64>>,
    bodies: Vec<Option<String>>,
    mentions: Vec<Option<String>>,
    target_authors: Vec<Option<i64>>,
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

/// Rows of messages that already exist with one of these client ids. May include other combinations of the given
/// conversations, authors and client ids.
pub fn list_by_cids(
    conn: &mut Connection,
    conversations: &[i64],
    authors: &[i64],
    cids: &[String],
) -> QueryResult<Vec<EventRow>> {
    on_backend!(conn, inner => events::table
        .filter(events::conversation_id.eq_any(conversations))
        .filter(events::author_id.eq_any(authors))
        .filter(events::cid.eq_any(cids))
        .select(EventRow::as_select())
        .load(inner))
}

/// A message, deleted or not.
pub fn find_message(
    conn: &mut Connection,
    conversation: ConversationId,
    seq: Seq,
) -> QueryResult<Option<EventRow>> {
    events::table
        .find((conversation.0, seq))
        .filter(IsMessage)
        .select(EventRow::as_select())
        .first(conn)
        .optional()
}

/// Events after a position, oldest first.
pub fn list_after(
    conn: &mut Connection,
    conversation: ConversationId,
    after: Seq,
    limit: i64,
) -> QueryResult<Vec<EventRow>> {
    events::table
        .filter(events::conversation_id.eq(conversation.0))
        .filter(events::seq.gt(after))
        .order(events::seq.asc())
        .limit(limit)
        .select(EventRow::as_select())
        .load(conn)
}

/// Messages before a position, newest first.
pub fn list_messages_before(
    conn: &mut Connection,
    conversation: ConversationId,
    before: Seq,
    limit: i64,
) -> QueryResult<Vec<EventRow>> {
    events::table
        .filter(events::conversation_id.eq(conversation.0))
        .filter(events::seq.lt(before))
        .filter(IsMessage)
        .order(events::seq.desc())
        .limit(limit)
        .select(EventRow::as_select())
        .load(conn)
}

/// Messages after a position, oldest first.
pub fn list_messages_after(
    conn: &mut Connection,
    conversation: ConversationId,
    after: Seq,
    limit: i64,
) -> QueryResult<Vec<EventRow>> {
    events::table
        .filter(events::conversation_id.eq(conversation.0))
        .filter(events::seq.gt(after))
        .filter(IsMessage)
        .order(events::seq.asc())
        .limit(limit)
        .select(EventRow::as_select())
        .load(conn)
}

/// Several messages by conversation and position.
pub fn list_messages(conn: &mut Connection, at: &[(i64, Seq)]) -> QueryResult<Vec<EventRow>> {
    let conversations: Vec<i64> = at.iter().map(|(id, _)| *id).collect();
    let seqs: Vec<i64> = at.iter().map(|(_, seq)| *seq).collect();
    let rows: Vec<EventRow> = on_backend!(conn, inner => events::table
        .filter(events::conversation_id.eq_any(conversations))
        .filter(events::seq.eq_any(seqs))
        .filter(IsMessage)
        .select(EventRow::as_select())
        .load(inner))?;
    Ok(rows.into_iter().filter(|row| at.contains(&(row.conversation_id, row.seq))).collect())
}

/// Authors of those messages that exist and aren't deleted. Events of other kinds are left out.
pub fn list_authors(conn: &mut Connection, at: &[(i64, Seq)]) -> QueryResult<BTreeMap<(i64, Seq), UserId>> {
    if at.is_empty() {
        return Ok(BTreeMap::new());
    }
    let conversations: Vec<i64> = at.iter().map(|(id, _)| *id).collect();
    let seqs: Vec<i64> = at.iter().map(|(_, seq)| *seq).collect();
    let rows: Vec<(i64, i64, i64)> = on_backend!(conn, inner => events::table
        .filter(events::conversation_id.eq_any(conversations))
        .filter(events::seq.eq_any(seqs))
        .filter(events::kind.eq(MESSAGE))
        .filter(events::deleted_at.is_null())
        .select((events::conversation_id, events::seq, events::author_id))
        .load(inner))?;
    Ok(rows.into_iter().map(|(id, seq, author)| ((id, seq), UserId(author))).collect())
}

/// Sets the current text of a message, and the users that the handles in all of its texts refer to.
pub fn update_body(
    conn: &mut Connection,
    conversation: ConversationId,
    seq: Seq,
    (body, mentions): (&str, Option<&[Mention]>),
    at: Timestamp,
) -> QueryResult<usize> {
    diesel::update(events::table.find((conversation.0, seq)))
        .set((
            events::current_body.eq(Some(body)),
            events::mentions.eq(mentions.and_then(write_mentions)),
            events::edited_at.eq(Some(at.0)),
        ))
        .execute(conn)
}

/// Scrubs the text of a message and of its edits; the rows keep their positions. Reactions are deleted separately.
pub fn scrub(
    conn: &mut Connection,
    conversation: ConversationId,
    seq: Seq,
    at: Timestamp,
) -> QueryResult<()> {
    diesel::update(events::table.find((conversation.0, seq)))
        .set((
            events::body.eq(None::<String>),
            events::current_body.eq(None::<String>),
            events::mentions.eq(None::<String>),
            events::deleted_at.eq(Some(at.0)),
        ))
        .execute(conn)?;
    diesel::update(
        events::table
            .filter(events::conversation_id.eq(conversation.0))
            .filter(events::target.eq(seq))
            .filter(events::kind.eq(EDITED)),
    )
    .set((events::body.eq(None::<String>), events::mentions.eq(None::<String>)))
    .execute(conn)?;
    Ok(())
}

/// Deletes the whole log of a deleted room.
pub fn delete_all(conn: &mut Connection, conversation: ConversationId) -> QueryResult<usize> {
    diesel::delete(events::table.filter(events::conversation_id.eq(conversation.0))).execute(conn)
}
