//! How far each log has been read. The cursors are all the state a client needs to resume on any node.

use std::collections::BTreeMap;

use parlour_protocol::ids::{ConversationId, Seq};

/// What to do with an event that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next event: apply it. The cursor has been advanced.
    Apply,
    /// It is already known, or its log is not followed.
    Ignore,
    /// An event before it is missing: read the log after this position.
    Fetch {
        /// The cursor: the last position that was applied.
        after: Seq,
    },
}

/// The cursors of all followed logs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursors {
    epoch: Option<String>,
    conversations: BTreeMap<ConversationId, Seq>,
    user: Option<Seq>,
}

impl Cursors {
    /// Sets the server's epoch. Returns true if it differs from the previous one; all cursors are then cleared, and
    /// everything built from them must be fetched again.
    pub fn set_epoch(&mut self, epoch: &str) -> bool {
        if self.epoch.as_deref() == Some(epoch) {
            return false;
        }
        let changed = self.epoch.is_some();
        if changed {
            self.conversations.clear();
            self.user = None;
        }
        self.epoch = Some(epoch.to_owned());
        changed
    }

    /// The epoch that the cursors belong to.
    pub fn epoch(&self) -> Option<&str> {
        self.epoch.as_deref()
    }

    /// Starts following a conversation from a position, usually the head of a page just fetched.
    pub fn follow(&mut self, conversation: ConversationId, seq: Seq) {
        self.conversations.insert(conversation, seq);
    }

    /// Stops following a conversation.
    pub fn forget(&mut self, conversation: ConversationId) {
        self.conversations.remove(&conversation);
    }

    /// Starts following the user's own stream from a position.
    pub fn follow_user(&mut self, seq: Seq) {
        self.user = Some(seq);
    }

    /// The cursor of a conversation, if it is followed.
    pub fn get(&self, conversation: ConversationId) -> Option<Seq> {
        self.conversations.get(&conversation).copied()
    }

    /// The cursor in the user's own stream, if it is followed.
    pub fn user(&self) -> Option<Seq> {
        self.user
    }

    /// All conversation cursors, in the form `start` takes.
    pub fn conversations(&self) -> &BTreeMap<ConversationId, Seq> {
        &self.conversations
    }

    /// Decides what to do with an event of a conversation.
    pub fn observe(&mut self, conversation: ConversationId, seq: Seq) -> Verdict {
        match self.conversations.get_mut(&conversation) {
            Some(cursor) => advance(cursor, seq),
            None => Verdict::Ignore,
        }
    }

    /// Decides what to do with an event of the user's own stream.
    pub fn observe_user(&mut self, seq: Seq) -> Verdict {
        match &mut self.user {
            Some(cursor) => advance(cursor, seq),
            None => Verdict::Ignore,
        }
    }

    /// Decides what to do with a head that arrived without its events.
    pub fn observe_head(&self, conversation: ConversationId, head: Seq) -> Verdict {
        match self.conversations.get(&conversation) {
            Some(&cursor) if head > cursor => Verdict::Fetch { after: cursor },
            _ => Verdict::Ignore,
        }
    }
}

fn advance(cursor: &mut Seq, seq: Seq) -> Verdict {
    if seq <= *cursor {
        Verdict::Ignore
    } else if seq == *cursor + 1 {
        *cursor = seq;
        Verdict::Apply
    } else {
        Verdict::Fetch { after: *cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: ConversationId = ConversationId(1);

    /// Any order, loss and duplication of frames, followed by one fetch, applies 1..=n once each, in order.
    #[test]
    fn dropped_doubled_and_swapped_frames_converge() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut chance = move || random.u64(..);
        for _ in 0..500 {
            let log: Vec<Seq> = (1..=40).collect();
            let mut frames: Vec<Seq> = log.iter().copied().filter(|_| chance() % 10 != 0).collect();
            for _ in 0..20 {
                let (a, b) = (chance() as usize % frames.len(), chance() as usize % frames.len());
                if chance() % 3 == 0 {
                    frames.push(frames[a]);
                } else {
                    frames.swap(a, b);
                }
            }
            let mut cursors = Cursors::default();
            cursors.follow(ROOM, 0);
            let mut applied = Vec::new();
            let fetch = |cursors: &mut Cursors, applied: &mut Vec<Seq>, after: Seq, upto: Seq| {
                for seq in log.iter().copied().filter(|seq| *seq > after && *seq <= upto) {
                    assert_eq!(cursors.observe(ROOM, seq), Verdict::Apply);
                    applied.push(seq);
                }
            };
            for seq in frames {
                match cursors.observe(ROOM, seq) {
                    Verdict::Apply => applied.push(seq),
                    Verdict::Ignore => {}
                    Verdict::Fetch { after } => fetch(&mut cursors, &mut applied, after, seq),
                }
            }
            if let Verdict::Fetch { after } = cursors.observe_head(ROOM, 40) {
                fetch(&mut cursors, &mut applied, after, 40);
            }
            assert_eq!(applied, log);
        }
    }

    #[test]
    fn another_epoch_voids_every_cursor() {
        let mut cursors = Cursors::default();
        assert!(!cursors.set_epoch("a"));
        cursors.follow(ROOM, 7);
        cursors.follow_user(3);
        assert!(!cursors.set_epoch("a"));
        assert!(cursors.set_epoch("b"));
        assert_eq!((cursors.get(ROOM), cursors.user()), (None, None));
    }
}
