//! What a person did and is not known to be stored: messages, edits, deletions, reactions. Each keeps its cid until
//! the server has answered, so that trying again, on any connection, can never make a second message.

use std::collections::VecDeque;

use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::ClientFrame;

/// Something that a person did in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Wrote a message.
    Send {
        /// The text.
        body: String,
        /// The message that it answers.
        reply_to: Option<Seq>,
    },
    /// Gave a message another text.
    Edit {
        /// Which message.
        seq: Seq,
        /// The new text.
        body: String,
    },
    /// Deleted a message.
    Delete {
        /// Which message.
        seq: Seq,
    },
    /// Added a reaction or took it back.
    React {
        /// To which message.
        seq: Seq,
        /// Which emoji.
        emoji: String,
        /// True adds, false takes back.
        on: bool,
    },
}

impl Act {
    /// Whether `later` makes this one pointless: the same thing was done again.
    fn replaced_by(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::Edit { seq, .. }, Self::Edit { seq: same, .. }) => seq == same,
            (Self::React { seq, emoji, .. }, Self::React { seq: same, emoji: again, .. }) => {
                seq == same && emoji == again
            }
            (Self::Edit { seq, .. } | Self::React { seq, .. }, Self::Delete { seq: same }) => seq == same,
            _ => false,
        }
    }
}

/// How something pending stands.
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

/// Something on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Where.
    pub conversation: ConversationId,
    /// Its name for ever.
    pub cid: String,
    /// When it was done, in milliseconds of the client's clock: what is older is sent first.
    pub at: i64,
    /// Which of a client's tabs sends it, where there are several.
    pub tab: String,
    /// What was done.
    pub act: Act,
    /// How it stands.
    pub state: SendState,
}

impl Pending {
    /// The command that tells the server; `id` comes back in the answer.
    pub fn command(&self, id: u64) -> ClientFrame {
        let conversation = self.conversation;
        match self.act.clone() {
            Act::Send { body, reply_to } => {
                ClientFrame::Send { id, conversation, cid: self.cid.clone(), body, reply_to }
            }
            Act::Edit { seq, body } => ClientFrame::Edit { id, conversation, seq, body },
            Act::Delete { seq } => ClientFrame::Delete { id, conversation, seq },
            Act::React { seq, emoji, on } => ClientFrame::React { id, conversation, seq, emoji, on },
        }
    }
}

/// Everything pending, in the order in which it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outbox(VecDeque<Pending>);

impl Outbox {
    /// Adds a message at the end.
    pub fn push(&mut self, conversation: ConversationId, cid: String, body: String, reply_to: Option<Seq>) {
        let at = self.0.back().map_or(0, |last| last.at);
        let act = Act::Send { body, reply_to };
        let state = SendState::Sending;
        self.put(Pending { conversation, cid, at, tab: String::new(), act, state });
    }

    /// Puts something in its place by time, or in the place of what has the same cid.
    pub fn put(&mut self, pending: Pending) {
        if let Some(known) = self.find(&pending.cid) {
            *known = pending;
            return;
        }
        let place = self.0.iter().rposition(|one| one.at <= pending.at).map_or(0, |before| before + 1);
        self.0.insert(place, pending);
    }

    /// Takes out what something that was just done makes pointless, unless it is on its way already. Answers the cids.
    pub fn replaced(
        &mut self,
        conversation: ConversationId,
        later: &Act,
        on_its_way: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let pointless = |one: &Pending| {
            one.conversation == conversation && one.act.replaced_by(later) && !on_its_way(&one.cid)
        };
        let gone = self.0.iter().filter(|one| pointless(one)).map(|one| one.cid.clone()).collect();
        self.0.retain(|one| !pointless(one));
        gone
    }

    /// It was stored, or was seen as an event: it leaves. True when it was there.
    pub fn settled(&mut self, cid: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|pending| pending.cid != cid);
        self.0.len() != before
    }

    /// It was refused for good.
    pub fn refused(&mut self, cid: &str, code: ErrorCode, detail: String) {
        if let Some(pending) = self.find(cid) {
            pending.state = SendState::Failed { code, detail };
        }
    }

    /// A person wants to try again what was refused.
    pub fn retry(&mut self, cid: &str) -> Option<&Pending> {
        let pending = self.find(cid)?;
        pending.state = SendState::Sending;
        Some(pending)
    }

    /// A tab takes it on itself to send something.
    pub fn take_on(&mut self, cid: &str, tab: &str) -> Option<&Pending> {
        let pending = self.find(cid)?;
        tab.clone_into(&mut pending.tab);
        Some(pending)
    }

    /// What to send, in order, after a (re)connection.
    pub fn unsent(&self) -> impl Iterator<Item = &Pending> {
        self.0.iter().filter(|pending| pending.state == SendState::Sending)
    }

    /// What to send now, so that what was done in a conversation is stored in the order in which it was done: the
    /// first unsent one of each conversation, unless `busy` says that it is not to be sent now; then nothing of that
    /// conversation is.
    pub fn due(&self, busy: impl Fn(&Pending) -> bool) -> Vec<&Pending> {
        let mut seen: Vec<ConversationId> = Vec::new();
        let mut due: Vec<&Pending> = Vec::new();
        for pending in self.unsent() {
            if seen.contains(&pending.conversation) {
                continue;
            }
            seen.push(pending.conversation);
            if !busy(pending) {
                due.push(pending);
            }
        }
        due
    }

    /// One that is pending.
    pub fn get(&self, cid: &str) -> Option<&Pending> {
        self.0.iter().find(|pending| pending.cid == cid)
    }

    /// Everything pending, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Pending> {
        self.0.iter()
    }

    /// The pending messages of a conversation, in order.
    pub fn of(&self, conversation: ConversationId) -> impl Iterator<Item = &Pending> {
        let here = move |one: &&Pending| one.conversation == conversation;
        self.0.iter().filter(here).filter(|one| matches!(one.act, Act::Send { .. }))
    }

    /// The newest text that a message is to get, and how that stands.
    pub fn edit_of(&self, conversation: ConversationId, seq: Seq) -> Option<&Pending> {
        let edits = |one: &&Pending| matches!(one.act, Act::Edit { seq: target, .. } if target == seq);
        self.0.iter().rev().filter(|one| one.conversation == conversation).find(edits)
    }

    /// Whether a message is to be deleted.
    pub fn deletes(&self, conversation: ConversationId, seq: Seq) -> bool {
        let act = Act::Delete { seq };
        self.0.iter().any(|one| one.conversation == conversation && one.act == act)
    }

    /// The reactions to a message that are to be added or taken back, in order.
    pub fn reactions_of(&self, conversation: ConversationId, seq: Seq) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().filter(move |one| one.conversation == conversation).filter_map(move |one| {
            match &one.act {
                Act::React { seq: target, emoji, on } if *target == seq => Some((emoji.as_str(), *on)),
                _ => None,
            }
        })
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

    const HERE: ConversationId = ConversationId(1);

    fn pending(cid: &str, at: i64, act: Act) -> Pending {
        let state = SendState::Sending;
        Pending { conversation: HERE, cid: cid.into(), at, tab: "one".into(), act, state }
    }

    fn edit(seq: Seq, body: &str) -> Act {
        Act::Edit { seq, body: body.into() }
    }

    #[test]
    fn what_is_not_settled_is_sent_again_in_order() {
        let mut outbox = Outbox::default();
        for cid in ["a", "b", "c"] {
            outbox.push(HERE, cid.into(), cid.into(), None);
        }
        assert!(outbox.settled("b"));
        assert!(!outbox.settled("b"));
        outbox.refused("a", ErrorCode::NotFriends, String::new());
        assert_eq!(outbox.unsent().map(|one| one.cid.as_str()).collect::<Vec<_>>(), ["c"]);
        outbox.retry("a");
        assert_eq!(outbox.unsent().map(|one| one.cid.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn one_thing_of_a_conversation_is_on_its_way_at_a_time() {
        let two = ConversationId(2);
        let mut outbox = Outbox::default();
        outbox.push(HERE, "a".into(), "a".into(), None);
        outbox.push(HERE, "b".into(), "b".into(), None);
        outbox.push(two, "c".into(), "c".into(), None);
        let cids = |due: Vec<&Pending>| due.iter().map(|pending| pending.cid.clone()).collect::<Vec<_>>();
        assert_eq!(cids(outbox.due(|_| false)), ["a", "c"]);
        assert_eq!(cids(outbox.due(|one| one.conversation == HERE)), ["c"]);
        // What another tab is about to send comes first; nothing overtakes it.
        assert_eq!(cids(outbox.due(|one| one.cid == "a")), ["c"]);
        outbox.refused("a", ErrorCode::Invalid, String::new());
        assert_eq!(cids(outbox.due(|_| false)), ["b", "c"]);
    }

    #[test]
    fn what_several_tabs_did_stands_in_the_order_of_time() {
        let mut outbox = Outbox::default();
        for (cid, at) in [("b", 20), ("d", 40), ("a", 10), ("c", 20)] {
            outbox.put(pending(cid, at, edit(at, cid)));
        }
        assert_eq!(outbox.iter().map(|one| one.cid.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        // What is known already is brought up to date where it stands.
        outbox.put(Pending { tab: "two".into(), ..pending("b", 20, edit(20, "b")) });
        assert_eq!(
            outbox.iter().map(|one| one.tab.as_str()).collect::<Vec<_>>(),
            ["one", "two", "one", "one"]
        );
    }

    #[test]
    fn a_later_edit_takes_the_place_of_one_that_still_waits() {
        let mut outbox = Outbox::default();
        outbox.put(pending("a", 1, edit(7, "first")));
        outbox.put(pending("b", 2, edit(8, "other")));
        assert!(outbox.replaced(HERE, &edit(7, "second"), |cid| cid == "a").is_empty(), "it is on its way");
        assert_eq!(outbox.replaced(HERE, &edit(7, "second"), |_| false), ["a"]);
        outbox.put(pending("c", 3, edit(7, "second")));
        assert!(outbox.edit_of(HERE, 7).is_some_and(|one| one.act == edit(7, "second")));
        let react = |on| Act::React { seq: 7, emoji: "👍".into(), on };
        outbox.put(pending("d", 4, react(true)));
        assert_eq!(outbox.replaced(HERE, &react(false), |_| false), ["d"]);
        outbox.put(pending("e", 5, react(false)));
        assert_eq!(outbox.reactions_of(HERE, 7).collect::<Vec<_>>(), [("👍", false)]);
        // Nothing is said any more about a message that goes.
        assert_eq!(outbox.replaced(HERE, &Act::Delete { seq: 7 }, |_| false), ["c", "e"]);
        assert_eq!(outbox.iter().count(), 1);
    }
}
