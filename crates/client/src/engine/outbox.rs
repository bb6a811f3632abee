//! The user's actions that are not yet known to be stored: messages, edits, deletions, reactions. Each keeps its cid
//! until the server has answered, so that a retry, on any connection, can never create a second message.

use std::collections::VecDeque;

use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::ClientFrame;

/// Something the user did in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Wrote a message.
    Send {
        /// The text.
        body: String,
        /// The message it replies to.
        reply_to: Option<Seq>,
    },
    /// Changed the text of a message.
    Edit {
        /// The message to edit.
        seq: Seq,
        /// The new text.
        body: String,
    },
    /// Deleted a message.
    Delete {
        /// The message to delete.
        seq: Seq,
    },
    /// Added or removed a reaction.
    React {
        /// The message that gets or loses the reaction.
        seq: Seq,
        /// The emoji.
        emoji: String,
        /// True adds, false removes.
        on: bool,
    },
}

impl Act {
    /// Whether `later` makes this action obsolete: a newer edit or the same reaction again, or the message's deletion.
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

/// The state of a pending action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendState {
    /// Waiting for a connection or for the answer.
    Sending,
    /// The server refused it; the user decides what to do.
    Failed {
        /// Reason for the refusal.
        code: ErrorCode,
        /// The server's explanation, in English.
        detail: String,
    },
}

/// An action that is not yet known to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// The permanent client id: unique, and the same on every retry.
    pub cid: String,
    /// When it was done, in milliseconds of the client's clock; older actions are sent first.
    pub at: i64,
    /// Id of the browser tab that sends it; empty if the client has no tabs.
    pub tab: String,
    /// The action.
    pub act: Act,
    /// Whether it is being sent or was refused.
    pub state: SendState,
}

impl Pending {
    /// The command to send; the answer repeats `id`.
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

/// All pending actions, in the order in which they were done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outbox(VecDeque<Pending>);

impl Outbox {
    /// Inserts an action by time, or replaces the one with the same cid in place.
    pub fn put(&mut self, pending: Pending) {
        if let Some(known) = self.find(&pending.cid) {
            *known = pending;
            return;
        }
        let place = self.0.iter().rposition(|one| one.at <= pending.at).map_or(0, |before| before + 1);
        self.0.insert(place, pending);
    }

    /// Removes the actions that `later` makes obsolete, except those in flight. Returns their cids.
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

    /// Removes an action that was stored or arrived as an event. Returns whether it was there.
    pub fn settled(&mut self, cid: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|pending| pending.cid != cid);
        self.0.len() != before
    }

    /// Marks an action as refused for good.
    pub fn refused(&mut self, cid: &str, code: ErrorCode, detail: String) {
        if let Some(pending) = self.find(cid) {
            pending.state = SendState::Failed { code, detail };
        }
    }

    /// Marks a refused action to be sent again, as the user asked.
    pub fn retry(&mut self, cid: &str) -> Option<&Pending> {
        let pending = self.find(cid)?;
        pending.state = SendState::Sending;
        Some(pending)
    }

    /// Assigns an action to the tab that will send it.
    pub fn take_on(&mut self, cid: &str, tab: &str) -> Option<&Pending> {
        let pending = self.find(cid)?;
        tab.clone_into(&mut pending.tab);
        Some(pending)
    }

    /// The actions to send after a (re)connection, in order.
    pub fn unsent(&self) -> impl Iterator<Item = &Pending> {
        self.0.iter().filter(|pending| pending.state == SendState::Sending)
    }

    /// The actions to send now. To keep each conversation's order, this is only the first unsent action of each
    /// conversation; while `busy` is true for that one, nothing of the conversation is sent.
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

    /// The pending action with this cid.
    pub fn get(&self, cid: &str) -> Option<&Pending> {
        self.0.iter().find(|pending| pending.cid == cid)
    }

    /// All pending actions, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Pending> {
        self.0.iter()
    }

    /// The pending messages of a conversation, in order.
    pub fn of(&self, conversation: ConversationId) -> impl Iterator<Item = &Pending> {
        let here = move |one: &&Pending| one.conversation == conversation;
        self.0.iter().filter(here).filter(|one| matches!(one.act, Act::Send { .. }))
    }

    /// The newest pending edit of a message.
    pub fn edit_of(&self, conversation: ConversationId, seq: Seq) -> Option<&Pending> {
        let edits = |one: &&Pending| matches!(one.act, Act::Edit { seq: target, .. } if target == seq);
        self.0.iter().rev().filter(|one| one.conversation == conversation).find(edits)
    }

    /// Whether the message has a pending deletion.
    pub fn deletes(&self, conversation: ConversationId, seq: Seq) -> bool {
        let act = Act::Delete { seq };
        self.0.iter().any(|one| one.conversation == conversation && one.act == act)
    }

    /// The pending changes to a message's reactions, in order: emoji, and true to add or false to remove.
    pub fn reactions_of(&self, conversation: ConversationId, seq: Seq) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().filter(move |one| one.conversation == conversation).filter_map(move |one| {
            match &one.act {
                Act::React { seq: target, emoji, on } if *target == seq => Some((emoji.as_str(), *on)),
                _ => None,
            }
        })
    }

    /// Whether nothing is pending.
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

    fn push(outbox: &mut Outbox, conversation: ConversationId, cid: &str) {
        let act = Act::Send { body: cid.into(), reply_to: None };
        outbox.put(Pending { conversation, ..pending(cid, 1, act) });
    }

    fn edit(seq: Seq, body: &str) -> Act {
        Act::Edit { seq, body: body.into() }
    }

    #[test]
    fn what_is_not_settled_is_sent_again_in_order() {
        let mut outbox = Outbox::default();
        for cid in ["a", "b", "c"] {
            push(&mut outbox, HERE, cid);
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
        push(&mut outbox, HERE, "a");
        push(&mut outbox, HERE, "b");
        push(&mut outbox, two, "c");
        let cids = |due: Vec<&Pending>| due.iter().map(|pending| pending.cid.clone()).collect::<Vec<_>>();
        assert_eq!(cids(outbox.due(|_| false)), ["a", "c"]);
        assert_eq!(cids(outbox.due(|one| one.conversation == HERE)), ["c"]);
        // An action that another tab is about to send comes first; nothing overtakes it.
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
        // A known action is updated in place.
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
        // A deletion replaces the other actions on the message.
        assert_eq!(outbox.replaced(HERE, &Act::Delete { seq: 7 }, |_| false), ["c", "e"]);
        assert_eq!(outbox.iter().count(), 1);
    }
}
