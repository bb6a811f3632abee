//! Whom a message means, and who is told.
//!
//! Invariant: a mention is of an account. Whose a handle is gets settled when the text is stored, and stays so whatever
//! becomes of the handle. Only members are meant: a message is no way to find out which handles exist.

use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::Mention;
use parlour_protocol::socket::UserChange;
use parlour_protocol::text;
use parlour_protocol::time::{SECOND, Timestamp};
use parlour_storage::mentions::MentionRow;
use parlour_storage::{Connection, blocks, members, mentions, user_events};

use crate::outcome::tell;
use crate::{Effect, Refusal};

/// The same person's mentions notify somebody again after this long.
const AGAIN: i64 = 10 * SECOND;
/// Most notifications about messages that somebody gets in that time, from all authors together.
const AT_ONCE: i64 = 20;

/// A message that may concern somebody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Where.
    pub conversation: ConversationId,
    /// Which message.
    pub seq: Seq,
    /// Who wrote it.
    pub author: UserId,
}

/// Whom the handles in a text name, among the members. Nothing when the text mentions nobody at all. `known` is what was
/// settled before: it stays.
pub(crate) fn resolve(
    conn: &mut Connection,
    conversation: ConversationId,
    body: &str,
    known: &[Mention],
) -> Result<Option<Vec<Mention>>, Refusal> {
    let handles = text::mentions(body);
    if handles.is_empty() {
        return Ok(None);
    }
    let mut found: Vec<Mention> = Vec::new();
    let mut fresh: Vec<String> = Vec::new();
    for handle in handles {
        match known.iter().find(|mention| mention.handle == handle) {
            Some(mention) => found.push(mention.clone()),
            None => fresh.push(handle),
        }
    }
    if !fresh.is_empty() {
        let named = members::list_named(conn, conversation, &fresh)?;
        found.extend(named.into_iter().map(|(user, handle)| Mention { user, handle }));
    }
    Ok(Some(found))
}

/// Tells those whom a message concerns, but its author, and those who know already. Anyone who blocks the author is not
/// concerned. A person who is answered is told once, also when they are mentioned besides.
pub(crate) fn announce(
    conn: &mut Connection,
    now: Timestamp,
    place: Place,
    mentioned: &[Mention],
    answered: Option<UserId>,
) -> Result<Vec<Effect>, Refusal> {
    let Place { conversation, seq, author } = place;
    let mut people: Vec<(UserId, bool)> = mentioned.iter().map(|mention| (mention.user, true)).collect();
    // The author of what is answered may have left since.
    let answered = answered.filter(|user| *user != author && !people.contains(&(*user, true)));
    if let Some(user) = answered
        && !members::list_among(conn, &[conversation.0], &[user.0])?.is_empty()
    {
        people.push((user, false));
    }
    people.retain(|(user, _)| *user != author);
    people.sort_unstable();
    people.dedup_by_key(|(user, _)| *user);
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = people.iter().map(|(user, _)| user.0).collect();
    let blockers = blocks::list_blockers_among(conn, &ids, author)?;
    let mut effects = Vec::new();
    let mut rows = Vec::new();
    for (user, by_name) in people {
        if blockers.contains(&user) {
            continue;
        }
        let mut useq = None;
        if !is_flooded(conn, now, user, author)? {
            let change = match by_name {
                true => UserChange::Mentioned { conversation, seq, author },
                false => UserChange::Answered { conversation, seq, author },
            };
            let told = tell(conn, now, vec![(user, change, true)])?;
            useq = told.iter().find_map(|effect| match effect {
                Effect::UserEvent(_, event) => Some(event.seq),
                Effect::Event(_) => None,
            });
            effects.extend(told);
        }
        rows.push(MentionRow {
            user_id: user.0,
            conversation_id: conversation.0,
            seq,
            author_id: author.0,
            useq,
            at: now.0,
        });
    }
    mentions::insert(conn, rows)?;
    Ok(effects)
}

/// Whether somebody was told of the same person's messages, or of very many, a moment ago: then another notification
/// would say nothing new, and bury the others.
fn is_flooded(conn: &mut Connection, now: Timestamp, user: UserId, by: UserId) -> Result<bool, Refusal> {
    let recent = user_events::list_notifications(conn, user, Seq::MAX, AT_ONCE)?;
    let authors: Vec<UserId> = recent
        .into_iter()
        .map(|row| row.into_event())
        .filter(|event| event.at.0 > now.0 - AGAIN)
        .filter_map(|event| match event.change {
            UserChange::Mentioned { author, .. } | UserChange::Answered { author, .. } => Some(author),
            _ => None,
        })
        .collect();
    Ok(authors.contains(&by) || authors.len() as i64 >= AT_ONCE)
}

/// Brings those whom a message concerns into line with its new text. Who is mentioned from now on is told; who isn't any
/// more needs not look.
pub(crate) fn change(
    conn: &mut Connection,
    now: Timestamp,
    place: Place,
    mentioned: &[Mention],
    answered: Option<UserId>,
) -> Result<Vec<Effect>, Refusal> {
    let before = mentions::list(conn, place.conversation, place.seq)?;
    let stays = |row: &MentionRow| {
        let user = UserId(row.user_id);
        answered == Some(user) || mentioned.iter().any(|mention| mention.user == user)
    };
    let (stay, gone): (Vec<_>, Vec<_>) = before.into_iter().partition(stays);
    let mut effects = withdraw(conn, now, &gone)?;
    let knows = |user: UserId| stay.iter().any(|row| row.user_id == user.0);
    let fresh: Vec<Mention> = mentioned.iter().filter(|mention| !knows(mention.user)).cloned().collect();
    // Who is answered was told when the message came.
    effects.extend(announce(conn, now, place, &fresh, None)?);
    Ok(effects)
}

/// Takes back what messages said to people: they are gone, or say something else now.
pub(crate) fn withdraw(
    conn: &mut Connection,
    now: Timestamp,
    rows: &[MentionRow],
) -> Result<Vec<Effect>, Refusal> {
    mentions::delete(conn, rows)?;
    let changes = rows.iter().map(|row| {
        let change =
            UserChange::MentionRemoved { conversation: ConversationId(row.conversation_id), seq: row.seq };
        (UserId(row.user_id), change, false)
    });
    tell(conn, now, changes.collect())
}
