//! Whom to offer for a mention: the users whose handle or name starts with what was typed.
//!
//! Invariant: a prefix is not searched again if an earlier search has already found everybody it can match.

use std::collections::BTreeSet;

use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::users::User;

use super::order;

/// Number of users offered.
const MOST: usize = 6;

/// The members of a room found so far. The server is asked by prefix, because not all members are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    room: ConversationId,
    found: BTreeSet<UserId>,
    /// Prefixes that were searched, and whether the result was complete.
    asked: Vec<(String, bool)>,
}

impl Search {
    /// A search in a room.
    pub(crate) fn new(room: ConversationId) -> Self {
        Self { room, found: BTreeSet::new(), asked: Vec::new() }
    }

    /// The room.
    pub(crate) fn room(&self) -> ConversationId {
        self.room
    }

    /// Notes that a prefix is being searched. Returns false if that is not necessary.
    pub(crate) fn ask(&mut self, prefix: &str) -> bool {
        let known = |(before, whole): &(String, bool)| {
            before == prefix || (*whole && prefix.starts_with(before.as_str()))
        };
        let news = !self.asked.iter().any(known);
        if news {
            self.asked.push((prefix.to_owned(), false));
        }
        news
    }

    /// Adds the members found by a prefix; `whole` if there are no others.
    pub(crate) fn answered(&mut self, prefix: &str, found: impl Iterator<Item = UserId>, whole: bool) {
        self.found.extend(found);
        if let Some(asked) = self.asked.iter_mut().find(|(before, _)| before == prefix) {
            asked.1 = whole;
        }
    }

    /// Notes that a search has failed, so that it is done again with the next keystroke.
    pub(crate) fn failed(&mut self, prefix: &str) {
        self.asked.retain(|(before, _)| before != prefix);
    }

    /// Whether a user was found.
    pub(crate) fn has(&self, id: UserId) -> bool {
        self.found.contains(&id)
    }
}

/// A user to offer. The order: those inside the conversation first, then matches by handle, then by handle.
pub(crate) type Candidate = (bool, bool, String, UserId);

/// The candidate for a user, if their handle or name starts with `prefix`, which is case-folded.
pub(crate) fn candidate(user: &User, prefix: &str, inside: bool) -> Option<Candidate> {
    let by_handle = user.handle.to_lowercase().starts_with(prefix);
    let by_name = user.display_name.to_lowercase().starts_with(prefix);
    (by_handle || by_name).then(|| (!inside, !by_handle, user.handle.clone(), user.id))
}

/// The best candidates, with their handles.
pub(crate) fn best(mut found: Vec<Candidate>) -> Vec<(UserId, String)> {
    order::sort_by(&mut found, Ord::cmp);
    found.truncate(MOST);
    found.into_iter().map(|(_, _, handle, id)| (id, handle)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: ConversationId = ConversationId(5);

    #[test]
    fn what_a_complete_search_covers_is_not_searched_again() {
        let mut search = Search::new(ROOM);
        assert!(search.ask("a") && !search.ask("a"));
        search.answered("a", [UserId(1)].into_iter(), false);
        assert!(search.ask("ad"), "there were more than the first answer had room for");
        search.answered("ad", [UserId(2)].into_iter(), true);
        assert!(!search.ask("ada"));
        assert!(search.has(UserId(1)) && search.has(UserId(2)));
        assert!(search.ask("b"));
        search.failed("b");
        assert!(search.ask("b"));
    }

    #[test]
    fn people_of_the_conversation_and_handles_come_first() {
        let user = |id, handle: &str, name: &str| User {
            id: UserId(id),
            handle: handle.into(),
            display_name: name.into(),
            avatar: None,
            bot: false,
        };
        let all =
            [user(1, "zed", "Ada"), user(2, "ada2", "Bob"), user(3, "ada1", "Cy"), user(4, "bob", "Bob")];
        let found =
            all.iter().filter_map(|user| candidate(user, "ad", user.id == UserId(1))).collect::<Vec<_>>();
        let order: Vec<UserId> = best(found).into_iter().map(|(id, _)| id).collect();
        assert_eq!(order, [1, 3, 2].map(UserId));
    }
}
