//! All data of one user, for export and for erasure.
//!
//! Invariant: erasing keeps every position of every log; only what users wrote is removed.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::own_data::Erased;
use parlour_protocol::privacy::{FindableBy, PresenceTo, RequestsFrom};

use crate::emails;
use crate::events::{EDITED, EventRow, MESSAGE};
use crate::idempotency;
use crate::mentions;
use crate::outgoing_mail;
use crate::passkeys;
use crate::schema::{
    avatars, blocks, conversations, declined_requests, events, friendships, invites, members, reactions,
    sessions, user_events, users,
};
use crate::second_factors;
use crate::users::{AvatarRow, UserRow};
use crate::{Connection, Result};
use crate::{identities, password_resets};

/// A user's messages in a conversation after a position, oldest first.
pub fn list_own_messages(
    conn: &mut Connection,
    conversation: ConversationId,
    author: UserId,
    after: Seq,
    limit: i64,
) -> Result<Vec<EventRow>> {
    Ok(events::table
        .filter(events::conversation_id.eq(conversation))
        .filter(events::author_id.eq(author))
        .filter(events::kind.eq(MESSAGE))
        .filter(events::seq.gt(after))
        .order(events::seq.asc())
        .limit(limit)
        .select(EventRow::as_select())
        .load(conn)?)
}

/// A user's profile pictures.
pub fn list_avatars(conn: &mut Connection, user: UserId) -> Result<Vec<AvatarRow>> {
    Ok(avatars::table.filter(avatars::user_id.eq(user)).select(AvatarRow::as_select()).load(conn)?)
}

/// Ids of conversations after an id, in the order of ids; for visiting all of them in bounded steps.
pub fn list_conversation_ids(
    conn: &mut Connection,
    after: ConversationId,
    limit: i64,
) -> Result<Vec<ConversationId>> {
    Ok(conversations::table
        .filter(conversations::id.gt(after))
        .order(conversations::id.asc())
        .limit(limit)
        .select(conversations::id)
        .load(conn)?)
}

/// Which of these conversations a user is a member of, or has ever written or reacted in.
pub fn list_touched(
    conn: &mut Connection,
    user: UserId,
    ids: &[ConversationId],
) -> Result<Vec<ConversationId>> {
    let member = members::table
        .filter(members::conversation_id.eq(conversations::id))
        .filter(members::user_id.eq(user));
    let author = events::table
        .filter(events::conversation_id.eq(conversations::id))
        .filter(events::author_id.eq(user));
    Ok(conversations::table
        .filter(conversations::id.eq_any(ids))
        .filter(diesel::dsl::exists(member).or(diesel::dsl::exists(author)))
        .order(conversations::id.asc())
        .select(conversations::id)
        .load(conn)?)
}

/// Maximum number of messages and edits erased per step, to bound what one transaction does.
const ERASED_AT_ONCE: i64 = 2000;

/// What one erasure step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedLines {
    /// Number of messages whose text was erased.
    pub messages: i64,
    /// Whether anything changed that others can see.
    pub visible: bool,
    /// Whether more rows may be left.
    pub more: bool,
    /// Positions of the rows that were erased.
    pub seqs: Vec<Seq>,
}

/// Erases the text of up to `ERASED_AT_ONCE` of a user's messages and edits in a conversation, the reactions to those
/// messages, and all reactions of the user there.
pub fn erase_author(
    conn: &mut Connection,
    conversation: ConversationId,
    author: UserId,
    now: i64,
) -> Result<ErasedLines> {
    let own =
        events::table.filter(events::conversation_id.eq(conversation)).filter(events::author_id.eq(author));
    // The client id is text chosen by the user, too.
    let left =
        events::body.is_not_null().or(events::current_body.is_not_null()).or(events::cid.is_not_null());
    let seqs: Vec<i64> = own
        .filter(events::kind.eq_any([MESSAGE, EDITED]))
        .filter(left)
        .order(events::seq.asc())
        .limit(ERASED_AT_ONCE)
        .select(events::seq)
        .load(conn)?;
    let here = reactions::conversation_id.eq(conversation);
    let reactions =
        diesel::delete(reactions::table.filter(here).filter(reactions::user_id.eq(author))).execute(conn)?;
    diesel::delete(reactions::table.filter(here).filter(reactions::seq.eq_any(&seqs))).execute(conn)?;
    let some = |kind: i16| own.filter(events::seq.eq_any(&seqs)).filter(events::kind.eq(kind));
    diesel::update(some(EDITED))
        .set((events::body.eq(None::<String>), events::mentions.eq(None::<String>)))
        .execute(conn)?;
    diesel::update(some(MESSAGE).filter(events::deleted_at.is_not_null()))
        .set(events::cid.eq(None::<String>))
        .execute(conn)?;
    let count = diesel::update(some(MESSAGE).filter(events::deleted_at.is_null()))
        .set((
            events::body.eq(None::<String>),
            events::current_body.eq(None::<String>),
            events::mentions.eq(None::<String>),
            events::cid.eq(None::<String>),
            events::edited_at.eq(None::<i64>),
            events::deleted_at.eq(Some(now)),
        ))
        .execute(conn)?;
    let more = seqs.len() as i64 == ERASED_AT_ONCE;
    Ok(ErasedLines { messages: count as i64, visible: count + reactions > 0, more, seqs })
}

/// Deletes a user's own data, except for what others must be told about: conversations and friendships.
pub fn erase_person(conn: &mut Connection, user: UserId) -> Result<Erased> {
    let count = |rows: usize| rows as i64;
    let notifications = diesel::delete(user_events::table.filter(user_events::user_id.eq(user)));
    let pictures = diesel::delete(avatars::table.filter(avatars::user_id.eq(user)));
    let of_blocks = blocks::blocker_id.eq(user).or(blocks::blocked_id.eq(user));
    let of_declined = declined_requests::asked_by.eq(user).or(declined_requests::declined_by.eq(user));
    diesel::delete(declined_requests::table.filter(of_declined)).execute(conn)?;
    password_resets::delete(conn, user)?;
    second_factors::delete(conn, user)?;
    identities::delete_all(conn, user)?;
    emails::delete(conn, user)?;
    outgoing_mail::delete_of(conn, user)?;
    passkeys::delete_all(conn, user)?;
    mentions::delete_of(conn, user)?;
    idempotency::delete_of(conn, user)?;
    // The ids of ended sessions stay for a while, so that every node refuses their tokens.
    let ended = diesel::update(sessions::table.filter(sessions::user_id.eq(user))).set((
        sessions::device.eq(""),
        sessions::token_hash.eq(Vec::<u8>::new()),
        sessions::previous_hash.eq(None::<Vec<u8>>),
        sessions::conversations.eq(None::<String>),
    ));
    Ok(Erased {
        notifications: count(notifications.execute(conn)?),
        pictures: count(pictures.execute(conn)?),
        blocks: count(diesel::delete(blocks::table.filter(of_blocks)).execute(conn)?),
        sessions: count(ended.execute(conn)?),
        invites: count(diesel::delete(invites::table.filter(invites::created_by.eq(user))).execute(conn)?),
        ..Erased::default()
    })
}

/// Everyone a user has a friendship or request with: user, whether it is a friendship, whether it is hidden.
pub fn list_friendships(conn: &mut Connection, user: UserId) -> Result<Vec<(UserId, bool, bool)>> {
    let rows: Vec<(UserId, UserId, Option<i64>, bool)> = friendships::table
        .filter(friendships::low_user.eq(user).or(friendships::high_user.eq(user)))
        .select((
            friendships::low_user,
            friendships::high_user,
            friendships::accepted_at,
            friendships::hidden,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(low, high, since, hidden)| (if low == user { high } else { low }, since.is_some(), hidden))
        .collect())
}

/// Turns a user's row into an anonymous author. The key is not a valid handle, so nobody can register it beforehand.
pub fn bury(conn: &mut Connection, user: UserId, now: i64) -> Result<usize> {
    Ok(diesel::update(users::table.find(user))
        .set((
            users::handle.eq("deleted"),
            users::handle_key.eq(format!("#{user}")),
            users::display_name.eq("Deleted user"),
            users::bio.eq(""),
            users::avatar_id.eq(None::<i64>),
            users::password_hash.eq(""),
            users::is_admin.eq(false),
            users::suspended_at.eq(Some(now)),
            users::deleted_at.eq(Some(now)),
            users::findable_by.eq(FindableBy::Nobody),
            users::requests_from.eq(RequestsFrom::Nobody),
            users::presence_to.eq(PresenceTo::Nobody),
        ))
        .execute(conn)?)
}

/// Records that nothing of a user is left anywhere.
pub fn set_erased(conn: &mut Connection, user: UserId, now: i64) -> Result<usize> {
    Ok(diesel::update(users::table.find(user)).set(users::erased_at.eq(Some(now))).execute(conn)?)
}

/// Up to 100 users who were deleted before `before` and aren't completely erased, because erasure was interrupted.
pub fn list_to_erase(conn: &mut Connection, before: i64) -> Result<Vec<UserRow>> {
    Ok(users::table
        .filter(users::deleted_at.lt(before))
        .filter(users::erased_at.is_null())
        .limit(100)
        .select(UserRow::as_select())
        .load(conn)?)
}

/// Deleted bots of a user that aren't completely erased.
pub fn list_bots_to_erase(conn: &mut Connection, owner: UserId) -> Result<Vec<UserId>> {
    Ok(users::table
        .filter(users::owner_id.eq(owner))
        .filter(users::deleted_at.is_not_null())
        .filter(users::erased_at.is_null())
        .select(users::id)
        .load(conn)?)
}

/// SQLite: moves the write-ahead log into the database file, so that erased text is gone from both. Returns false if a
/// reader prevented it; then the next call does it. PostgreSQL does this by itself.
pub fn settle(conn: &mut Connection) -> Result<bool> {
    match conn {
        Connection::Sqlite(inner) => {
            // Short, because writers wait while this waits for readers.
            inner.batch_execute("PRAGMA busy_timeout = 20")?;
            let outcome =
                diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result::<Checkpoint>(inner);
            inner.batch_execute("PRAGMA busy_timeout = 5000")?;
            Ok(outcome?.busy == 0)
        }
        Connection::Postgres(_) => Ok(true),
    }
}

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    busy: i32,
}
