//! The reader's scroll position in a timeline, as numbers: what the browser reports, and how far to scroll.
//!
//! Invariant: whatever changes size, above, below or around, either the end stays in view (if it was) or the anchor row
//! keeps its place in the viewport. Scrolling by the reader in the meantime is respected.

use parlour_protocol::ids::Seq;

/// A scroll anchor: a message, and how far its top is below the viewport's top, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Anchor {
    pub(crate) seq: Seq,
    pub(crate) offset: f64,
}

/// The sizes of a scroll view, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Geometry {
    /// The scroll position.
    pub(crate) top: f64,
    /// The height of the content.
    pub(crate) content: f64,
    /// The height of the viewport.
    pub(crate) view: f64,
}

impl Geometry {
    /// The distance from the viewport's bottom to the end of the content.
    pub(crate) fn below(&self) -> f64 {
        self.content - self.view - self.top
    }

    fn same_shape(&self, other: &Self) -> bool {
        self.content == other.content && self.view == other.view
    }
}

/// The scrolling that keeps the position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Move {
    /// None.
    Stay,
    /// To the end.
    End,
    /// By this many pixels.
    By(f64),
}

/// The reader's position.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spot {
    anchor: Option<Anchor>,
    seen: Geometry,
}

impl Spot {
    /// The anchor row.
    pub(crate) fn anchor(&self) -> Option<Anchor> {
        self.anchor
    }

    /// Whether sizes have changed since they were last noted, so that the position must be restored before the scroll
    /// position says anything about the reader.
    pub(crate) fn shifted(&self, now: &Geometry) -> bool {
        !self.seen.same_shape(now)
    }

    /// Notes the reader's position, after they scrolled or the view was scrolled for them.
    pub(crate) fn note(&mut self, now: Geometry, first: impl FnOnce() -> Option<Anchor>) {
        // Without scrolling, the stored offset is more precise than a new measurement: rounding errors do not
        // accumulate.
        if self.anchor.is_none() || now.top != self.seen.top || self.shifted(&now) {
            self.anchor = first();
        }
        self.seen = now;
    }

    /// Forgets the position before jumping to another one.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Returns the scrolling that keeps the position after sizes may have changed. `row` returns how far below the
    /// viewport's top a row is now.
    pub(crate) fn hold(&mut self, at_end: bool, now: Geometry, row: impl Fn(Seq) -> Option<f64>) -> Move {
        let scrolled = self.scrolled(now);
        if at_end && scrolled > -2.0 {
            return Move::End;
        }
        let Some(anchor) = self.anchor.as_mut() else { return Move::Stay };
        anchor.offset -= scrolled;
        row(anchor.seq).map_or(Move::Stay, |at| Move::By(at - anchor.offset))
    }

    /// Notes the result of that scrolling as the reader's position.
    pub(crate) fn held(
        &mut self,
        now: Geometry,
        row: impl Fn(Seq) -> Option<f64>,
        first: impl Fn() -> Option<Anchor>,
    ) {
        self.seen = now;
        let Some(anchor) = self.anchor else {
            self.anchor = first();
            return;
        };
        // At the edges a view cannot be scrolled far enough; then a new anchor is chosen.
        if row(anchor.seq).is_none_or(|at| (at - anchor.offset).abs() > 1.0) {
            self.anchor = first();
        }
    }

    /// How far the reader has scrolled since the sizes were noted. The browser's clamping of a view at the end of
    /// shrunken content does not count.
    fn scrolled(&self, now: Geometry) -> f64 {
        let lowest = (now.content - now.view).max(0.0);
        if self.seen.top > lowest && now.top >= lowest - 1.0 { 0.0 } else { now.top - self.seen.top }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows with fractional heights, in a view that rounds as browsers do.
    struct Page {
        rows: Vec<(Seq, f64)>,
        top: f64,
        view: f64,
    }

    impl Page {
        fn content(&self) -> f64 {
            self.rows.iter().map(|(_, height)| height).sum()
        }

        fn geometry(&self) -> Geometry {
            Geometry { top: self.top, content: self.content().round(), view: self.view }
        }

        fn scroll(&mut self, by: f64) {
            self.top = (self.top + by).round().clamp(0.0, (self.content().round() - self.view).max(0.0));
        }

        fn at(&self, seq: Seq) -> Option<f64> {
            let mut above = 0.0;
            for (one, height) in &self.rows {
                if *one == seq {
                    return Some(above - self.top);
                }
                above += height;
            }
            None
        }

        fn first(&self) -> Option<Anchor> {
            let all =
                self.rows.iter().filter_map(|(seq, _)| Some(Anchor { seq: *seq, offset: self.at(*seq)? }));
            all.into_iter().find(|one| one.offset >= -1.0)
        }

        fn keep(&mut self, place: &mut Spot, at_end: bool) {
            let now = self.geometry();
            match place.hold(at_end, now, |seq| self.at(seq)) {
                Move::Stay => {}
                Move::End => self.scroll(f64::MAX),
                Move::By(by) => self.scroll(by),
            }
            place.held(self.geometry(), |seq| self.at(seq), || self.first());
        }
    }

    /// Any history of rows that grow, shrink, appear and disappear, of viewport changes, and of scrolling in between:
    /// the anchor row moves by what was scrolled, plus at most two pixels.
    #[test]
    fn the_row_under_the_eye_stays_whatever_changes_around_it() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut chance = move |below: u64| random.u64(..below);
        for _ in 0..300 {
            let rows = (0..120).map(|seq| (seq + 1000, 20.0 + chance(9000) as f64 / 100.0)).collect();
            let mut page = Page { rows, top: 0.0, view: 700.0 };
            page.scroll(1500.0 + chance(2000) as f64);
            let mut place = Spot::default();
            place.note(page.geometry(), || page.first());
            let mut eye = place.anchor().expect("a row is in view");
            for step in 0..60 {
                let mut scrolled = 0.0;
                let count = page.rows.len() as u64;
                match chance(6) {
                    // A reaction, an edit or a picture, anywhere.
                    0 | 1 => page.rows[chance(count) as usize].1 = 18.0 + chance(30_000) as f64 / 100.0,
                    2 => {
                        let first = page.rows[0].0;
                        page.rows.insert(0, (first - 1, 33.3));
                    }
                    3 => page.rows.push((2000 + step, 41.7)),
                    4 => page.view = 500.0 + chance(300) as f64,
                    _ => {}
                }
                if chance(3) == 0 {
                    // The reader scrolls in the same frame.
                    let before = page.top;
                    page.scroll(chance(400) as f64 - 200.0);
                    scrolled = page.top - before;
                }
                page.keep(&mut place, false);
                let expected = eye.offset - scrolled;
                let edge = page.top == 0.0 || page.geometry().below() < 1.0;
                let at = page.at(eye.seq).expect("rows under the eye are not taken away");
                assert!(
                    edge || (at - expected).abs() <= 2.0,
                    "row {} is at {at}, not at {expected}",
                    eye.seq
                );
                place.note(page.geometry(), || page.first());
                if edge || chance(8) == 0 {
                    // The reader jumps elsewhere.
                    page.top = 1500.0;
                    page.scroll(chance(900) as f64);
                    place.forget();
                    place.note(page.geometry(), || page.first());
                    eye = place.anchor().expect("a row is in view");
                } else {
                    eye.offset = expected;
                }
            }
        }
    }

    #[test]
    fn the_end_stays_in_view_when_it_was() {
        let mut page = Page { rows: (1..50).map(|seq| (seq, 30.0)).collect(), top: 0.0, view: 600.0 };
        page.scroll(f64::MAX);
        let mut place = Spot::default();
        place.note(page.geometry(), || page.first());
        for (row, height, view) in [(48, 200.0, 600.0), (2, 90.0, 600.0), (48, 30.0, 380.0), (3, 10.0, 600.0)]
        {
            page.rows[row].1 = height;
            page.view = view;
            // A browser clamps a view at the end of its content before any handler runs.
            page.scroll(0.0);
            page.keep(&mut place, true);
            assert!(page.geometry().below() < 1.0);
        }
        // A reader who scrolls up at the same moment leaves the end.
        page.rows[48].1 = 300.0;
        page.scroll(-120.0);
        let before = place.anchor().expect("a row is in view").offset;
        page.keep(&mut place, true);
        assert!(page.geometry().below() > 100.0);
        assert!((place.anchor().expect("a row is in view").offset - before - 120.0).abs() < 2.0);
    }
}
