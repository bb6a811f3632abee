//! Computes the rows of the open conversation, day by day.
//!
//! Invariant: a day's signal changes only when its rows do, so that a new message updates only the last day.

use leptos::prelude::*;

use super::{OpenConversation, Stage};
use crate::browser;
use crate::state::rows::{DayKey, Frame, Row, by_day, rows};

impl OpenConversation {
    /// Computes the rows.
    pub(crate) fn draw(&self) {
        let Some(id) = self.id.get_untracked() else { return };
        self.note_edges();
        if self.stage.get_untracked() != Stage::Ready {
            return;
        }
        let pending = if self.newer.get_untracked() { Vec::new() } else { self.live.pending(id) };
        let frame = Frame {
            complete: !self.older.get_untracked(),
            read: self.read.get_value(),
            me: self.session.me(),
            now: browser::now(),
        };
        let made = self.timeline.with_value(|timeline| {
            rows(timeline.pieces(), pending.iter().map(String::as_str), frame, browser::local_time)
        });
        self.messages.update_value(|messages| {
            self.timeline.with_value(|timeline| messages.retain(|seq, _| timeline.get(*seq).is_some()));
        });
        self.show(made);
    }

    fn show(&self, made: Vec<Row>) {
        let days = by_day(made);
        let keys: Vec<DayKey> = days.iter().map(|(key, _)| *key).collect();
        let mut changed = self.days.with_untracked(|before| *before != keys);
        for (key, rows) in days {
            match self.day_rows.with_value(|all| all.get(&key).cloned()) {
                Some(signal) if signal.with_untracked(|before| *before == rows) => {}
                Some(signal) => {
                    changed = true;
                    signal.set(rows);
                }
                None => {
                    changed = true;
                    self.day_rows.update_value(|all| {
                        all.insert(key, ArcRwSignal::new(rows));
                    });
                }
            }
        }
        self.day_rows.update_value(|all| all.retain(|key, _| keys.contains(key)));
        if self.days.with_untracked(|before| *before != keys) {
            self.days.set(keys);
        }
        if changed {
            self.drawn.update(|drawn| *drawn += 1);
        }
    }

    /// The rows of a displayed day.
    pub(crate) fn rows_of(&self, key: DayKey) -> ArcRwSignal<Vec<Row>> {
        self.day_rows.with_value(|all| all.get(&key).cloned()).unwrap_or_default()
    }
}
