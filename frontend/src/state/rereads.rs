//! When conversations are read again whose entries cannot be known here: several in one request, and seldom.
//!
//! Invariant: what is wanted is asked for in the end, and all the tabs of a server do not ask at the same moment.

use std::collections::BTreeSet;

use parlour_protocol::ids::ConversationId;

/// Least time between two requests, in milliseconds: two in a minute at most.
const EVERY: f64 = 30_000.0;
/// The first one waits at least this long for others, in milliseconds.
const GATHERS: f64 = 300.0;
/// At most this long besides, by chance, in milliseconds.
const SPREAD: f64 = 1_700.0;
/// Most conversations in one request, as on the server.
const MOST: usize = 100;

/// The conversations that are to be read again.
#[derive(Debug, Default)]
pub(crate) struct Rereads {
    wanted: BTreeSet<ConversationId>,
    asked: Option<f64>,
    /// A time is set for the next request.
    waits: bool,
}

impl Rereads {
    /// Wants a conversation. Answers after how many milliseconds to ask, if nobody was told to do so already. `chance` is
    /// between 0 and 1.
    pub(crate) fn want(&mut self, id: ConversationId, now: f64, chance: f64) -> Option<f64> {
        self.wanted.insert(id);
        self.wait(now, chance)
    }

    fn wait(&mut self, now: f64, chance: f64) -> Option<f64> {
        if self.waits || self.wanted.is_empty() {
            return None;
        }
        self.waits = true;
        let pause = self.asked.map_or(0.0, |asked| (asked + EVERY - now).clamp(0.0, EVERY));
        Some(pause.max(GATHERS) + chance * SPREAD)
    }

    /// Takes the conversations to ask for now, and says when to ask for the rest, if there is one.
    pub(crate) fn take(&mut self, now: f64, chance: f64) -> (Vec<ConversationId>, Option<f64>) {
        self.waits = false;
        let taken: Vec<ConversationId> = self.wanted.iter().copied().take(MOST).collect();
        self.wanted.retain(|id| !taken.contains(id));
        if !taken.is_empty() {
            self.asked = Some(now);
        }
        let rest = self.wait(now, chance);
        (taken, rest)
    }

    /// Does not want a conversation any more: it was read, or left.
    pub(crate) fn forget(&mut self, id: ConversationId) {
        self.wanted.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: ConversationId = ConversationId(5);

    #[test]
    fn what_is_wanted_at_about_the_same_time_is_one_request() {
        let mut rereads = Rereads::default();
        assert_eq!(rereads.want(ROOM, 1_000.0, 0.5), Some(1_150.0));
        assert_eq!(rereads.want(ConversationId(6), 1_100.0, 0.5), None);
        assert_eq!(rereads.want(ROOM, 1_100.0, 0.5), None);
        assert_eq!(rereads.take(2_150.0, 0.0), (vec![ROOM, ConversationId(6)], None));
        assert_eq!(rereads.take(2_150.0, 0.0), (Vec::new(), None));
    }

    #[test]
    fn there_are_two_requests_in_a_minute_at_most() {
        let mut rereads = Rereads::default();
        let (mut now, mut due, mut asked) = (0.0, None, Vec::new());
        while now < 600_000.0 {
            if let Some(wait) = rereads.want(ROOM, now, 0.3) {
                due = Some(now + wait);
            }
            if due.is_some_and(|at| now >= at) {
                assert_eq!(rereads.take(now, 0.3), (vec![ROOM], None));
                asked.push(now);
                due = None;
            }
            now += 100.0;
        }
        assert!(asked.len() <= 20 && asked.windows(2).all(|two| two[1] - two[0] >= EVERY), "{asked:?}");
    }

    #[test]
    fn many_are_asked_for_in_turn_and_what_was_left_is_not() {
        let mut rereads = Rereads::default();
        for id in 0..150 {
            rereads.want(ConversationId(id), 0.0, 0.0);
        }
        rereads.forget(ConversationId(149));
        let (first, wait) = rereads.take(1_000.0, 0.0);
        assert_eq!((first.len(), wait), (100, Some(EVERY)));
        assert_eq!(rereads.take(31_000.0, 0.0).0.len(), 49);
    }
}
