//! Whom a message addresses, and who is notified.
//!
//! Invariant: a mention refers to an account. Which account a handle means is settled when the text is stored, and
//! stays so whatever happens to the handle. Only members can be mentioned, so a message can't be used to find out which
//! handles exist.

use std::collections::{BTreeSet, HashMap};

use parlour_protocol::events::UserChange;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::Mention;
use parlour_protocol::text;
use parlour_protocol::time::{SECOND, Timestamp};
use parlour_storage::mentions::MentionRow;
use parlour_storage::user_events::Tell;
use parlour_storage::{Connection, StorageError, blocks, members, mentions, user_events};

use crate::outcome::tell;
use crate::{Effect, Refusal};

/// How long after a notification further messages of the same author don't notify the user again.
const AGAIN: i64 = 10 * SECOND;
/// Maximum number of message notifications a user gets in that time, from all authors together.
const AT_ONCE: i64 = 20;

/// A message that may address someone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The conversation.
    pub conversation: ConversationId,
    /// Position of the message.
    pub seq: Seq,
    /// Author of the message.
    pub author: UserId,
}

/// Resolves the handles in texts to members of their conversations, with one query however many texts there are. `None`
/// for a text without mentions. Handles in `known` keep the account they were resolved to before.
pub(crate) fn resolve(
    conn: &mut Connection,
    texts: &[(ConversationId, &str)],
    known: &[Mention],
) -> Result<Vec<Option<Vec<Mention>>>, Refusal> {
    let of_texts: Vec<Vec<String>> = texts.iter().map(|(_, body)| text::mentions(body)).collect();
    let is_known = |handle: &String| known.iter().find(|mention| mention.handle == *handle);
    let fresh: Vec<String> =
        of_texts.iter().flatten().filter(|handle| is_known(handle).is_none()).cloned().collect();
    let mut places: Vec<ConversationId> = texts.iter().map(|(conversation, _)| *conversation).collect();
    places.dedup();
    let named = match fresh.is_empty() {
        true => Vec::new(),
        false => members::list_named(conn, &places, &fresh)?,
    };
    let found = texts.iter().zip(of_texts).map(|((conversation, _), handles)| {
        if handles.is_empty() {
            return None;
        }
        let settled = handles.iter().filter_map(is_known).cloned();
        let here = |(at, _, handle): &&(ConversationId, UserId, String)| {
            at == conversation && handles.contains(handle) && is_known(handle).is_none()
        };
        let fresh = named.iter().filter(here);
        Some(
            settled
                .chain(fresh.map(|(_, user, handle)| Mention { user: *user, handle: handle.clone() }))
                .collect(),
        )
    });
    Ok(found.collect())
}

/// Records everyone whom the messages address, except their authors and users who block the author. Returns the user
/// events for them, per message and in the same order. Uses one query per question, however many messages there are. A
/// user who is both mentioned and replied to gets one event, as mentioned.
pub(crate) fn announce(
    conn: &mut Connection,
    now: Timestamp,
    messages: &[Announced<'_>],
) -> Result<Vec<Vec<Effect>>, Refusal> {
    let mut concerned: Vec<Vec<(UserId, bool)>> = messages.iter().map(Announced::people).collect();
    let people: Vec<UserId> = concerned.iter().flatten().map(|(user, _)| *user).collect();
    if people.is_empty() {
        return Ok(vec![Vec::new(); messages.len()]);
    }
    // The author of the message that is replied to may have left since.
    let answered: BTreeSet<(ConversationId, UserId)> = messages
        .iter()
        .zip(&concerned)
        .flat_map(|(message, people)| people.iter().map(|person| (message.place.conversation, person)))
        .filter(|(_, (_, by_name))| !by_name)
        .map(|(conversation, (user, _))| (conversation, *user))
        .collect();
    let present = match answered.is_empty() {
        true => Vec::new(),
        false => members::list_pairs(conn, &Vec::from_iter(answered))?,
    };
    let authors: Vec<UserId> = messages.iter().map(|one| one.place.author).collect();
    let blocked = blocks::list_among(conn, &people, &authors)?;
    let (mut told, mut rows) = (Vec::with_capacity(messages.len()), Vec::new());
    for (message, concerned) in messages.iter().zip(&mut concerned) {
        let Place { conversation, seq, author } = message.place;
        concerned.retain(|(user, by_name)| {
            (*by_name || present.contains(&(conversation, *user))) && !blocked.contains(&(*user, author))
        });
        let mut changes = Vec::with_capacity(concerned.len());
        for (user, by_name) in concerned {
            let change = match by_name {
                true => UserChange::Mentioned { conversation, seq, author },
                false => UserChange::Answered { conversation, seq, author },
            };
            changes.push((*user, change, true));
            rows.push(MentionRow {
                user_id: *user,
                conversation_id: conversation,
                seq,
                author_id: author,
                useq: None,
                at: now.0,
            });
        }
        told.push(tell(now, changes));
    }
    if !rows.is_empty() {
        mentions::insert(conn, rows)?;
    }
    Ok(told)
}

/// A message and whom it addresses.
pub(crate) struct Announced<'a> {
    /// The message.
    pub place: Place,
    /// Users it mentions.
    pub mentioned: &'a [Mention],
    /// Author of the message it replies to.
    pub answered: Option<UserId>,
}

impl Announced<'_> {
    /// The users it addresses, in the order of their ids, and whether it mentions them by name.
    fn people(&self) -> Vec<(UserId, bool)> {
        let mut people: Vec<(UserId, bool)> =
            self.mentioned.iter().map(|mention| (mention.user, true)).collect();
        if let Some(user) = self.answered
            && !people.contains(&(user, true))
        {
            people.push((user, false));
        }
        people.retain(|(user, _)| *user != self.place.author);
        people.sort_unstable();
        people.dedup_by_key(|(user, _)| *user);
        people
    }
}

/// The message that a notification is about.
fn subject(change: &UserChange) -> Option<Place> {
    match *change {
        UserChange::Mentioned { conversation, seq, author }
        | UserChange::Answered { conversation, seq, author } => Some(Place { conversation, seq, author }),
        _ => None,
    }
}

/// Removes notifications that aren't needed: the message no longer addresses the user, or they were just notified of
/// the same author's messages, or of very many. Another notification would bury the rest.
pub(crate) fn leave_out(conn: &mut Connection, tells: &mut Vec<&mut Tell>) -> Result<(), StorageError> {
    let key = |tell: &Tell| subject(&tell.change).map(|place| (tell.user, place.conversation, place.seq));
    let wanted: Vec<(UserId, ConversationId, Seq)> = tells.iter().filter_map(|tell| key(tell)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let standing = mentions::list_standing(conn, &wanted)?;
    let mut people: Vec<UserId> = wanted.iter().map(|(user, ..)| *user).collect();
    people.sort_unstable();
    people.dedup();
    let mut recent: HashMap<UserId, Vec<(Timestamp, UserId)>> = HashMap::new();
    for row in user_events::list_newest_notifications(conn, &people, AT_ONCE)? {
        let user = row.user_id;
        let event = row.into_event();
        if let Some(place) = subject(&event.change) {
            recent.entry(user).or_default().push((event.at, place.author));
        }
    }
    tells.retain(|tell| {
        let (Some(key), Some(Place { author, .. })) = (key(tell), subject(&tell.change)) else {
            return true;
        };
        let known = recent.entry(tell.user).or_default();
        known.retain(|(at, _)| at.0 > tell.at.0 - AGAIN);
        let flooded = known.iter().any(|(_, by)| *by == author) || known.len() as i64 >= AT_ONCE;
        let told = standing.contains(&key) && !flooded;
        if told {
            known.push((tell.at, author));
        }
        told
    });
    Ok(())
}

/// Records which notification informed a user of a message, so that it can be withdrawn.
pub(crate) fn note_told(conn: &mut Connection, tells: &[&mut Tell]) -> Result<(), StorageError> {
    let noted: Vec<(UserId, ConversationId, Seq, Seq)> = tells
        .iter()
        .filter_map(|tell| {
            let Place { conversation, seq, .. } = subject(&tell.change)?;
            Some((tell.user, conversation, seq, tell.told.as_ref()?.seq))
        })
        .collect();
    if !noted.is_empty() {
        mentions::note_notifications(conn, &noted)?;
    }
    Ok(())
}

/// Updates whom a message addresses after its text was edited. Newly mentioned users are notified; notifications of
/// users who are no longer mentioned are withdrawn.
pub(crate) fn change(
    conn: &mut Connection,
    now: Timestamp,
    place: Place,
    mentioned: &[Mention],
    answered: Option<UserId>,
) -> Result<Vec<Effect>, Refusal> {
    let before = mentions::list(conn, place.conversation, place.seq)?;
    let is_mentioned = |user: UserId| mentioned.iter().any(|mention| mention.user == user);
    let stays = |row: &MentionRow| answered == Some(row.user_id) || is_mentioned(row.user_id);
    let (stay, gone): (Vec<_>, Vec<_>) = before.into_iter().partition(stays);
    let mut effects = withdraw(conn, now, &gone)?;
    let knows = |user: UserId| stay.iter().any(|row| row.user_id == user);
    let fresh: Vec<Mention> = mentioned.iter().filter(|mention| !knows(mention.user)).cloned().collect();
    // The author it replies to was notified when the message was sent.
    let announced = Announced { place, mentioned: &fresh, answered: None };
    effects.extend(announce(conn, now, &[announced])?.into_iter().flatten());
    Ok(effects)
}

/// Withdraws what users were told about messages that were deleted or edited.
pub(crate) fn withdraw(
    conn: &mut Connection,
    now: Timestamp,
    rows: &[MentionRow],
) -> Result<Vec<Effect>, Refusal> {
    mentions::delete(conn, rows)?;
    let changes = rows.iter().map(|row| {
        let change = UserChange::MentionRemoved { conversation: row.conversation_id, seq: row.seq };
        (row.user_id, change, false)
    });
    Ok(tell(now, changes.collect()))
}
