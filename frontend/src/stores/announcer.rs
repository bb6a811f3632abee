//! Screen reader announcements: new messages, failures, the connection lost and restored.
//!
//! Invariant: every announcement goes through [`Announcer::say`]; `state/announcing.rs` decides what is combined and when
//! it is spoken.

use std::time::Duration;

use leptos::prelude::*;

use crate::browser;
use crate::state::announcing::{Announcements, Said};

/// The first announcement of a burst waits this long for more, in milliseconds.
const GATHERS: f64 = 300.0;
/// Number of sentences kept in the live region, for screen readers that are slow to read them.
const KEPT: usize = 4;

/// The latest announcements and the pending ones; a cheap handle.
#[derive(Clone, Copy)]
pub(crate) struct Announcer {
    waiting: StoredValue<Announcements>,
    /// Each sentence has a unique number.
    pub(crate) said: RwSignal<Vec<(u64, String)>>,
}

impl Announcer {
    /// An announcer without announcements.
    pub(crate) fn new() -> Self {
        Self { waiting: StoredValue::new(Announcements::default()), said: RwSignal::new(Vec::new()) }
    }

    /// Clears everything.
    pub(crate) fn clear(&self) {
        self.waiting.set_value(Announcements::default());
        self.said.set(Vec::new());
    }

    /// Announces something, either soon or combined with whatever else comes within a second.
    pub(crate) fn say(&self, said: Said) {
        let wait = self.waiting.try_update_value(|waiting| waiting.add(said, browser::now_ms()));
        let announcer = *self;
        if let Some(wait) = wait {
            set_timeout(move || announcer.tell(), Duration::from_millis(wait.max(GATHERS) as u64 + 1));
        }
    }

    fn tell(&self) {
        let sentence = self.waiting.try_update_value(|waiting| waiting.take(browser::now_ms())).flatten();
        if let Some(sentence) = sentence {
            self.said.update(|said| {
                let number = said.last().map_or(0, |(number, _)| number + 1);
                said.push((number, sentence));
                if said.len() > KEPT {
                    said.remove(0);
                }
            });
        }
    }
}
