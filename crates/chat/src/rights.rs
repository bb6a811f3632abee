//! The checks that every operation starts with: may this user read here, may they write here?
//!
//! Invariant: if a user may not know that something exists, the error is the same as if it didn't.

use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::MemberRole;
use parlour_storage::conversations::{ConversationRow, ROOM};
use parlour_storage::members::{MemberRow, role};
use parlour_storage::users::UserRow;
use parlour_storage::{Connection, conversations, friendships, members, users};

use crate::Refusal;

/// The conversation and the user's membership, for reading.
pub(crate) fn readable(
    conn: &mut Connection,
    id: ConversationId,
    user: UserId,
) -> Result<(ConversationRow, MemberRow), Refusal> {
    let conversation = conversations::find(conn, id)?.ok_or(ErrorCode::NotFound)?;
    let member = membership(conn, &conversation, user)?;
    Ok((conversation, member))
}

/// Like [`readable`], but locks the conversation's row: for changing something that exists.
pub(crate) fn locked(
    conn: &mut Connection,
    id: ConversationId,
    user: UserId,
) -> Result<(ConversationRow, MemberRow), Refusal> {
    let conversation = conversations::lock(conn, id)?.ok_or(ErrorCode::NotFound)?;
    let member = membership(conn, &conversation, user)?;
    Ok((conversation, member))
}

/// Like [`locked`], for adding something new: a direct chat also requires friendship.
pub(crate) fn writable(
    conn: &mut Connection,
    id: ConversationId,
    user: UserId,
) -> Result<(ConversationRow, MemberRow), Refusal> {
    let (conversation, member) = locked(conn, id, user)?;
    if let Some((low, high)) = conversation.pair() {
        let friends = friendships::find(conn, low, high)?.is_some_and(|row| row.accepted_at.is_some());
        if !friends {
            return Err(ErrorCode::NotFriends.into());
        }
    }
    Ok((conversation, member))
}

/// Whether a user may delete what others wrote here; locks the conversation's row. Moderators and owners may in their
/// room, administrators of the server in any room if `as_admin` is set. A user who may not even read here gets an
/// error.
pub(crate) fn moderates(
    conn: &mut Connection,
    id: ConversationId,
    user: UserId,
    as_admin: bool,
) -> Result<bool, Refusal> {
    let conversation = conversations::lock(conn, id)?.ok_or(ErrorCode::NotFound)?;
    let member = membership(conn, &conversation, user);
    let by_role = member.as_ref().is_ok_and(|member| role(member.role) >= MemberRole::Moderator);
    if by_role {
        return Ok(true);
    }
    let administrator = |user: UserRow| user.is_admin && user.is_active();
    if as_admin && conversation.kind == ROOM && users::find(conn, user)?.is_some_and(administrator) {
        return Ok(true);
    }
    member.map(|_| false)
}

fn membership(
    conn: &mut Connection,
    conversation: &ConversationRow,
    user: UserId,
) -> Result<MemberRow, Refusal> {
    let member = members::find(conn, ConversationId(conversation.id), user)?;
    Ok(member.ok_or_else(|| outsider(conversation.kind))?)
}

/// The error for a user who isn't in a conversation of this kind. Rooms are public; the existence of a direct chat is
/// not revealed.
pub(crate) fn outsider(kind: i16) -> ErrorCode {
    if kind == ROOM { ErrorCode::NotMember } else { ErrorCode::NotFound }
}
