//! Public rooms: list, create, join, leave, change, delete.
//!
//! Invariant: a room that has members has an owner.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::events::{Change, Event, UserChange};
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::limits;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rights::Permission;
use parlour_protocol::rooms::{CreateRoom, Member, MemberRole, Room, UpdateRoom};
use parlour_protocol::time::Timestamp;
use parlour_protocol::validation::{self, Violations};
use parlour_storage::conversations::{ACTIVITY_SPAN, ConversationRow};
use parlour_storage::members::MemberRow;
use parlour_storage::users::UserRow;
use parlour_storage::{Connection, conversations, events, friendships, members, mentions, reactions, users};

use crate::audit::{Note, note};
use crate::outcome::{Done, Outcome, tell};
use crate::rights::{Access, Caller};
use crate::{Effect, Refusal, cut_page, names, rights};

/// In larger rooms, joining and leaving doesn't create events.
const LOG_MEMBERS_UP_TO: i64 = 200;

/// A page, and the position after which the next one starts.
pub type Listed<T> = (Vec<T>, Option<(i64, i64)>);

fn view(row: &ConversationRow, role: Option<MemberRole>) -> Room {
    Room {
        id: row.id,
        name: row.name.clone().unwrap_or_default(),
        topic: row.topic.clone(),
        member_count: row.member_count,
        online_count: 0,
        role,
        last_activity_at: Timestamp(row.last_activity_at),
        created_at: Timestamp(row.created_at),
        head: row.last_seq,
    }
}

/// A page of public rooms, most recently active first, and the cursor of the next page. The caller fills in presence.
pub fn list(
    conn: &mut Connection,
    user: UserId,
    search: &str,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Listed<Room>, Refusal> {
    let mut rows = conversations::list_rooms(conn, &names::room_key(search), after, limit + 1)?;
    let next = cut_page(&mut rows, limit, |row| (row.active_span, row.id.0));
    let ids: Vec<ConversationId> = rows.iter().map(|row| row.id).collect();
    let roles = members::list_roles(conn, user, &ids)?;
    // The database returns rooms that were active within the same few minutes in no particular order.
    rows.sort_by_key(|row| std::cmp::Reverse((row.last_activity_at, row.id)));
    let rooms = rows
        .iter()
        .map(|row| view(row, roles.iter().find(|(id, _)| *id == row.id).map(|(_, role)| *role)))
        .collect();
    Ok((rooms, next))
}

fn room(conn: &mut Connection, id: ConversationId, lock: bool) -> Result<ConversationRow, Refusal> {
    let row = if lock { conversations::lock(conn, id)? } else { conversations::find(conn, id)? };
    Ok(row.filter(|row| row.kind == ConversationKind::Room).ok_or(ErrorCode::NotFound)?)
}

/// One room. Rooms are public, so any user can see it.
pub fn find(conn: &mut Connection, user: UserId, id: ConversationId) -> Result<Room, Refusal> {
    let row = room(conn, id, false)?;
    let member = members::find(conn, id, user)?;
    Ok(view(&row, member.map(|member| member.role)))
}

/// The members of each of these rooms whose presence a user can see: friends who aren't invisible.
pub fn list_visible(
    conn: &mut Connection,
    user: UserId,
    rooms: &[ConversationId],
) -> Result<Vec<(ConversationId, UserId)>, Refusal> {
    let people = Vec::from_iter(friendships::list_present_ids(conn, user)?);
    Ok(members::list_among(conn, rooms, &people)?)
}

/// Validates a new room. Whether its name contains hidden characters is checked only after it is known whether another
/// room has it.
pub fn check_create(request: &CreateRoom) -> Result<(), Refusal> {
    Violations::default()
        .check("name", validation::room_name(&names::seen(&request.name)))
        .check("topic", validation::topic(&request.topic))
        .finish()
        .map_err(Refusal::from)
}

/// Creates a room, with its creator as owner.
pub fn create(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    id: ConversationId,
    request: &CreateRoom,
) -> Done<Room> {
    limit_memberships(conn, user)?;
    if members::count_owned(conn, user)? >= limits::OWNED_ROOMS {
        return Err(Refusal::because(ErrorCode::LimitReached, "You own too many rooms."));
    }
    let (name, name_key) = (names::kept(&request.name), names::room_key(&request.name));
    vacate_name(conn, now, user, &name_key)?;
    refuse_taken_name(conn, &name_key)?;
    validation::room_name(&name).map_err(|message| Refusal::field("name", message))?;
    let row = ConversationRow {
        id,
        kind: ConversationKind::Room,
        name: Some(name),
        name_key: Some(name_key),
        topic: names::kept(&request.topic),
        low_user: None,
        high_user: None,
        last_seq: 0,
        changed_seq: 0,
        member_count: 0,
        last_activity_at: now.0,
        active_span: now.0 / ACTIVITY_SPAN,
        created_at: now.0,
        deleted_at: None,
    };
    conversations::insert(conn, &row)?;
    let effects = enter(conn, now, &row, user, MemberRole::Owner)?;
    Ok(Outcome { value: find(conn, user, id)?, effects })
}

fn limit_memberships(conn: &mut Connection, user: UserId) -> Result<(), Refusal> {
    // On other nodes, a token stays valid for a moment after its session; a deleted user must not join in that moment.
    users::find(conn, user)?.filter(UserRow::is_active).ok_or(ErrorCode::Unauthenticated)?;
    if members::count_of(conn, user)? >= limits::ROOMS_PER_USER {
        return Err(Refusal::because(ErrorCode::LimitReached, "You are in too many rooms."));
    }
    Ok(())
}

/// Frees the name of a room without members by deleting the room.
fn vacate_name(conn: &mut Connection, now: Timestamp, user: UserId, name_key: &str) -> Result<(), Refusal> {
    let Some(row) = conversations::lock_named(conn, name_key)?.filter(|row| row.member_count == 0) else {
        return Ok(());
    };
    // The event isn't published, because the room has no members.
    erase(conn, now, user, row.id)?;
    Ok(())
}

fn refuse_taken_name(conn: &mut Connection, name_key: &str) -> Result<(), Refusal> {
    if conversations::room_exists(conn, name_key)? {
        return Err(Refusal::because(ErrorCode::Taken, "There's already a room with this name."));
    }
    Ok(())
}

fn enter(
    conn: &mut Connection,
    now: Timestamp,
    room: &ConversationRow,
    user: UserId,
    role: MemberRole,
) -> Result<Vec<Effect>, Refusal> {
    let id = room.id;
    conversations::change_member_count(conn, id, 1)?;
    let mut effects = Vec::new();
    let mut head = room.last_seq;
    if room.member_count < LOG_MEMBERS_UP_TO {
        let event = events::append(conn, id, now, Change::MemberJoined { user, role })?;
        head = event.seq;
        effects.push(Effect::Event(event));
    }
    members::insert(
        conn,
        &MemberRow { conversation_id: id, user_id: user, role, joined_at: now.0, read_seq: head },
    )?;
    effects.extend(tell(now, vec![(user, UserChange::ConversationJoined { conversation: id }, false)]));
    Ok(effects)
}

/// Joins a room. Joining twice changes nothing. A user who joins an empty room becomes its owner.
pub fn join(conn: &mut Connection, now: Timestamp, user: UserId, id: ConversationId) -> Done<()> {
    let row = room(conn, id, true)?;
    if members::find(conn, id, user)?.is_some() {
        return Ok(Outcome::without_events(()));
    }
    limit_memberships(conn, user)?;
    let role = if row.member_count == 0 { MemberRole::Owner } else { MemberRole::Member };
    Ok(Outcome { value: (), effects: enter(conn, now, &row, user, role)? })
}

/// Leaves a room. When the last owner leaves, the member with the highest role, then the longest membership, becomes
/// owner.
pub fn leave(conn: &mut Connection, now: Timestamp, user: UserId, id: ConversationId) -> Done<()> {
    let row = room(conn, id, true)?;
    let (_, effects) = leave_locked(conn, now, user, &row)?;
    Ok(Outcome { value: (), effects })
}

/// Removes a user from a locked conversation. Returns whether they were a member.
pub(crate) fn leave_locked(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    row: &ConversationRow,
) -> Result<(bool, Vec<Effect>), Refusal> {
    let id = row.id;
    let Some(member) = members::find(conn, id, user)? else {
        return Ok((false, Vec::new()));
    };
    members::delete(conn, id, user)?;
    conversations::change_member_count(conn, id, -1)?;
    let mut changes = vec![(user, UserChange::ConversationLeft { conversation: id }, false)];
    if rights::owns(&member)
        && let Some(heir) = members::find_heir(conn, id)?
        && !rights::owns(&heir)
    {
        members::update_role(conn, id, heir.user_id, MemberRole::Owner)?;
        changes.push((heir.user_id, UserChange::RightsChanged { conversation: id }, false));
    }
    let mut effects = Vec::new();
    if row.kind == ConversationKind::Room && row.member_count <= LOG_MEMBERS_UP_TO {
        effects.push(Effect::Event(events::append(conn, id, now, Change::MemberLeft { user })?));
    }
    effects.extend(tell(now, changes));
    Ok((true, effects))
}

/// Validates a change to a room.
pub fn check_update(request: &UpdateRoom) -> Result<(), Refusal> {
    Violations::default()
        .check_opt("name", request.name.as_deref(), |name| validation::room_name(&names::seen(name)))
        .check_opt("topic", request.topic.as_deref(), validation::topic)
        .finish()
        .map_err(Refusal::from)
}

/// Changes name and topic; owners only.
pub fn update(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    id: ConversationId,
    request: &UpdateRoom,
) -> Done<Room> {
    let row = Access::lock(conn, id, user)?.require(Permission::EditRoom)?.conversation;
    let before = row.name.clone().unwrap_or_default();
    let name = request.name.as_deref().map_or_else(|| before.clone(), names::kept);
    let topic = request.topic.as_deref().map_or_else(|| row.topic.clone(), names::kept);
    if name == before && topic == row.topic {
        return Ok(Outcome::without_events(find(conn, user, id)?));
    }
    let name_key = names::room_key(&name);
    if row.name_key.as_deref() != Some(&name_key) {
        refuse_taken_name(conn, &name_key)?;
    }
    if name != before {
        validation::room_name(&name).map_err(|message| Refusal::field("name", message))?;
    }
    conversations::update_room(conn, id, &name, &name_key, &topic)?;
    let event = events::append(conn, id, now, Change::RoomChanged { actor: user, name, topic })?;
    Ok(Outcome { value: find(conn, user, id)?, effects: vec![Effect::Event(event)] })
}

/// Deletes a room with everything in it.
pub fn delete(conn: &mut Connection, now: Timestamp, caller: Caller, id: ConversationId) -> Done<()> {
    Access::lock(conn, id, caller)?.require(Permission::DeleteRoom)?;
    let event = erase(conn, now, caller.user, id)?;
    note(conn, now, Note::by(AuditKind::RoomDeleted, caller.user))?;
    Ok(Outcome { value: (), effects: vec![Effect::Event(event)] })
}

fn erase(conn: &mut Connection, now: Timestamp, user: UserId, id: ConversationId) -> Result<Event, Refusal> {
    events::delete_all(conn, id)?;
    reactions::delete_conversation(conn, id)?;
    mentions::delete_conversation(conn, id)?;
    let event = events::append(conn, id, now, Change::RoomDeleted { actor: user })?;
    members::delete_all(conn, id)?;
    conversations::delete(conn, id, now.0)?;
    Ok(event)
}

/// A page of members in the order in which they joined, and the cursor of the next page. `online` says whether the user
/// may see a member's presence (their own and their friends'); the caller replaces it with the actual presence.
pub fn list_members(
    conn: &mut Connection,
    user: UserId,
    id: ConversationId,
    prefix: &str,
    (after, limit): (Option<(i64, i64)>, i64),
) -> Result<Listed<Member>, Refusal> {
    room(conn, id, false)?;
    Access::find(conn, id, user)?.require(Permission::Read)?;
    let prefix: String = names::kept(prefix).to_lowercase();
    let mut rows = members::list(conn, id, &prefix, after, limit + 1)?;
    let next = cut_page(&mut rows, limit, |(row, _)| (row.joined_at, row.user_id.0));
    let present = friendships::list_present_ids(conn, user)?;
    let list = rows
        .into_iter()
        .map(|(row, member)| Member {
            online: member.id == user || present.contains(&member.id),
            user: member,
            role: row.role,
            joined_at: Timestamp(row.joined_at),
        })
        .collect();
    Ok((list, next))
}
