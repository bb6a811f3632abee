//! Messages that were written and are not known to be stored. Each keeps its cid until the server has
//! answered, so that trying again, on any connection, can never make a second message.

use std::collections::VecDeque;

use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::problems::ErrorCode;

/// How a pending message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendState {
    /// Waits for a connection, or for the answer.
    Sending,
    /// The server refused it; a person decides what to do.
    Failed {
        /// Why.
        code: ErrorCode,
        /// The server's sentence.
        detail: String,
    },
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Where to.
    pub conversation: ConversationId,
    /// Its name for ever.
    pub cid: String,
    /// The text.
    pub body: String,
    /// The message that it answers.
    pub reply_to: Option<Seq>,
    /// How it stands.
    pub state: SendState,
}

/// The pending messages, in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outbox(VecDeque<Pending>);

impl Outbox {
    /// Adds a message at the end.
    pub fn push(&mut self, conversation: ConversationId, cid: String, body: String, reply_to: Option<Seq>) {
        self.0.push_back(Pending { conversation, cid, body, reply_to, state: SendState::Sending });
    }

    /// The message was stored, or was seen as an event: it leaves. True when it was there.
    pub fn settled(&mut self, cid: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|pending| pending.cid != cid);
        self.0.len() != before
    }

    /// The message was refused for good.
    pub fn refused(&mut self, cid: &str, code: ErrorCode, detail: String) {
        if let Some(pending) = self.find(cid) {
            pending.state = SendState::Failed { code, detail };
        }
    }

    /// A person wants to try a refused message again.
    pub fn retry(&mut self, cid: &str) -> Option<&Pending> {
        let pending = self.find(cid)?;
        pending.state = SendState::Sending;
        Some(pending)
    }

    /// What to send, in order, after a (re)connection.
    pub fn unsent(&self) -> impl Iterator<Item = &Pending> {
        self.0.iter().filter(|pending| pending.state == SendState::Sending)
    }

    /// What to send now, so that a conversation's messages are stored in the order in which they were written:
    /// the first unsent one of each conversation that has none on its way (`busy` says which have).
    pub fn due(&self, busy: impl Fn(ConversationId) -> bool) -> Vec<&Pending> {
        let mut due: Vec<&Pending> = Vec::new();
        for pending in self.unsent() {
            let taken = due.iter().any(|one| one.conversation == pending.conversation);
            if !taken && !busy(pending.conversation) {
                due.push(pending);
            }
        }
        due
    }

    /// One pending message.
    pub fn get(&self, cid: &str) -> Option<&Pending> {
        self.0.iter().find(|pending| pending.cid == cid)
    }

    /// All pending messages, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.0.iter()
    }

    /// The pending messages of a conversation, in order.
    pub fn of(&self, conversation: ConversationId) -> impl Iterator<Item = &Pending> {
        self.0.iter().filter(move |pending| pending.conversation == conversation)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&mut self, cid: &str) -> Option<&mut Pending> {
        self.0.iter_mut().find(|pending| pending.cid == cid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_settled_is_sent_again_in_order() {
        let mut outbox = Outbox::default();
        for cid in ["a", "b", "c"] {
            outbox.push(ConversationId(1), cid.into(), cid.into(), None);
        }
        assert!(outbox.settled("b"));
        assert!(!outbox.settled("b"));
        outbox.refused("a", ErrorCode::NotFriends, String::new());
        assert_eq!(outbox.unsent().map(|one| one.cid.as_str()).collect::<Vec<_>>(), ["c"]);
        outbox.retry("a");
        assert_eq!(outbox.unsent().map(|one| one.cid.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn one_message_of_a_conversation_is_on_its_way_at_a_time() {
        let (one, two) = (ConversationId(1), ConversationId(2));
        let mut outbox = Outbox::default();
        outbox.push(one, "a".into(), "a".into(), None);
        outbox.push(one, "b".into(), "b".into(), None);
        outbox.push(two, "c".into(), "c".into(), None);
        let cids = |due: Vec<&Pending>| due.iter().map(|pending| pending.cid.clone()).collect::<Vec<_>>();
        assert_eq!(cids(outbox.due(|_| false)), ["a", "c"]);
        assert_eq!(cids(outbox.due(|busy| busy == one)), ["c"]);
        outbox.refused("a", ErrorCode::Invalid, String::new());
        assert_eq!(cids(outbox.due(|_| false)), ["b", "c"]);
    }
}
