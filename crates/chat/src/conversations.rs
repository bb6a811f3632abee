//! The caller's conversations, opening direct chats, and read markers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::events::UserChange;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::limits;
use parlour_protocol::messages::Message;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rights::Permission;
use parlour_protocol::rooms::MemberRole::Member;
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::User;
use parlour_storage::conversations::{ACTIVITY_SPAN, ConversationRow, ListedRow};
use parlour_storage::friendships::pair;
use parlour_storage::members::MemberRow;
use parlour_storage::{Connection, blocks, conversations, events, friendships, members, users};

use crate::outcome::{Done, Outcome, tell};
use crate::rights::{Access, Caller, permissions};
use crate::rooms::Listed;
use crate::{Refusal, bounded, cut_page};

/// A page of the caller's conversations, most recently active first, and the cursor of the next page. `online` says
/// whether the caller may see the peer's presence; the caller of this function replaces it with the actual presence.
pub fn list(
    conn: &mut Connection,
    caller: Caller,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Listed<Conversation>, Refusal> {
    listed(conn, caller, None, after, limit)
}

/// Like [`list`], but only for these conversations.
pub fn list_among(
    conn: &mut Connection,
    caller: Caller,
    few: &BTreeSet<ConversationId>,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Listed<Conversation>, Refusal> {
    let few = Vec::from_iter(few.iter().copied());
    listed(conn, caller, Some(&few), after, limit)
}

fn listed(
    conn: &mut Connection,
    caller: Caller,
    only: Option<&[ConversationId]>,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Listed<Conversation>, Refusal> {
    let mut rows = conversations::list_of(conn, caller.user, only, after, limit + 1)?;
    let more = cut_page(&mut rows, limit, |_| ()).is_some();
    let cut = bounded(&mut rows, text_of);
    let page = complete(conn, caller, rows)?;
    let next = page.last().filter(|_| more || cut).map(position);
    Ok((page, next))
}

fn text_of(row: &ListedRow) -> usize {
    row.topic.len() + row.last_bytes.map_or(0, |bytes| usize::try_from(bytes).unwrap_or(0))
}

fn position(one: &Conversation) -> (i64, i64) {
    (one.last_activity_at.0, one.id.0)
}

/// One of the caller's conversations.
pub fn find(conn: &mut Connection, caller: Caller, id: ConversationId) -> Result<Conversation, Refusal> {
    let mut rows = conversations::list_of(conn, caller.user, Some(&[id]), None, 1)?;
    if rows.is_empty() {
        // Distinguishes rooms that exist from those that don't, as everywhere. If the user joined between the two
        // statements, the second query finds the conversation; if they have left again by then, the error was true a
        // moment earlier.
        Access::find(conn, id, caller)?.require(Permission::Read)?;
        rows = conversations::list_of(conn, caller.user, Some(&[id]), None, 1)?;
    }
    Ok(complete(conn, caller, rows)?.pop().ok_or(ErrorCode::NotMember)?)
}

fn complete(
    conn: &mut Connection,
    caller: Caller,
    rows: Vec<ListedRow>,
) -> Result<Vec<Conversation>, Refusal> {
    let newest: Vec<_> = rows.iter().filter_map(|row| Some((row.id, row.last_message?))).collect();
    let mut last: BTreeMap<ConversationId, Message> = BTreeMap::new();
    // In chunks, because a statement has a maximum number of parameters.
    for part in newest.chunks(500) {
        last.extend(
            events::list_messages(conn, part)?
                .into_iter()
                .map(|row| (row.conversation_id, row.into_message())),
        );
    }
    let any_direct = rows.iter().any(|row| row.kind == ConversationKind::Direct);
    let present = match any_direct {
        true => friendships::list_present_ids(conn, caller.user)?,
        false => BTreeSet::new(),
    };
    Ok(rows
        .into_iter()
        .map(|row| {
            let can = permissions(&row, caller);
            let peer = row.peer_id.map(|id| User {
                id,
                handle: row.peer_handle.unwrap_or_default(),
                display_name: row.peer_name.unwrap_or_default(),
                avatar: row.peer_avatar,
                bot: row.peer_owner.is_some(),
            });
            let direct = row.kind == ConversationKind::Direct;
            Conversation {
                id: row.id,
                kind: row.kind,
                name: row.name,
                topic: (!direct).then_some(row.topic),
                online: peer
                    .as_ref()
                    .filter(|_| direct && row.friends)
                    .map(|peer| present.contains(&peer.id)),
                peer,
                role: (!direct).then_some(row.role),
                writable: can.contains(&Permission::Write),
                can,
                member_count: row.member_count,
                head: row.last_seq,
                read_seq: row.read_seq,
                unread: row.unread,
                mentions: row.mentions,
                last_message: last.remove(&row.id),
                last_activity_at: Timestamp(row.last_activity_at),
            }
        })
        .collect())
}

/// Opens the direct chat with a friend, or returns the existing one. Once opened, its history stays readable to both.
/// It never gets a third member, because nothing here can add one.
pub fn open_direct(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    peer: UserId,
    id: ConversationId,
) -> Done<ConversationId> {
    let (low, high) = pair(user, peer);
    if user != peer
        && let Some(existing) = conversations::find_direct(conn, low, high)?
    {
        return Ok(Outcome::without_events(existing.id));
    }
    users::find(conn, peer)?.filter(|row| row.is_active()).ok_or(ErrorCode::NotFound)?;
    let friends = friendships::lock(conn, user, peer)?.is_some_and(|row| row.accepted_at.is_some());
    if !friends {
        return Err(ErrorCode::NotFriends.into());
    }
    conversations::insert(
        conn,
        &ConversationRow {
            id,
            kind: ConversationKind::Direct,
            name: None,
            name_key: None,
            topic: String::new(),
            low_user: Some(low),
            high_user: Some(high),
            last_seq: 0,
            changed_seq: 0,
            member_count: 2,
            last_activity_at: now.0,
            active_span: now.0 / ACTIVITY_SPAN,
            created_at: now.0,
            deleted_at: None,
        },
    )?;
    let mut changes = Vec::new();
    for person in [low, high] {
        members::insert(
            conn,
            &MemberRow { conversation_id: id, user_id: person, role: Member, joined_at: now.0, read_seq: 0 },
        )?;
        changes.push((person, UserChange::ConversationJoined { conversation: id }, false));
    }
    Ok(Outcome { value: id, effects: tell(now, changes) })
}

/// What happened to a read marker.
#[derive(Debug, Clone, PartialEq)]
pub enum Moved {
    /// The marker's position now.
    To {
        /// The last position the user has read.
        seq: Seq,
        /// Whether the marker was moved.
        fresh: bool,
    },
    /// Another transaction holds the row.
    Held,
    /// The user may not read this conversation.
    Refused(Refusal),
}

/// Moves read markers forward, and returns what happened to each, in the same order. A marker never moves back, and
/// never beyond the head. With `wait`, waits for markers that another transaction holds.
pub fn move_markers(
    conn: &mut Connection,
    given: &[(UserId, ConversationId, Seq)],
    wait: bool,
) -> Done<Vec<Moved>> {
    let markers: Vec<members::Marker> = given.iter().map(|(user, id, seq)| (*id, *user, *seq)).collect();
    let moved: HashMap<(ConversationId, UserId), Seq> = members::move_markers(conn, &markers, wait)?
        .into_iter()
        .map(|(id, user, seq)| ((id, user), seq))
        .collect();
    let rest: Vec<members::Marker> =
        markers.iter().filter(|(id, user, _)| !moved.contains_key(&(*id, *user))).copied().collect();
    let places: HashMap<(ConversationId, UserId), (Seq, Seq)> = match rest.is_empty() {
        true => HashMap::new(),
        false => members::list_markers(conn, &rest)?
            .into_iter()
            .map(|((id, user, seq), head)| ((id, user), (seq, head)))
            .collect(),
    };
    let mut outcome = Vec::with_capacity(given.len());
    for (user, id, seq) in given {
        let key = (*id, *user);
        outcome.push(match (moved.get(&key), places.get(&key)) {
            (Some(seq), _) => Moved::To { seq: *seq, fresh: true },
            (None, Some((at, head))) if *at < (*seq).min(*head) => Moved::Held,
            (None, Some((at, _))) => Moved::To { seq: *at, fresh: false },
            (None, None) => {
                match Access::find(conn, *id, *user).and_then(|one| one.require(Permission::Read)) {
                    // They joined just now.
                    Ok(Access { member, .. }) => {
                        Moved::To { seq: member.map_or(0, |member| member.read_seq), fresh: false }
                    }
                    Err(Refusal::Storage(error)) => return Err(error.into()),
                    Err(refusal) => Moved::Refused(refusal),
                }
            }
        });
    }
    Ok(Outcome::without_events(outcome))
}

/// Who must not see that a user is typing: members of a room who block them. `None` if nobody may see it, because the
/// user couldn't send a message there now.
pub fn typing_hidden_from(
    conn: &mut Connection,
    user: UserId,
    id: ConversationId,
) -> Result<Option<Vec<UserId>>, Refusal> {
    let access = Access::find(conn, id, user)?.require(Permission::Read)?;
    if !access.allows(Permission::Write) {
        return Ok(None);
    }
    match access.conversation.pair() {
        Some(_) => Ok(Some(Vec::new())),
        None => Ok(Some(blocks::list_blockers_in(conn, id, user, limits::PAGE * 2)?)),
    }
}
