//! The conversation that is open: its loaded messages, its rows, and how far one has come.
//!
//! Invariant: the rows are made from the timeline alone (and from what is on its way), after every change.
//! A message's own signal changes only when that message does.

use std::collections::BTreeMap;
use std::time::Duration;

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
    /// Messages that others answer, wherever they stand in the log: they follow it as long as the conversation is open,
    /// also while they are not among the loaded ones.
    answered: StoredValue<Timeline>,
    quotes: StoredValue<Vec<(Seq, ArcRwSignal<Option<Message>>)>>,
    /// Quoted messages that are not known yet, and not asked for.
    wanted: StoredValue<Vec<Seq>>,
    /// Whether older messages exist that are not loaded.
    pub(crate) older: RwSignal<bool>,
    /// Whether newer messages exist that are not loaded.
    pub(crate) newer: RwSignal<bool>,
    /// What had been read when the conversation was opened.
    pub(crate) read: StoredValue<Option<Seq>>,
    /// Messages that came while one was reading further up.
    pub(crate) fresh: RwSignal<Vec<Seq>>,
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
            answered: StoredValue::new(Timeline::default()),
            quotes: StoredValue::new(Vec::new()),
            wanted: StoredValue::new(Vec::new()),
            older: RwSignal::new(false),
            newer: RwSignal::new(false),
            read: StoredValue::new(None),
            fresh: RwSignal::new(Vec::new()),
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
        self.answered.update_value(|answered| answered.set_detached(true));
        self.id.set(Some(id));
    }

    /// Nothing is open any more.
    pub(crate) fn close(&self) {
        self.id.set(None);
        self.stage.set(Stage::Loading);
        self.rows.set(Vec::new());
        self.timeline.update_value(Timeline::clear);
        self.messages.update_value(BTreeMap::clear);
        self.answered.update_value(Timeline::clear);
        self.quotes.update_value(Vec::clear);
        self.wanted.update_value(Vec::clear);
        self.older.set(false);
        self.newer.set(false);
        self.fresh.set(Vec::new());
        self.at_bottom.set(true);
    }

    /// Shows a page in the place of everything that was there.
    pub(crate) fn replace(&self, page: MessagePage, live: Live, me: UserId) {
        self.quote(&page);
        self.timeline.update_value(|timeline| {
            timeline.clear();
            timeline.set_detached(page.newer);
            timeline.add_page_at(page.items, page.head);
        });
        self.messages.update_value(BTreeMap::clear);
        self.older.set(page.older);
        self.newer.set(page.newer);
        self.fresh.set(Vec::new());
        self.stage.set(Stage::Ready);
        self.draw(live, me);
        self.generation.update(|generation| *generation += 1);
    }

    /// Adds older messages, and lets go of the newest ones when there are many.
    pub(crate) fn prepend(&self, page: MessagePage, live: Live, me: UserId) {
        self.quote(&page);
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
        self.quote(&page);
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
            self.fresh.set(Vec::new());
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

    /// Shows a change whose event is on its way; applying that one later changes nothing.
    pub(crate) fn anticipate(&self, event: &Event) {
        if let Some(seq) = self.timeline.try_update_value(|timeline| timeline.anticipate(event)).flatten() {
            self.refresh(&[seq]);
        }
        if let Some(seq) = self.answered.try_update_value(|answered| answered.anticipate(event)).flatten() {
            self.refresh_quote(seq);
        }
    }

    /// Applies an event. `counts` says whose messages are news.
    pub(crate) fn apply(&self, event: &Event, live: Live, me: UserId, counts: impl Fn(UserId) -> bool) {
        self.change_quotes(event);
        let touched = self.timeline.try_update_value(|timeline| timeline.apply(event)).flatten();
        match &event.change {
            Change::MessageCreated { author, .. } => {
                if counts(*author) && (!self.at_bottom.get_untracked() || self.newer.get_untracked()) {
                    self.fresh.update(|fresh| fresh.push(event.seq));
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
            change => {
                if let Change::MessageDeleted { target, .. } = change {
                    self.fresh.maybe_update(|fresh| {
                        let before = fresh.len();
                        fresh.retain(|seq| seq != target);
                        fresh.len() != before
                    });
                }
                if let Some(seq) = touched {
                    self.refresh(&[seq]);
                }
            }
        }
    }

    /// A message that another one answers, as soon as it is known; follows its changes. `ask` is called with those
    /// that are to be read from the server, for all rows of a page at once.
    pub(crate) fn quoted(
        &self,
        seq: Seq,
        ask: impl FnOnce(Vec<Seq>) + 'static,
    ) -> ArcRwSignal<Option<Message>> {
        if let Some(signal) = self.quote_of(seq) {
            return signal;
        }
        let loaded = self.timeline.with_value(|timeline| timeline.get(seq).cloned());
        let signal = ArcRwSignal::new(loaded.clone());
        self.quotes.update_value(|quotes| {
            quotes.push((seq, signal.clone()));
        });
        match loaded {
            Some(message) => self.answered.update_value(|answered| answered.add(message)),
            None => {
                let first = self.wanted.try_update_value(|wanted| {
                    wanted.push(seq);
                    wanted.len() == 1
                });
                if first == Some(true) {
                    let wanted = self.wanted;
                    let ask = move || {
                        let all = wanted.try_update_value(std::mem::take).unwrap_or_default();
                        if !all.is_empty() {
                            ask(all);
                        }
                    };
                    set_timeout(ask, Duration::from_millis(15));
                }
            }
        }
        signal
    }

    /// A page has come: perhaps messages that others answer are in it.
    pub(crate) fn quote(&self, page: &MessagePage) {
        let here: Vec<Message> = self.quotes.with_value(|quotes| {
            page.items
                .iter()
                .filter(|message| quotes.iter().any(|(seq, _)| *seq == message.seq))
                .cloned()
                .collect()
        });
        let seqs: Vec<Seq> = here.iter().map(|message| message.seq).collect();
        self.answered.update_value(|answered| answered.add_page_at(here, page.head));
        self.wanted.update_value(|wanted| wanted.retain(|seq| !seqs.contains(seq)));
        seqs.into_iter().for_each(|seq| self.refresh_quote(seq));
    }

    /// Quoted messages that nobody could tell about so far.
    pub(crate) fn unknown_quotes(&self) -> Vec<Seq> {
        let unknown = |signal: &ArcRwSignal<Option<Message>>| signal.with_untracked(Option::is_none);
        self.quotes.with_value(|quotes| {
            quotes.iter().filter(|(_, signal)| unknown(signal)).map(|(seq, _)| *seq).collect()
        })
    }

    fn quote_of(&self, seq: Seq) -> Option<ArcRwSignal<Option<Message>>> {
        self.quotes
            .with_value(|quotes| quotes.iter().find(|(one, _)| *one == seq).map(|(_, signal)| signal.clone()))
    }

    fn refresh_quote(&self, seq: Seq) {
        let Some(signal) = self.quote_of(seq) else { return };
        let message = self.answered.with_value(|answered| answered.get(seq).cloned());
        if message.is_some() && signal.with_untracked(|known| *known != message) {
            signal.set(message);
        }
    }

    fn change_quotes(&self, event: &Event) {
        match self.answered.try_update_value(|answered| answered.apply(event)).flatten() {
            Some(seq) => self.refresh_quote(seq),
            None if matches!(event.change, Change::AuthorErased { .. }) => {
                let all: Vec<Seq> =
                    self.quotes.with_value(|quotes| quotes.iter().map(|(seq, _)| *seq).collect());
                all.into_iter().for_each(|seq| self.refresh_quote(seq));
            }
            None => {}
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

    /// Whether a message is among the loaded ones.
    pub(crate) fn holds(&self, seq: Seq) -> bool {
        self.timeline.with_value(|timeline| timeline.get(seq).is_some())
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
