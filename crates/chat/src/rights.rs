//! Who may do what: in a conversation, for one user or for many at once, and on the server.
//!
//! Invariant: roles are compared here and nowhere else. If a user may not know that something exists, the error is the
//! same as if it didn't.

use std::collections::{BTreeMap, BTreeSet};

use parlour_protocol::conversations::ConversationKind::Room;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rights::Permission;
use parlour_protocol::rooms::MemberRole;
use parlour_storage::conversations::{AdvancedRow, ConversationRow, ListedRow, ReaderRow};
use parlour_storage::members::MemberRow;
use parlour_storage::users::UserRow;
use parlour_storage::{Connection, conversations, friendships, members, users};

use crate::Refusal;

/// Who wants to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// Whether the rights of an administrator apply, if the user is one: with a log-in they do, with a personal access
    /// token they don't.
    pub administers: bool,
}

/// A user without the rights of an administrator.
impl From<UserId> for Caller {
    fn from(user: UserId) -> Self {
        Self { user, administers: false }
    }
}

/// The facts that decide what a user may do in a conversation.
#[derive(Debug, Clone, Copy)]
struct Rights {
    room: bool,
    /// The user's role; `None` if they aren't a member.
    role: Option<MemberRole>,
    /// Whether the two users of a direct chat are friends.
    friends: bool,
    /// Whether the rights of an administrator apply.
    administrator: bool,
}

impl Rights {
    fn require(&self, permission: Permission) -> Result<(), Refusal> {
        let Self { room, friends, administrator, .. } = *self;
        // Rooms are public, so administrators look after those that they aren't in, too.
        let looked_after = matches!(permission, Permission::DeleteOthers | Permission::DeleteRoom);
        if room && administrator && looked_after {
            return Ok(());
        }
        // The existence of a direct chat is not revealed.
        let outside = if room { ErrorCode::NotMember } else { ErrorCode::NotFound };
        let role = self.role.ok_or(outside)?;
        let refused = |why: &str| Err(Refusal::because(ErrorCode::Forbidden, why));
        match permission {
            Permission::Read => Ok(()),
            Permission::Write | Permission::React if room || friends => Ok(()),
            Permission::Write | Permission::React => Err(ErrorCode::NotFriends.into()),
            Permission::DeleteOthers if room && role >= MemberRole::Moderator => Ok(()),
            Permission::DeleteOthers => {
                refused("Only the author, a moderator or an administrator can delete a message.")
            }
            Permission::EditRoom | Permission::DeleteRoom if !room => Err(ErrorCode::NotFound.into()),
            Permission::EditRoom | Permission::DeleteRoom if role == MemberRole::Owner => Ok(()),
            Permission::EditRoom | Permission::DeleteRoom => refused("Only the room's owner can do this."),
            Permission::Unknown => Err(ErrorCode::Forbidden.into()),
        }
    }

    fn allow(&self, permission: Permission) -> bool {
        self.require(permission).is_ok()
    }
}

/// Everything that a caller may do in a conversation of their list.
pub(crate) fn permissions(row: &ListedRow, caller: Caller) -> Vec<Permission> {
    let rights = Rights {
        room: row.kind == Room,
        role: Some(row.role),
        friends: row.friends,
        administrator: caller.administers && row.is_admin,
    };
    Permission::ALL.iter().copied().filter(|permission| rights.allow(*permission)).collect()
}

/// A conversation that exists, and what a user is there.
pub(crate) struct Access {
    pub conversation: ConversationRow,
    /// `None` if the user isn't a member.
    pub member: Option<MemberRow>,
    rights: Rights,
}

impl Access {
    /// For reading.
    pub fn find(
        conn: &mut Connection,
        id: ConversationId,
        caller: impl Into<Caller>,
    ) -> Result<Self, Refusal> {
        let found = conversations::find(conn, id)?;
        Self::of(conn, found, caller.into())
    }

    /// For changing something: also locks the conversation's row.
    pub fn lock(
        conn: &mut Connection,
        id: ConversationId,
        caller: impl Into<Caller>,
    ) -> Result<Self, Refusal> {
        let found = conversations::lock(conn, id)?;
        Self::of(conn, found, caller.into())
    }

    fn of(conn: &mut Connection, found: Option<ConversationRow>, caller: Caller) -> Result<Self, Refusal> {
        let conversation = found.ok_or(ErrorCode::NotFound)?;
        let member = members::find(conn, conversation.id, caller.user)?;
        let room = conversation.kind == Room;
        let friends = match conversation.pair() {
            Some((low, high)) if member.is_some() => {
                friendships::find(conn, low, high)?.is_some_and(|row| row.accepted_at.is_some())
            }
            _ => false,
        };
        let administrator = room && caller.administers && is_administrator(conn, caller.user)?;
        let role = member.as_ref().map(|member| member.role);
        Ok(Self { conversation, member, rights: Rights { room, role, friends, administrator } })
    }

    /// Refuses the operation unless the user has this permission.
    pub fn require(self, permission: Permission) -> Result<Self, Refusal> {
        self.rights.require(permission)?;
        Ok(self)
    }

    /// Whether the user has this permission.
    pub fn allows(&self, permission: Permission) -> bool {
        self.rights.allow(permission)
    }
}

/// The access of many users to many conversations: the twin of [`Access`] for batches. It reads no roles, so it allows
/// only what every member may do.
pub(crate) struct ManyAccess {
    /// Whether a conversation is a room, and whether the two users of a direct chat are friends.
    conversations: BTreeMap<ConversationId, (bool, bool)>,
    members: BTreeSet<(ConversationId, UserId)>,
}

impl ManyAccess {
    /// For sending, by pairs (conversation, author); read after the heads of the conversations were locked.
    pub fn of_authors(
        conn: &mut Connection,
        heads: &BTreeMap<ConversationId, AdvancedRow>,
        authors: BTreeSet<(ConversationId, UserId)>,
    ) -> Result<Self, Refusal> {
        let members = members::list_pairs(conn, &Vec::from_iter(authors))?.into_iter().collect();
        let pair = |head: &AdvancedRow| Some((head.low_user?, head.high_user?));
        let pairs: Vec<(UserId, UserId)> = heads.values().filter_map(pair).collect();
        let friends: BTreeSet<(UserId, UserId)> = match pairs.is_empty() {
            true => BTreeSet::new(),
            false => friendships::list_friends_among(conn, &pairs)?.into_iter().collect(),
        };
        let facts =
            |head: &AdvancedRow| (head.kind == Room, pair(head).is_some_and(|pair| friends.contains(&pair)));
        Ok(Self { conversations: heads.iter().map(|(id, head)| (*id, facts(head))).collect(), members })
    }

    /// For reading.
    pub fn of_readers(rows: &[ReaderRow]) -> Self {
        Self {
            conversations: rows.iter().map(|row| (row.id, (row.kind == Room, false))).collect(),
            members: rows.iter().filter_map(|row| Some((row.id, row.user_id?))).collect(),
        }
    }

    /// Refuses the operation unless the user has this permission in the conversation.
    pub fn require(&self, id: ConversationId, user: UserId, permission: Permission) -> Result<(), Refusal> {
        let (room, friends) = *self.conversations.get(&id).ok_or(ErrorCode::NotFound)?;
        let role = self.members.contains(&(id, user)).then_some(MemberRole::Member);
        Rights { room, role, friends, administrator: false }.require(permission)
    }
}

/// Whether a member owns the room.
pub(crate) fn owns(member: &MemberRow) -> bool {
    member.role == MemberRole::Owner
}

fn administers(user: &UserRow) -> bool {
    user.is_admin && user.is_active()
}

/// Whether a user is an administrator of the server, and their account is in use.
pub(crate) fn is_administrator(conn: &mut Connection, user: UserId) -> Result<bool, Refusal> {
    Ok(users::find(conn, user)?.is_some_and(|row| administers(&row)))
}

/// For what only administrators may do. Everyone else is told that it doesn't exist.
pub(crate) fn demand_admin(conn: &mut Connection, user: UserId) -> Result<(), Refusal> {
    if is_administrator(conn, user)? { Ok(()) } else { Err(ErrorCode::NotFound.into()) }
}

/// Administrators can invite; others can if the setting allows it. Returns whether the user is an administrator.
pub(crate) fn demand_inviter(
    conn: &mut Connection,
    user: UserId,
    members_may: bool,
) -> Result<bool, Refusal> {
    match users::find(conn, user)?.filter(UserRow::is_active) {
        Some(row) if administers(&row) => Ok(true),
        Some(_) if members_may => Ok(false),
        _ => Err(Refusal::because(ErrorCode::Forbidden, "Only administrators can invite people here.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn can(rights: Rights) -> Vec<&'static str> {
        let allowed = Permission::ALL.iter().filter(|permission| rights.allow(**permission));
        allowed.map(|permission| permission.as_str()).collect()
    }

    const OUTSIDE: Rights = Rights { room: true, role: None, friends: false, administrator: false };
    const MEMBER: Rights = Rights { role: Some(MemberRole::Member), ..OUTSIDE };
    const DIRECT: Rights = Rights { room: false, friends: true, ..MEMBER };

    #[test]
    fn a_role_has_the_rights_of_those_below_it() {
        assert_eq!(can(OUTSIDE), [""; 0]);
        assert_eq!(can(MEMBER), ["read", "write", "react"]);
        let moderator = Rights { role: Some(MemberRole::Moderator), ..MEMBER };
        assert_eq!(can(moderator), ["read", "write", "react", "delete_others"]);
        let owner = Rights { role: Some(MemberRole::Owner), ..MEMBER };
        assert_eq!(can(owner), ["read", "write", "react", "delete_others", "edit_room", "delete_room"]);
    }

    #[test]
    fn administrators_look_after_rooms_only() {
        let administrator = |rights| can(Rights { administrator: true, ..rights });
        assert_eq!(administrator(OUTSIDE), ["delete_others", "delete_room"]);
        assert_eq!(administrator(MEMBER), ["read", "write", "react", "delete_others", "delete_room"]);
        assert_eq!(administrator(DIRECT), can(DIRECT));
        assert_eq!(administrator(Rights { role: None, ..DIRECT }), [""; 0]);
    }

    #[test]
    fn without_friendship_a_direct_chat_can_only_be_read() {
        assert_eq!(can(DIRECT), ["read", "write", "react"]);
        assert_eq!(can(Rights { friends: false, ..DIRECT }), ["read"]);
    }

    #[test]
    fn outsiders_learn_that_rooms_exist_and_nothing_of_direct_chats() {
        let refused = |rights: Rights| rights.require(Permission::Read).unwrap_err();
        assert_eq!(refused(OUTSIDE), Refusal::from(ErrorCode::NotMember));
        assert_eq!(refused(Rights { role: None, ..DIRECT }), Refusal::from(ErrorCode::NotFound));
        let edited = DIRECT.require(Permission::EditRoom).unwrap_err();
        assert_eq!(edited, Refusal::from(ErrorCode::NotFound), "it is no room");
    }
}
