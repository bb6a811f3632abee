//! Schedules reloads of sidebar entries that cannot be computed locally: batched and rare.
//!
//! Invariant: every wanted entry is requested in the end, and the tabs of a server's users do not send their requests
//! simultaneously.

use std::collections::BTreeSet;

use parlour_protocol::ids::ConversationId;

/// Minimum interval between two requests, in milliseconds: at most two a minute.
const EVERY: f64 = 30_000.0;
/// The first request waits at least this long for more entries, in milliseconds.
const GATHERS: f64 = 300.0;
/// Maximum random delay added to it, in milliseconds.
const SPREAD: f64 = 1_700.0;
/// Maximum number of conversations in one request, as on the server.
const MOST: usize = 100;

/// The conversations to reload.
#[derive(Debug, Default)]
pub(crate) struct Rereads {
    wanted: BTreeSet<ConversationId>,
    asked: Option<f64>,
    /// Whether a timer for the next request is set.
    waits: bool,
}

impl Rereads {
    /// Adds a conversation. Returns in how many milliseconds to send the request, or `None` if a timer is already set.
    /// `chance` is a random number in 0..1.
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

    /// Removes and returns the conversations to request now, and returns when to request the rest, if any.
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

    /// Removes a conversation: it was loaded or left.
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
