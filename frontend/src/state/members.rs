//! The members of the room whose list is shown: loaded once, then updated by joins and leaves.

use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::rooms::MemberRole;

use crate::state::failure::Failure;
use crate::state::load::Load;

/// A join or a leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// The user, and the role they joined with.
    Joined(UserId, MemberRole),
    /// The user who left.
    Left(UserId),
}

/// The members of one room, as far as they are loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roster {
    room: ConversationId,
    members: Vec<(UserId, MemberRole)>,
    /// Joins and leaves during the load; the loaded list may show the state before or after them.
    meanwhile: Vec<Move>,
    read: bool,
    failed: Option<Failure>,
}

impl Roster {
    /// A list that is not loaded yet.
    pub(crate) fn new(room: ConversationId) -> Self {
        Self { room, members: Vec::new(), meanwhile: Vec::new(), read: false, failed: None }
    }

    /// The room.
    pub(crate) fn room(&self) -> ConversationId {
        self.room
    }

    /// Sets the loaded list.
    pub(crate) fn fill(&mut self, members: Vec<(UserId, MemberRole)>) {
        self.members = members;
        self.read = true;
        for one in std::mem::take(&mut self.meanwhile) {
            self.apply(one);
        }
    }

    /// Notes that the list could not be loaded.
    pub(crate) fn fail(&mut self, why: Failure) {
        self.failed = Some(why);
    }

    /// Records a join or a leave.
    pub(crate) fn hear(&mut self, one: Move) {
        if !self.read {
            self.meanwhile.push(one);
        }
        self.apply(one);
    }

    fn apply(&mut self, one: Move) {
        match one {
            Move::Joined(user, role) => match self.members.iter_mut().find(|(id, _)| *id == user) {
                Some((_, known)) => *known = role,
                None => self.members.push((user, role)),
            },
            Move::Left(user) => self.members.retain(|(id, _)| *id != user),
        }
    }

    /// All members, if they are loaded.
    pub(crate) fn members(&self) -> Load<Vec<(UserId, MemberRole)>> {
        match &self.failed {
            _ if self.read => Load::Ready(self.members.clone()),
            Some(why) => Load::Failed(why.clone()),
            None => Load::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: UserId = UserId(1);
    const BOB: UserId = UserId(2);
    const CY: UserId = UserId(3);
    const MEMBER: MemberRole = MemberRole::Member;

    #[test]
    fn who_comes_and_goes_is_kept_up() {
        let mut roster = Roster::new(ConversationId(5));
        assert_eq!(roster.members(), Load::Pending);
        roster.fail(Failure::Offline);
        assert_eq!(roster.members(), Load::Failed(Failure::Offline));
        roster.fill(vec![(ADA, MemberRole::Owner)]);
        for one in
            [Move::Joined(BOB, MEMBER), Move::Joined(BOB, MEMBER), Move::Joined(CY, MEMBER), Move::Left(BOB)]
        {
            roster.hear(one);
        }
        assert_eq!(roster.members(), Load::Ready(vec![(ADA, MemberRole::Owner), (CY, MEMBER)]));
    }

    #[test]
    fn what_happens_while_the_list_is_read_is_right_before_it_and_after_it() {
        for list in [vec![(ADA, MEMBER), (BOB, MEMBER)], vec![(ADA, MEMBER), (CY, MEMBER)]] {
            let mut roster = Roster::new(ConversationId(5));
            roster.hear(Move::Left(BOB));
            roster.hear(Move::Joined(CY, MEMBER));
            roster.fill(list);
            assert_eq!(roster.members(), Load::Ready(vec![(ADA, MEMBER), (CY, MEMBER)]));
        }
    }
}
