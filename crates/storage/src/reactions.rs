//! Current reactions; removed ones have no row.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::Text;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::Reaction;

use crate::among::is_among;
use crate::on_backend;
use crate::schema::reactions;
use crate::{Connection, Result};

/// A user's reaction to a message.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = reactions)]
pub struct ReactionRow {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Position of the message.
    pub seq: i64,
    /// The emoji.
    pub emoji: String,
    /// Who reacted.
    pub user_id: UserId,
    /// Position of the event that added the reaction.
    pub event_seq: i64,
}

/// Adds a reaction.
pub fn insert(conn: &mut Connection, row: &ReactionRow) -> Result<usize> {
    Ok(diesel::insert_into(reactions::table).values(row.clone()).execute(conn)?)
}

/// Removes a reaction; returns whether there was one.
pub fn delete(
    conn: &mut Connection,
    conversation: ConversationId,
    seq: Seq,
    emoji: &str,
    user: UserId,
) -> Result<bool> {
    let count = diesel::delete(reactions::table.find((conversation, seq, emoji, user))).execute(conn)?;
    Ok(count > 0)
}

/// Removes all reactions to a message.
pub fn delete_all(conn: &mut Connection, conversation: ConversationId, seq: Seq) -> Result<usize> {
    Ok(diesel::delete(
        reactions::table.filter(reactions::conversation_id.eq(conversation)).filter(reactions::seq.eq(seq)),
    )
    .execute(conn)?)
}

/// Reactions to several messages of a conversation, in the order in which they were added.
pub fn list(
    conn: &mut Connection,
    conversation: ConversationId,
    seqs: &[Seq],
) -> Result<BTreeMap<Seq, Vec<Reaction>>> {
    let rows: Vec<ReactionRow> = on_backend!(conn, inner => reactions::table
        .filter(reactions::conversation_id.eq(conversation))
        .filter(is_among(reactions::seq, seqs))
        .order(reactions::event_seq.asc())
        .select(ReactionRow::as_select())
        .load(inner))?;
    let mut found: BTreeMap<Seq, Vec<Reaction>> = BTreeMap::new();
    for row in rows {
        let of_message = found.entry(row.seq).or_default();
        match of_message.iter_mut().find(|reaction| reaction.emoji == row.emoji) {
            Some(reaction) => reaction.users.push(row.user_id),
            None => of_message.push(Reaction { emoji: row.emoji, users: vec![row.user_id] }),
        }
    }
    Ok(found)
}

/// Every distinct emoji that is stored.
pub fn list_emoji(conn: &mut Connection) -> Result<Vec<String>> {
    Ok(reactions::table.select(reactions::emoji).distinct().load(conn)?)
}

/// Rewrites an emoji to another form. If a user has reacted with both, only the new form stays. Returns how many
/// reactions had the old form.
pub fn rename_emoji(conn: &mut Connection, old: &str, new: &str) -> Result<usize> {
    let renamed = diesel::sql_query(
        "UPDATE reactions SET emoji = $1 WHERE emoji = $2 AND NOT EXISTS (SELECT 1 FROM reactions other
            WHERE other.conversation_id = reactions.conversation_id AND other.seq = reactions.seq
                AND other.user_id = reactions.user_id AND other.emoji = $1)",
    )
    .bind::<Text, _>(new)
    .bind::<Text, _>(old)
    .execute(conn)?;
    Ok(renamed + diesel::delete(reactions::table.filter(reactions::emoji.eq(old))).execute(conn)?)
}

/// Removes all reactions in a conversation.
pub fn delete_conversation(conn: &mut Connection, conversation: ConversationId) -> Result<usize> {
    Ok(diesel::delete(reactions::table.filter(reactions::conversation_id.eq(conversation))).execute(conn)?)
}
