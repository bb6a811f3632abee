//! What a finger on a message means: a tap, a long press, a swipe, or something that is the browser's (scrolling).
//!
//! Invariant: one touch means one thing. What it means is about the message that was under the finger when it went down.

/// How long a finger rests for a long press, in milliseconds.
pub(crate) const HOLD_MS: u64 = 450;
/// A finger that moves less than this is at rest, in pixels.
const SLOP: f64 = 10.0;
/// A swipe at least this long is a reply, in pixels.
const REPLY: f64 = 56.0;
/// A row follows the finger as far as this, in pixels.
const FARTHEST: f64 = 76.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// No finger, or one whose touch means something else.
    #[default]
    Idle,
    /// It is down and has not moved.
    Resting,
    /// It draws the row along.
    Swiping,
}

/// What came of a finger that was lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifted {
    /// It had not moved.
    Tap,
    /// It had swiped far enough.
    Reply,
    /// Nothing.
    Nothing,
}

/// One finger.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Finger {
    state: State,
    from: (f64, f64),
    /// How far the row was drawn along.
    drawn: f64,
    /// 1 where a swipe goes to the right, -1 where it goes to the left, 0 where there is none.
    toward: f64,
}

impl Finger {
    /// It goes down. `toward` is the direction of a swipe: 1 right, -1 left, 0 where a swipe means nothing.
    pub(crate) fn down(&mut self, at: (f64, f64), toward: f64) {
        *self = Self { state: State::Resting, from: at, drawn: 0.0, toward };
    }

    /// It moves. Tells how far the row is drawn along, when it is.
    pub(crate) fn moved(&mut self, at: (f64, f64)) -> Option<f64> {
        let (x, y) = ((at.0 - self.from.0) * self.toward, (at.1 - self.from.1).abs());
        let far = (at.0 - self.from.0).abs().max(y) > SLOP;
        match self.state {
            State::Resting if far && x > 1.5 * y => self.state = State::Swiping,
            State::Resting if far => self.state = State::Idle,
            _ => {}
        }
        (self.state == State::Swiping).then(|| {
            self.drawn = (x - SLOP).clamp(0.0, FARTHEST);
            self.drawn * self.toward
        })
    }

    /// Whether lifting it now would be a reply.
    pub(crate) fn replies(&self) -> bool {
        self.state == State::Swiping && self.drawn >= REPLY - SLOP
    }

    /// It has rested for [`HOLD_MS`]. True when that is a long press.
    pub(crate) fn held(&mut self) -> bool {
        std::mem::take(&mut self.state) == State::Resting
    }

    /// It is lifted.
    pub(crate) fn up(&mut self) -> Lifted {
        let lifted = match self.state {
            State::Resting => Lifted::Tap,
            State::Swiping if self.replies() => Lifted::Reply,
            _ => Lifted::Nothing,
        };
        self.state = State::Idle;
        lifted
    }

    /// The browser has taken the touch, to scroll.
    pub(crate) fn cancel(&mut self) {
        self.state = State::Idle;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finger(toward: f64) -> Finger {
        let mut finger = Finger::default();
        finger.down((100.0, 100.0), toward);
        finger
    }

    #[test]
    fn a_finger_that_rests_taps_or_holds() {
        assert_eq!(finger(1.0).up(), Lifted::Tap);
        let mut held = finger(1.0);
        assert_eq!(held.moved((104.0, 97.0)), None);
        assert!(held.held());
        assert_eq!(held.up(), Lifted::Nothing, "a long press is no tap");
    }

    #[test]
    fn a_swipe_across_is_a_reply_and_one_that_turns_back_is_nothing() {
        let mut far = finger(1.0);
        assert_eq!(far.moved((130.0, 104.0)), Some(20.0));
        assert!(!far.replies());
        assert_eq!(far.moved((400.0, 120.0)), Some(FARTHEST));
        assert!(far.replies() && !far.held());
        far.down((100.0, 100.0), 1.0);
        far.moved((200.0, 100.0));
        assert_eq!(far.up(), Lifted::Reply);
        let mut back = finger(1.0);
        back.moved((200.0, 100.0));
        back.moved((105.0, 100.0));
        assert_eq!(back.up(), Lifted::Nothing);
    }

    #[test]
    fn other_ways_belong_to_the_browser() {
        for (toward, to) in
            [(1.0, (105.0, 130.0)), (1.0, (60.0, 100.0)), (-1.0, (160.0, 100.0)), (0.0, (180.0, 100.0))]
        {
            let mut finger = finger(toward);
            assert_eq!(finger.moved(to), None);
            assert!(!finger.held());
            assert_eq!(finger.up(), Lifted::Nothing);
        }
        let mut left = finger(-1.0);
        assert_eq!(left.moved((20.0, 100.0)), Some(-70.0));
        assert_eq!(left.up(), Lifted::Reply);
    }
}
