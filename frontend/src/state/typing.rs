//! Who is typing where.

use parlour_protocol::ids::{ConversationId, UserId};

/// At most this many users are remembered.
const MOST: usize = 50;

/// The users who are typing, each until a time in milliseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Typing(Vec<(ConversationId, UserId, f64)>);

impl Typing {
    /// Notes that a user is typing.
    pub(crate) fn hear(&mut self, conversation: ConversationId, user: UserId, until: f64) {
        self.stop(conversation, user);
        if self.0.len() < MOST {
            self.0.push((conversation, user, until));
        }
    }

    /// Notes that a user has stopped. Returns whether they were typing.
    pub(crate) fn stop(&mut self, conversation: ConversationId, user: UserId) -> bool {
        self.keep(|(there, who, _)| !(*there == conversation && *who == user))
    }

    /// Removes the users whose time is over. Returns whether there were any.
    pub(crate) fn expire(&mut self, now: f64) -> bool {
        self.keep(|(_, _, until)| *until > now)
    }

    fn keep(&mut self, which: impl Fn(&(ConversationId, UserId, f64)) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(which);
        self.0.len() != before
    }

    /// The users who are typing in a conversation.
    pub(crate) fn users(&self, conversation: ConversationId) -> Vec<UserId> {
        self.0.iter().filter(|(there, _, _)| *there == conversation).map(|(_, user, _)| *user).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: ConversationId = ConversationId(5);

    #[test]
    fn somebody_types_until_they_stop_or_their_time_is_over() {
        let (ada, bob) = (UserId(1), UserId(2));
        let mut typing = Typing::default();
        typing.hear(ROOM, ada, 10.0);
        typing.hear(ROOM, ada, 20.0);
        typing.hear(ROOM, bob, 15.0);
        typing.hear(ConversationId(6), bob, 15.0);
        assert_eq!(typing.users(ROOM), [ada, bob]);
        assert!(!typing.expire(12.0));
        assert!(typing.expire(15.0));
        assert_eq!(typing.users(ROOM), [ada]);
        assert!(typing.stop(ROOM, ada) && !typing.stop(ROOM, ada));
        assert_eq!(typing, Typing::default());
    }
}
