//! The conversation that is open: its loaded messages, its rows, and how far one has come.
//!
//! Invariant: the rows are made from the timeline alone (and from what is on its way), after every change.
//! A message's own signal changes only when that message does.

use std::collections::BTreeMap;

use leptos::prelude::*;
use parlour_client::engine::Timeline;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::{Message, MessagePage};
use parlour_protocol::socket::{Change, Event};

use crate::api::http::Failure;
use crate::browser;
use crate::live::Live;
use crate::state::rows::{Frame, Row, rows};

/// Most messages that are kept in the page: about six screens on each side of what is seen.
const KEEP: usize = 240;

/// How the open conversation stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stage {
    /// Nothing is there yet.
    Loading,
    /// Messages are there.
    Ready,
    /// They cannot be had.
    Failed(Failure),
}

/// The open conversation; a handle, cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct OpenChat {
    pub(crate) id: RwSignal<Option<ConversationId>>,
    pub(crate) stage: RwSignal<Stage>,
    pub(crate) rows: RwSignal<Vec<Row>>,
    timeline: StoredValue<Timeline>,
    messages: StoredValue<BTreeMap<Seq, ArcRwSignal<Message>>>,
    /// Whether older messages exist that are not loaded.
    pub(crate) older: RwSignal<bool>,
    /// Whether newer messages exist that are not loaded.
    pub(crate) newer: RwSignal<bool>,
    /// What had been read when the conversation was opened.
    pub(crate) read: StoredValue<Option<Seq>>,
    /// Messages that came while one was reading further up.
    pub(crate) fresh: RwSignal<usize>,
    /// Whether the end is in view.
    pub(crate) at_bottom: RwSignal<bool>,
    /// Changes when the messages were loaded anew, and the place has to be found again.
    pub(crate) generation: RwSignal<u64>,
}

impl OpenChat {
    /// Nothing is open.
    pub(crate) fn new() -> Self {
        Self {
            id: RwSignal::new(None),
            stage: RwSignal::new(Stage::Loading),
            rows: RwSignal::new(Vec::new()),
            timeline: StoredValue::new(Timeline::default()),
            messages: StoredValue::new(BTreeMap::new()),
            older: RwSignal::new(false),
            newer: RwSignal::new(false),
            read: StoredValue::new(None),
            fresh: RwSignal::new(0),
            at_bottom: RwSignal::new(true),
            generation: RwSignal::new(0),
        }
    }

    /// Whether this conversation is the open one.
    pub(crate) fn is(&self, id: ConversationId) -> bool {
        self.id.get_untracked() == Some(id)
    }

    /// Opens a conversation, of which nothing is loaded yet.
    pub(crate) fn begin(&self, id: ConversationId, read: Option<Seq>) {
        self.close();
        self.read.set_value(read);
        self.id.set(Some(id));
    }

    /// Nothing is open any more.
    pub(crate) fn close(&self) {
        self.id.set(None);
        self.stage.set(Stage::Loading);
        self.rows.set(Vec::new());
        self.timeline.update_value(Timeline::clear);
        self.messages.update_value(BTreeMap::clear);
        self.older.set(false);
        self.newer.set(false);
        self.fresh.set(0);
        self.at_bottom.set(true);
    }

    /// Shows a page in the place of everything that was there.
    pub(crate) fn replace(&self, page: MessagePage, live: Live, me: UserId) {
        self.timeline.update_value(|timeline| {
            timeline.clear();
            timeline.set_detached(page.newer);
            timeline.add_page_at(page.items, page.head);
        });
        self.messages.update_value(BTreeMap::clear);
        self.older.set(page.older);
        self.newer.set(page.newer);
        self.fresh.set(0);
        self.stage.set(Stage::Ready);
        self.draw(live, me);
        self.generation.update(|generation| *generation += 1);
    }

    /// Adds older messages, and lets go of the newest ones when there are many.
    pub(crate) fn prepend(&self, page: MessagePage, live: Live, me: UserId) {
        let touched: Vec<Seq> = page.items.iter().map(|message| message.seq).collect();
        let detached = self.timeline.try_update_value(|timeline| {
            timeline.add_page_at(page.items, page.head);
            timeline.trim_newest(KEEP);
            timeline.detached()
        });
        self.older.set(page.older);
        self.newer.set(detached.unwrap_or(false));
        self.refresh(&touched);
        self.draw(live, me);
    }

    /// Adds newer messages, and lets go of the oldest ones when there are many.
    pub(crate) fn append(&self, page: MessagePage, live: Live, me: UserId) {
        let touched: Vec<Seq> = page.items.iter().map(|message| message.seq).collect();
        let trimmed = self.timeline.try_update_value(|timeline| {
            timeline.add_page_at(page.items, page.head);
            timeline.set_detached(page.newer);
            timeline.trim_oldest(KEEP)
        });
        if trimmed == Some(true) {
            self.older.set(true);
        }
        self.newer.set(page.newer);
        if !page.newer {
            self.fresh.set(0);
        }
        self.refresh(&touched);
        self.draw(live, me);
    }

    /// Adds an own message that was just stored.
    pub(crate) fn stored(&self, message: Message, live: Live, me: UserId) {
        if !self.newer.get_untracked() {
            self.timeline.update_value(|timeline| timeline.add(message));
        }
        self.draw(live, me);
    }

    /// Applies an event.
    pub(crate) fn apply(&self, event: &Event, live: Live, me: UserId) {
        let touched = self.timeline.try_update_value(|timeline| timeline.apply(event)).flatten();
        match &event.change {
            Change::MessageCreated { author, .. } => {
                if *author != me && (!self.at_bottom.get_untracked() || self.newer.get_untracked()) {
                    self.fresh.update(|fresh| *fresh += 1);
                }
                if let Some(seq) = touched {
                    self.refresh(&[seq]);
                }
                let following = self.at_bottom.get_untracked() && !self.newer.get_untracked();
                if following
                    && self.timeline.try_update_value(|timeline| timeline.trim_oldest(KEEP)) == Some(true)
                {
                    self.older.set(true);
                }
                self.draw(live, me);
            }
            _ => {
                if let Some(seq) = touched {
                    self.refresh(&[seq]);
                }
            }
        }
    }

    /// The end of the log is further than what is loaded: new messages will not be added at the end.
    pub(crate) fn detach(&self) {
        self.timeline.update_value(|timeline| timeline.set_detached(true));
        self.newer.set(true);
    }

    fn refresh(&self, seqs: &[Seq]) {
        for seq in seqs {
            let signal = self.messages.with_value(|messages| messages.get(seq).cloned());
            let message = self.timeline.with_value(|timeline| timeline.get(*seq).cloned());
            if let (Some(signal), Some(message)) = (signal, message)
                && signal.with_untracked(|known| *known != message)
            {
                signal.set(message);
            }
        }
    }

    /// Makes the rows anew.
    pub(crate) fn draw(&self, live: Live, me: UserId) {
        let Some(id) = self.id.get_untracked() else { return };
        let newer = self.newer.get_untracked();
        let pending = if newer { Vec::new() } else { live.pending(id) };
        let frame = Frame {
            complete: !self.older.get_untracked(),
            read: self.read.get_value(),
            me,
            now: browser::now(),
        };
        let made = self.timeline.with_value(|timeline| {
            rows(timeline.iter(), pending.iter().map(String::as_str), frame, browser::local_time)
        });
        self.messages.update_value(|messages| {
            let (oldest, newest) = self
                .timeline
                .with_value(|timeline| (timeline.oldest().unwrap_or(0), timeline.newest().unwrap_or(0)));
            messages.retain(|seq, _| (oldest..=newest).contains(seq));
        });
        if self.rows.with_untracked(|rows| *rows != made) {
            self.rows.set(made);
        }
    }

    /// The signal of a message, if it is loaded.
    pub(crate) fn message(&self, seq: Seq) -> Option<ArcRwSignal<Message>> {
        if let Some(signal) = self.messages.with_value(|messages| messages.get(&seq).cloned()) {
            return Some(signal);
        }
        let message = self.timeline.with_value(|timeline| timeline.get(seq).cloned())?;
        let signal = ArcRwSignal::new(message);
        self.messages.update_value(|messages| {
            messages.insert(seq, signal.clone());
        });
        Some(signal)
    }

    /// Positions of the oldest and the newest loaded message.
    pub(crate) fn bounds(&self) -> Option<(Seq, Seq)> {
        self.timeline.with_value(|timeline| Some((timeline.oldest()?, timeline.newest()?)))
    }

    /// The newest own message that can still be changed.
    pub(crate) fn last_own(&self, me: UserId) -> Option<Message> {
        self.timeline.with_value(|timeline| {
            timeline.iter().rev().find(|message| message.author == me && message.body.is_some()).cloned()
        })
    }
}
