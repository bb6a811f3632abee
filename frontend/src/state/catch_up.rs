//! The content of the home page: unread conversations and the most recent ones.

use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::ids::ConversationId;

use super::order;

/// Maximum length of the list of recent conversations.
const RECENT: usize = 6;

/// Unread conversations, and recent ones without unread messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CatchUp {
    /// Conversations with mentions first, then direct chats, then rooms; each group newest first.
    pub(crate) unread: Vec<ConversationId>,
    /// Newest first.
    pub(crate) recent: Vec<ConversationId>,
}

/// Divides all conversations into the two lists.
pub(crate) fn catch_up<'a>(all: impl Iterator<Item = &'a Conversation>) -> CatchUp {
    let (mut unread, mut recent): (Vec<_>, Vec<_>) = all.partition(|one| one.unread > 0);
    let urgency = |one: &Conversation| match (one.mentions > 0, one.kind) {
        (true, _) => 0,
        (false, ConversationKind::Direct) => 1,
        (false, _) => 2,
    };
    order::sort_by_key(&mut unread, |one| (urgency(one), -one.last_activity_at.0));
    order::sort_by_key(&mut recent, |one| -one.last_activity_at.0);
    recent.truncate(RECENT);
    let ids = |list: Vec<&Conversation>| list.into_iter().map(|one| one.id).collect();
    CatchUp { unread: ids(unread), recent: ids(recent) }
}

/// The start of a message on one line.
pub(crate) fn first_words(body: &str) -> String {
    const MOST: usize = 120;
    let mut line = String::new();
    for word in body.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().take(MOST));
        if line.chars().count() > MOST {
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::samples;
    use parlour_protocol::time::Timestamp;

    fn one(id: i64, kind: ConversationKind, unread: i64, mentions: i64, at: i64) -> Conversation {
        let last_activity_at = Timestamp(at);
        Conversation { head: 1, unread, mentions, last_activity_at, ..samples::conversation(id, kind) }
    }

    #[test]
    fn what_is_meant_for_one_comes_before_what_is_said_in_rooms() {
        use ConversationKind::{Direct, Room};
        let all = [
            one(1, Room, 5, 0, 90),
            one(2, Room, 0, 0, 10),
            one(3, Direct, 1, 0, 20),
            one(4, Room, 9, 1, 30),
            one(5, Direct, 0, 0, 40),
            one(6, Direct, 2, 0, 50),
        ];
        let found = catch_up(all.iter());
        assert_eq!(found.unread, [4, 6, 3, 1].map(ConversationId));
        assert_eq!(found.recent, [5, 2].map(ConversationId));
    }

    #[test]
    fn words_stand_on_one_line() {
        assert_eq!(first_words(" a\n\n b\tc "), "a b c");
        assert!(first_words(&"x".repeat(5000)).chars().count() <= 121);
    }
}
