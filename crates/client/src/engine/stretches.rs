//! Which parts of a log are loaded: ranges of positions without holes.
//!
//! Invariant: the ranges are sorted and neither overlap nor touch; between any two of them something is missing.

use parlour_protocol::ids::Seq;

/// A range of a log, both ends inclusive. Position 0 is before the first event: a range that starts at 0 includes the
/// log's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Its first position.
    pub from: Seq,
    /// Its last position.
    pub to: Seq,
}

/// The loaded ranges of one log; see the module's invariant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stretches(Vec<Stretch>);

impl Stretches {
    /// Adds a range and merges it with those it overlaps or touches. An empty range (`from > to`) is ignored.
    pub fn add(&mut self, mut from: Seq, mut to: Seq) {
        if from > to {
            return;
        }
        self.0.retain(|one| {
            let apart = one.to + 1 < from || to + 1 < one.from;
            if !apart {
                from = from.min(one.from);
                to = to.max(one.to);
            }
            apart
        });
        let at = self.0.partition_point(|one| one.from < from);
        self.0.insert(at, Stretch { from, to });
    }

    /// Adds the position of an event if it continues a range. Returns whether it did.
    pub fn extend(&mut self, seq: Seq) -> bool {
        let continues = self.0.iter().any(|one| one.to + 1 == seq);
        if continues {
            self.add(seq, seq);
        }
        continues
    }

    /// Whether a position is loaded.
    pub fn holds(&self, seq: Seq) -> bool {
        self.of(seq).is_some()
    }

    /// The range that contains a position.
    pub fn of(&self, seq: Seq) -> Option<Stretch> {
        self.iter().find(|one| (one.from..=one.to).contains(&seq))
    }

    /// The oldest range.
    pub fn first(&self) -> Option<Stretch> {
        self.0.first().copied()
    }

    /// The newest range.
    pub fn last(&self) -> Option<Stretch> {
        self.0.last().copied()
    }

    /// All ranges, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Stretch> + '_ {
        self.0.iter().copied()
    }

    /// Drops everything before a position.
    pub fn cut_before(&mut self, seq: Seq) {
        self.0.retain(|one| one.to >= seq);
        if let Some(first) = self.0.first_mut() {
            first.from = first.from.max(seq);
        }
    }

    /// Drops everything after a position.
    pub fn cut_after(&mut self, seq: Seq) {
        self.0.retain(|one| one.from <= seq);
        if let Some(last) = self.0.last_mut() {
            last.to = last.to.min(seq);
        }
    }

    /// Drops all ranges.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(all: &[(Seq, Seq)]) -> Stretches {
        let mut stretches = Stretches::default();
        all.iter().for_each(|(from, to)| stretches.add(*from, *to));
        stretches
    }

    #[test]
    fn stretches_that_touch_become_one() {
        assert_eq!(made(&[(10, 20), (30, 40), (21, 29)]), made(&[(10, 40)]));
        assert_eq!(made(&[(30, 40), (10, 20)]), made(&[(10, 20), (30, 40)]));
        assert_eq!(made(&[(10, 20), (15, 17), (5, 10)]), made(&[(5, 20)]));
        assert_eq!(made(&[(7, 6)]), Stretches::default());
    }

    #[test]
    fn an_event_continues_a_stretch_or_none() {
        let mut stretches = made(&[(10, 20), (22, 30)]);
        assert!(!stretches.extend(32));
        assert!(stretches.extend(31));
        assert!(stretches.extend(21));
        assert_eq!(stretches, made(&[(10, 31)]));
        assert!(!Stretches::default().extend(1));
    }

    #[test]
    fn what_is_cut_off_is_not_held() {
        let mut stretches = made(&[(0, 20), (22, 30), (40, 50)]);
        stretches.cut_before(25);
        stretches.cut_after(44);
        assert_eq!(stretches, made(&[(25, 30), (40, 44)]));
        assert!(stretches.holds(25) && !stretches.holds(24) && !stretches.holds(35));
    }
}
