//! Recognizes touch gestures on a message: tap, long press, swipe, or a scroll that belongs to the browser.
//!
//! Invariant: one touch is one gesture, and applies to the message that was under the finger when it went down.

/// Duration of a long press, in milliseconds.
pub(crate) const HOLD_MS: u64 = 450;
/// A finger that moves less than this counts as resting, in pixels.
const SLOP: f64 = 10.0;
/// Minimum length of a swipe to reply, in pixels.
const REPLY: f64 = 56.0;
/// Maximum distance a row follows the finger, in pixels.
const FARTHEST: f64 = 76.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// No finger is down, or the touch is something else.
    #[default]
    Idle,
    /// The finger is down and has not moved.
    Resting,
    /// The finger is swiping the row.
    Swiping,
}

/// The gesture that ended when the finger was lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifted {
    /// A tap.
    Tap,
    /// A swipe long enough to reply.
    Reply,
    /// No gesture.
    Nothing,
}

/// The state of one finger.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Finger {
    state: State,
    from: (f64, f64),
    /// How far the row has been moved, in pixels.
    drawn: f64,
    /// Direction of a swipe: 1 right, -1 left, 0 if swiping is disabled.
    toward: f64,
}

impl Finger {
    /// The finger goes down. `toward` is the direction of a swipe: 1 right, -1 left, 0 if swiping is disabled.
    pub(crate) fn down(&mut self, at: (f64, f64), toward: f64) {
        *self = Self { state: State::Resting, from: at, drawn: 0.0, toward };
    }

    /// The finger moves. Returns the row's offset in pixels while swiping.
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

    /// Whether lifting the finger now would reply.
    pub(crate) fn replies(&self) -> bool {
        self.state == State::Swiping && self.drawn >= REPLY - SLOP
    }

    /// The finger has been down for [`HOLD_MS`]. Returns whether this is a long press.
    pub(crate) fn held(&mut self) -> bool {
        std::mem::take(&mut self.state) == State::Resting
    }

    /// The finger is lifted.
    pub(crate) fn up(&mut self) -> Lifted {
        let lifted = match self.state {
            State::Resting => Lifted::Tap,
            State::Swiping if self.replies() => Lifted::Reply,
            _ => Lifted::Nothing,
        };
        self.state = State::Idle;
        lifted
    }

    /// The browser has taken over the touch to scroll.
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
