//! Short messages at the edge of the screen.

/// At most this many are shown at the same time.
const MOST: usize = 3;

/// A short message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Toast {
    /// Unique id, the key in the list.
    pub(crate) id: u64,
    /// The message.
    pub(crate) text: String,
    /// Whether it reports a failure.
    pub(crate) bad: bool,
}

/// The messages that are shown, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Toasts {
    shown: Vec<Toast>,
    next: u64,
}

impl Toasts {
    /// The messages that are shown.
    pub(crate) fn shown(&self) -> &[Toast] {
        &self.shown
    }

    /// Adds a message; too many push out the oldest one. Returns its id.
    pub(crate) fn add(&mut self, text: String, bad: bool) -> u64 {
        let id = self.next;
        self.next += 1;
        self.shown.push(Toast { id, text, bad });
        if self.shown.len() > MOST {
            self.shown.remove(0);
        }
        id
    }

    /// Removes a message. Returns whether it was shown.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.shown.len();
        self.shown.retain(|one| one.id != id);
        self.shown.len() != before
    }

    /// Removes all messages. Later ones get other ids.
    pub(crate) fn clear(&mut self) {
        self.shown.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_shown_and_ids_are_never_used_again() {
        let mut toasts = Toasts::default();
        let ids: Vec<u64> = (0..4).map(|_| toasts.add("Saved.".into(), false)).collect();
        assert_eq!(toasts.shown().iter().map(|one| one.id).collect::<Vec<_>>(), ids[1..]);
        assert!(!toasts.remove(ids[0]) && toasts.remove(ids[1]));
        toasts.clear();
        assert!(!ids.contains(&toasts.add("Saved.".into(), false)));
        assert_eq!(toasts.shown().len(), 1);
    }
}
