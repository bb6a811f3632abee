//! Throttles read markers: the first is sent at once, then at most one per interval.
//!
//! Invariant: the last position is always sent in the end, however fast positions arrive.

use std::collections::BTreeMap;

use parlour_protocol::ids::{ConversationId, Seq};

/// Minimum interval between two markers of one conversation, in milliseconds.
const EVERY: f64 = 1_000.0;

/// Read markers by conversation: when one was last sent, and what is waiting.
#[derive(Debug, Default)]
pub(crate) struct Markers {
    told: BTreeMap<ConversationId, f64>,
    waiting: BTreeMap<ConversationId, Seq>,
}

impl Markers {
    /// Records that everything up to a position was read. Returns in how many milliseconds the marker is due.
    pub(crate) fn read(&mut self, id: ConversationId, seq: Seq, now: f64) -> f64 {
        let waiting = self.waiting.entry(id).or_default();
        *waiting = seq.max(*waiting);
        self.told.get(&id).map_or(0.0, |told| (told + EVERY - now).clamp(0.0, EVERY))
    }

    /// Removes and returns the markers that are due, or all of them if `all`.
    pub(crate) fn take(&mut self, now: f64, all: bool) -> Vec<(ConversationId, Seq)> {
        let told = &mut self.told;
        let due = |id: &ConversationId| all || told.get(id).is_none_or(|at| now - at >= EVERY || now < *at);
        let taken: Vec<(ConversationId, Seq)> =
            self.waiting.iter().filter(|(id, _)| due(id)).map(|(id, seq)| (*id, *seq)).collect();
        for (id, _) in &taken {
            self.waiting.remove(id);
            told.insert(*id, now);
        }
        taken
    }

    /// Puts back a marker that could not be sent.
    pub(crate) fn put_back(&mut self, id: ConversationId, seq: Seq) {
        self.read(id, seq, 0.0);
        self.told.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: ConversationId = ConversationId(5);

    #[test]
    fn the_first_is_told_at_once_and_the_last_in_the_end() {
        let mut markers = Markers::default();
        assert_eq!(markers.read(ROOM, 1, 10_000.0), 0.0);
        assert_eq!(markers.take(10_000.0, false), [(ROOM, 1)]);
        // Fifty a second: one marker covers all that arrive within a second.
        for step in 1..50 {
            let now = 10_000.0 + f64::from(step) * 20.0;
            assert_eq!(markers.read(ROOM, 1 + Seq::from(step), now), 11_000.0 - now);
            assert_eq!(markers.take(now, false), []);
        }
        assert_eq!(markers.take(11_000.0, false), [(ROOM, 50)]);
        assert_eq!(markers.take(12_000.0, false), []);
    }

    #[test]
    fn what_waits_is_told_when_one_leaves_and_again_when_it_was_not_heard() {
        let mut markers = Markers::default();
        markers.read(ROOM, 1, 10_000.0);
        markers.take(10_000.0, false);
        markers.read(ROOM, 9, 10_100.0);
        assert_eq!(markers.take(10_200.0, true), [(ROOM, 9)]);
        markers.put_back(ROOM, 9);
        assert_eq!(markers.take(10_300.0, false), [(ROOM, 9)]);
    }
}
