//! Messages: sending, editing and deleting.
//!
//! Invariant: (conversation, author, cid) identifies a message permanently. Sending it again returns the same position;
//! sending something else with the same cid is refused.

use std::collections::BTreeMap;

use parlour_protocol::audit::AuditKind;
use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::Stored;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rights::Permission;
use parlour_protocol::time::Timestamp;
use parlour_protocol::validation::{self, Violations};
use parlour_storage::conversations::AdvancedRow;
use parlour_storage::events::EventRow;
use parlour_storage::user_events::Tell;
use parlour_storage::{Connection, conversations, events, mentions as storage_mentions, reactions};

use crate::audit::{Note, note};
use crate::mentions::{Announced, Place};
use crate::outcome::{Done, Outcome};
use crate::rights::{Access, Caller, ManyAccess};
use crate::{Effect, Refusal, mentions};

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Send {
    /// The author.
    pub author: UserId,
    /// The conversation to send to.
    pub conversation: ConversationId,
    /// The client id, chosen by the author.
    pub cid: String,
    /// The text.
    pub body: String,
    /// Position of the message it replies to.
    pub reply_to: Option<Seq>,
}

impl Send {
    fn key(&self) -> (ConversationId, UserId, &str) {
        (self.conversation, self.author, &self.cid)
    }

    /// Whether a stored message is this one, sent before.
    fn same_as(&self, stored: &EventRow) -> bool {
        // The text of a deleted message is gone, so the client id alone decides.
        stored.deleted_at.is_some()
            || (stored.body.as_deref() == Some(&self.body) && stored.target == self.reply_to)
    }
}

/// Validates a message before it is queued.
pub fn check_send(send: &Send) -> Result<(), Refusal> {
    Violations::default()
        .check("cid", validation::cid(&send.cid))
        .check("body", validation::message(&send.body))
        .finish()
        .map_err(Refusal::from)
}

/// The result of each message of a batch.
pub type Sent = Vec<Result<Outcome<Stored>, Refusal>>;

/// The user events of a batch.
pub fn concerned(sent: &mut Sent) -> Vec<&mut Tell> {
    sent.iter_mut().flatten().flat_map(Outcome::tells).collect()
}

/// Sends many messages with one transaction and few statements: advances and locks all heads, reads all rights, inserts
/// all rows. A refused message doesn't affect the others.
///
/// Normally it doesn't look for earlier sends of the same cid. If there is one, the insert violates the unique key, the
/// transaction is rolled back, and the caller runs the batch again with `look_for_earlier`.
pub fn send_batch(
    conn: &mut Connection,
    now: Timestamp,
    sends: &[Send],
    look_for_earlier: bool,
) -> Result<Sent, Refusal> {
    let mut earlier: BTreeMap<(ConversationId, UserId, String), EventRow> = BTreeMap::new();
    if look_for_earlier {
        let keys: Vec<_> = sends.iter().map(Send::key).collect();
        for row in events::list_by_cids(conn, &keys)? {
            earlier.insert((row.conversation_id, row.author_id, row.cid.clone().unwrap_or_default()), row);
        }
    }

    // Of several messages with the same key, the first one is stored; the others are its repetitions.
    let mut first_of: BTreeMap<(ConversationId, UserId, &str), usize> = BTreeMap::new();
    let mut fresh: Vec<usize> = Vec::with_capacity(sends.len());
    for (index, send) in sends.iter().enumerate() {
        let known = earlier.contains_key(&(send.conversation, send.author, send.cid.clone()));
        if !known && !first_of.contains_key(&send.key()) {
            first_of.insert(send.key(), index);
            fresh.push(index);
        }
    }

    let mut stored = store(conn, now, sends, &fresh)?;
    if !look_for_earlier {
        settle_late_repetitions(conn, sends, &mut stored)?;
    }

    let mut answers: Sent = Vec::with_capacity(sends.len());
    for (index, send) in sends.iter().enumerate() {
        let answer = if let Some(row) = earlier.get(&(send.conversation, send.author, send.cid.clone())) {
            repeated(send.same_as(row), row.seq, Timestamp(row.at))
        } else {
            match first_of.get(&send.key()) {
                Some(first) if *first == index => {
                    stored.get(&index).cloned().unwrap_or(Err(ErrorCode::Internal.into()))
                }
                Some(first) => match (stored.get(first), sends.get(*first)) {
                    (Some(Ok(outcome)), Some(original)) => {
                        let same = original.body == send.body && original.reply_to == send.reply_to;
                        repeated(same, outcome.value.seq, outcome.value.at)
                    }
                    (Some(Err(refusal)), _) => Err(refusal.clone()),
                    _ => Err(ErrorCode::Internal.into()),
                },
                None => Err(ErrorCode::Internal.into()),
            }
        };
        answers.push(answer);
    }
    Ok(answers)
}

/// A repetition still gets the position of its stored message if the message it replies to was deleted in the meantime.
fn settle_late_repetitions(
    conn: &mut Connection,
    sends: &[Send],
    stored: &mut Stores,
) -> Result<(), Refusal> {
    let refused: Vec<(usize, &Send)> = stored
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Err(Refusal::Invalid(_))))
        .filter_map(|(index, _)| Some((*index, sends.get(*index)?)))
        .collect();
    for (index, send) in refused {
        if let Some(row) = events::list_by_cids(conn, &[send.key()])?.first() {
            stored.insert(index, repeated(send.same_as(row), row.seq, Timestamp(row.at)));
        }
    }
    Ok(())
}

fn repeated(same: bool, seq: Seq, at: Timestamp) -> Result<Outcome<Stored>, Refusal> {
    if same {
        Ok(Outcome::without_events(Stored { seq, at, duplicate: true }))
    } else {
        Err(Refusal::because(ErrorCode::Conflict, "This client id was used for another message."))
    }
}

/// The results of the messages at these indices.
type Stores = BTreeMap<usize, Result<Outcome<Stored>, Refusal>>;

/// Stores the messages at these indices whose authors may write.
fn store(conn: &mut Connection, now: Timestamp, sends: &[Send], fresh: &[usize]) -> Result<Stores, Refusal> {
    let mut answers = Stores::new();
    let fresh: Vec<(usize, &Send)> =
        fresh.iter().filter_map(|index| Some((*index, sends.get(*index)?))).collect();
    if fresh.is_empty() {
        return Ok(answers);
    }
    let mut counts: BTreeMap<ConversationId, i64> = BTreeMap::new();
    for (_, send) in &fresh {
        *counts.entry(send.conversation).or_default() += 1;
    }
    let wanted: Vec<(ConversationId, i64)> = counts.iter().map(|(id, count)| (*id, *count)).collect();
    let heads: BTreeMap<ConversationId, AdvancedRow> =
        conversations::advance(conn, &wanted, now.0)?.into_iter().map(|row| (row.id, row)).collect();

    let authors = fresh.iter().map(|(_, send)| (send.conversation, send.author)).collect();
    let access = ManyAccess::of_authors(conn, &heads, authors)?;
    let answered: Vec<(ConversationId, Seq)> =
        fresh.iter().filter_map(|(_, send)| Some((send.conversation, send.reply_to?))).collect();
    let answered = events::list_authors(conn, &answered)?;

    // The position before the first message of this batch, per conversation.
    let mut at: BTreeMap<ConversationId, Seq> =
        heads.iter().map(|(id, head)| (*id, head.last_seq - counts.get(id).copied().unwrap_or(0))).collect();
    let mut accepted: Vec<(usize, &Send, Seq)> = Vec::with_capacity(fresh.len());
    for (index, send) in fresh {
        let Some(last) = at.get_mut(&send.conversation) else {
            answers.insert(index, Err(ErrorCode::NotFound.into()));
            continue;
        };
        let seq = *last + 1;
        let allowed = access.require(send.conversation, send.author, Permission::Write);
        let answer = allowed.and_then(|()| match send.reply_to {
            Some(target) if !answered.contains_key(&(send.conversation, target)) => {
                Err(Refusal::field("reply_to", "That message doesn't exist."))
            }
            _ => Ok(()),
        });
        if let Err(refusal) = answer {
            answers.insert(index, Err(refusal));
            continue;
        }
        *last = seq;
        accepted.push((index, send, seq));
    }

    write(conn, now, accepted, &answered, &mut answers)?;
    for (id, last) in at {
        let Some(head) = heads.get(&id) else { continue };
        let unused = head.last_seq - last;
        if unused > 0 {
            // A refused message must leave no trace, not even in the order of lists.
            if counts.get(&id) == Some(&unused) {
                conversations::give_all_back(conn, id, unused)?;
            } else {
                conversations::give_back(conn, id, unused)?;
            }
        }
    }
    Ok(answers)
}

/// Authors of messages that are replied to, by conversation and position.
type Answered = BTreeMap<(ConversationId, Seq), UserId>;

/// Writes the accepted messages at their positions, and tells whom they address.
fn write(
    conn: &mut Connection,
    now: Timestamp,
    accepted: Vec<(usize, &Send, Seq)>,
    answered: &Answered,
    answers: &mut Stores,
) -> Result<(), Refusal> {
    let texts: Vec<(ConversationId, &str)> =
        accepted.iter().map(|(_, send, _)| (send.conversation, send.body.as_str())).collect();
    let mentioned = mentions::resolve(conn, &texts, &[])?;
    let reply_author =
        |send: &Send| send.reply_to.and_then(|target| answered.get(&(send.conversation, target)).copied());
    let announced: Vec<Announced<'_>> = accepted
        .iter()
        .zip(&mentioned)
        .map(|((_, send, seq), mentioned)| Announced {
            place: Place { conversation: send.conversation, seq: *seq, author: send.author },
            mentioned: mentioned.as_deref().unwrap_or_default(),
            answered: reply_author(send),
        })
        .collect();
    let told = mentions::announce(conn, now, &announced)?;
    let mut rows = Vec::with_capacity(accepted.len());
    for (((index, send, seq), mentioned), told) in accepted.into_iter().zip(mentioned).zip(told) {
        let change = Change::MessageCreated {
            author: send.author,
            cid: send.cid.clone(),
            body: Some(send.body.clone()),
            reply_to: send.reply_to,
            reply_author: reply_author(send),
            mentions: mentioned,
        };
        rows.push(EventRow::new(send.conversation, seq, now, &change));
        let mut effects =
            vec![Effect::Event(Event { conversation: send.conversation, seq, at: now, change })];
        effects.extend(told);
        answers.insert(index, Ok(Outcome { value: Stored { seq, at: now, duplicate: false }, effects }));
    }
    if !rows.is_empty() {
        events::insert_messages(conn, rows)?;
    }
    Ok(())
}

/// Replaces the text of the user's own message. Sending the same text again changes nothing.
pub fn edit(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    id: ConversationId,
    seq: Seq,
    body: &str,
) -> Done<Stored> {
    validation::message(body).map_err(|message| Refusal::field("body", message))?;
    Access::lock(conn, id, user)?.require(Permission::Write)?;
    let message = events::find_message(conn, id, seq)?.ok_or(ErrorCode::NotFound)?;
    if message.author_id != user {
        return Err(Refusal::because(ErrorCode::Forbidden, "Only the author can edit a message."));
    }
    if message.deleted_at.is_some() {
        return Err(ErrorCode::Gone.into());
    }
    if message.current_body.as_deref().or(message.body.as_deref()) == Some(body) {
        let at = Timestamp(message.edited_at.unwrap_or(message.at));
        return Ok(Outcome::without_events(Stored { seq, at, duplicate: true }));
    }
    let mut known = message.known_mentions();
    let mentioned = mentions::resolve(conn, &[(id, body)], &known)?.pop().flatten();
    for mention in mentioned.iter().flatten() {
        if !known.contains(mention) {
            known.push(mention.clone());
        }
    }
    // An old message without recorded mentions gets them now, unless the new text has no handles.
    let noted = (message.mentions.is_some() || mentioned.is_some()).then_some(known.as_slice());
    events::update_body(conn, id, seq, (body, noted), now)?;
    let place = Place { conversation: id, seq, author: user };
    let answered = message.target_author;
    let told = mentions::change(conn, now, place, mentioned.as_deref().unwrap_or_default(), answered)?;
    let change =
        Change::MessageEdited { author: user, target: seq, body: Some(body.to_owned()), mentions: mentioned };
    let mut outcome = append(conn, now, id, change)?;
    outcome.effects.extend(told);
    Ok(outcome)
}

/// Deletes a message: the user's own, or anyone's as a moderator or owner of the room, or as an administrator. Deleting
/// twice changes nothing.
pub fn delete(
    conn: &mut Connection,
    now: Timestamp,
    caller: Caller,
    id: ConversationId,
    seq: Seq,
) -> Done<Stored> {
    let user = caller.user;
    let mut access = Access::lock(conn, id, caller)?;
    if !access.allows(Permission::DeleteOthers) {
        access = access.require(Permission::Read)?;
    }
    let message = events::find_message(conn, id, seq)?.ok_or(ErrorCode::NotFound)?;
    if message.author_id != user {
        access.require(Permission::DeleteOthers)?;
    }
    if let Some(at) = message.deleted_at {
        return Ok(Outcome::without_events(Stored { seq, at: Timestamp(at), duplicate: true }));
    }
    if message.author_id != user {
        note(conn, now, Note::by(AuditKind::MessageRemoved, user).about(message.author_id))?;
    }
    events::scrub(conn, id, seq, now)?;
    reactions::delete_all(conn, id, seq)?;
    let concerned = storage_mentions::list(conn, id, seq)?;
    let told = mentions::withdraw(conn, now, &concerned)?;
    let author = Some(message.author_id);
    let mut outcome = append(conn, now, id, Change::MessageDeleted { actor: user, target: seq, author })?;
    outcome.effects.extend(told);
    Ok(outcome)
}

/// Appends a change of a message to the log.
pub(crate) fn append(
    conn: &mut Connection,
    now: Timestamp,
    id: ConversationId,
    change: Change,
) -> Done<Stored> {
    let event = events::append(conn, id, now, change)?;
    let value = Stored { seq: event.seq, at: event.at, duplicate: false };
    Ok(Outcome { value, effects: vec![Effect::Event(event)] })
}
