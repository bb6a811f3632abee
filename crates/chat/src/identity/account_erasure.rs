//! Deletes an account: first the account itself, in one transaction, then what the user wrote, conversation by
//! conversation.
//!
//! Invariant: after the first transaction nobody can act as the user, and a job is queued that finishes the deletion if
//! the request that began it does not. Every further step can be repeated. Logs keep every position.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::events::{Change, UserChange};
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::own_data::Erased;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{MINUTE, Timestamp};
use parlour_storage::{
    Connection, admin, conversations, events, friendships, mentions, own_data, sessions, users,
};

use crate::audit::{Note, note};
use crate::friends::{announce, lock_direct};
use crate::identity::sessions::ended;
use crate::jobs::{self, Job};
use crate::outcome::{Done, Outcome, tell};
use crate::rooms::leave_locked;
use crate::{Effect, Refusal};

/// Number of conversations examined per step.
const STEP: i64 = 500;
/// How long the request that deletes an account has for erasing by itself before a job does.
const HEAD_START: i64 = 10 * MINUTE;

/// Ends a user: profile, sessions, tokens, friendships, blocks, notifications and pictures; and all their bots. The
/// last administrator can't be deleted.
pub fn end_person(conn: &mut Connection, now: Timestamp, user: UserId, address: &str) -> Done<Erased> {
    let row = users::find(conn, user)?.filter(|row| row.deleted_at.is_none()).ok_or(ErrorCode::NotFound)?;
    if row.is_admin && admin::count_other_admins(conn, user)? == 0 {
        return Err(Refusal::because(ErrorCode::Conflict, "The last administrator can't be deleted."));
    }
    let mut effects: Vec<Effect> = Vec::new();
    // Done again after the account is gone and can't create bots anymore: one may have been created in between.
    let mut bots = end_bots(conn, now, user, address, &mut effects)?;
    let ended = end_account(conn, now, user)?;
    effects.extend(ended.effects);
    bots += end_bots(conn, now, user, address, &mut effects)?;
    note(conn, now, Note::by(AuditKind::AccountDeleted, user).from(address))?;
    Ok(Outcome { value: Erased { bots, ..ended.value }, effects })
}

fn end_bots(
    conn: &mut Connection,
    now: Timestamp,
    owner: UserId,
    address: &str,
    effects: &mut Vec<Effect>,
) -> Result<i64, Refusal> {
    let bots = users::list_bots(conn, owner)?;
    for bot in &bots {
        note(conn, now, Note::by(AuditKind::BotDeleted, owner).about(bot.id).from(address))?;
        effects.extend(end_account(conn, now, bot.id)?.effects);
    }
    Ok(bots.len() as i64)
}

/// Ends one account, of a user or a bot.
pub(crate) fn end_account(conn: &mut Connection, now: Timestamp, user: UserId) -> Done<Erased> {
    let mut known = own_data::list_friendships(conn, user)?;
    known.sort_by_key(|(other, ..)| *other);
    let mut effects: Vec<Effect> = Vec::new();
    let mut changes = Vec::new();
    // Direct chats first, in the global lock order: conversations before users.
    for (other, friends, hidden) in &known {
        let direct = if *friends { lock_direct(conn, user, *other)? } else { None };
        friendships::delete(conn, user, *other)?;
        effects.extend(announce(conn, now, direct, false)?);
        if !hidden {
            changes.push((*other, UserChange::FriendRemoved { user }, false));
        }
    }
    let revoked = sessions::revoke(conn, user, None, None, now.0)?;
    effects.extend(ended(now, user, &revoked));
    effects.extend(tell(now, changes));
    let erased = own_data::erase_person(conn, user)?;
    own_data::bury(conn, user, now.0)?;
    jobs::enqueue(conn, Timestamp(now.0 + HEAD_START), Job::Erasure { user })?;
    Ok(Outcome { value: Erased { friendships: known.len() as i64, ..erased }, effects })
}

/// Deleted bots of a user that still have to be erased.
pub fn list_bots_to_erase(conn: &mut Connection, owner: UserId) -> Result<Vec<UserId>, Refusal> {
    Ok(own_data::list_bots_to_erase(conn, owner)?)
}

/// The next conversations after an id that contain something of a user, and the id to continue after. `None` when all
/// were examined.
pub fn next_step(
    conn: &mut Connection,
    user: UserId,
    after: ConversationId,
) -> Result<Option<(Vec<ConversationId>, ConversationId)>, Refusal> {
    let ids = own_data::list_conversation_ids(conn, after, STEP)?;
    let Some(last) = ids.last().copied() else {
        return Ok(None);
    };
    Ok(Some((own_data::list_touched(conn, user, &ids)?, last)))
}

/// Erases what a user wrote in a conversation, in bounded steps; the last step also removes the user from it. Returns
/// what was erased, and whether another step is needed. Repeating it changes nothing.
pub fn erase_conversation(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    id: ConversationId,
) -> Done<(Erased, bool)> {
    let Some(row) = conversations::lock(conn, id)? else {
        return Ok(Outcome::without_events((Erased::default(), false)));
    };
    let own_data::ErasedLines { messages, visible, more, seqs } =
        own_data::erase_author(conn, id, user, now.0)?;
    let concerned = mentions::list_of_messages(conn, id, &seqs)?;
    let mut effects = Vec::new();
    if visible {
        effects.push(Effect::Event(events::append(conn, id, now, Change::AuthorErased { author: user })?));
    }
    effects.extend(crate::mentions::withdraw(conn, now, &concerned)?);
    let mut left = false;
    if !more {
        let (was_in, told) = leave_locked(conn, now, user, &row)?;
        left = was_in;
        effects.extend(told);
    }
    let erased = Erased { messages, conversations: i64::from(left), ..Erased::default() };
    Ok(Outcome { value: (erased, more), effects })
}

/// Records that nothing of the user is left.
pub fn finish(conn: &mut Connection, now: Timestamp, user: UserId) -> Done<()> {
    // Again, because leaving rooms added new events to the user's stream.
    own_data::erase_person(conn, user)?;
    own_data::set_erased(conn, user, now.0)?;
    jobs::withdraw(conn, Job::Erasure { user })?;
    Ok(Outcome::without_events(()))
}

/// Queues jobs for deletions that a node of an earlier version began without one and did not finish.
pub(crate) fn take_over(conn: &mut Connection, now: Timestamp) -> Result<(), Refusal> {
    for row in own_data::list_to_erase(conn, now.0 - HEAD_START)? {
        jobs::enqueue(conn, now, Job::Erasure { user: row.id })?;
    }
    Ok(())
}
