//! The conversation that is open: its loaded messages, its rows, and how far one has come.
//!
//! Invariant: the rows are made from the timeline alone (and from what is on its way), after every change. What is not
//! loaded is a gap in it, never its beginning or its end. A message's own signal changes only when that message does.

mod drawing;
mod quotes;

use std::collections::BTreeMap;

use leptos::prelude::*;
use parlour_client::engine::{Part, Timeline};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::{Message, MessagePage};
use parlour_protocol::socket::{Change, Event};

use crate::api::calls::Place;
use crate::api::http::Failure;
use crate::live::Live;
use crate::state::rows::{DayKey, Row};
use crate::state::spot::Anchor;

/// Most messages that are kept in the page: about six screens on each side of what is seen.
const KEEP: usize = 240;
/// Conversations whose messages are kept after one has left them.
const REMEMBERED: usize = 8;

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

/// Where in the conversation one wants to be once its messages are there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wish {
    /// Where one was before, where one stopped reading, or at the end.
    Resume,
    /// At a message.
    At(Seq),
    /// At the end.
    End,
    /// Exactly where one was.
    Back(Anchor),
}

/// What is kept of a conversation that one has left, to show it at once when one comes back.
struct Left {
    id: ConversationId,
    timeline: Timeline,
    /// How far its log had been followed.
    cursor: Seq,
}

/// The open conversation; a handle, cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct OpenChat {
    pub(crate) id: RwSignal<Option<ConversationId>>,
    pub(crate) stage: RwSignal<Stage>,
    /// The days that are shown, oldest first; [`Self::rows_of`] has their rows.
    pub(crate) days: RwSignal<Vec<DayKey>>,
    day_rows: StoredValue<BTreeMap<DayKey, ArcRwSignal<Vec<Row>>>>,
    /// Changes whenever the rows have.
    pub(crate) drawn: RwSignal<u64>,
    timeline: StoredValue<Timeline>,
    messages: StoredValue<BTreeMap<Seq, ArcRwSignal<Message>>>,
    answered: StoredValue<Timeline>,
    quotes: StoredValue<Vec<(Seq, ArcRwSignal<Option<Message>>)>>,
    /// Quoted messages that are not known yet, and not asked for.
    wanted: StoredValue<Vec<Seq>>,
    /// Whether older messages exist that are not loaded.
    pub(crate) older: RwSignal<bool>,
    /// Whether newer messages exist that are not loaded.
    pub(crate) newer: RwSignal<bool>,
    /// A room that was deleted while it was open.
    pub(crate) gone: RwSignal<Option<ConversationId>>,
    /// What had been read when the conversation was opened.
    pub(crate) read: StoredValue<Option<Seq>>,
    /// Messages that came while one was reading further up.
    pub(crate) fresh: RwSignal<Vec<Seq>>,
    /// Whether the end is in view.
    pub(crate) at_bottom: RwSignal<bool>,
    /// The message under the reader's eye. What is farthest from it goes when much is loaded.
    pub(crate) eye: StoredValue<Option<Anchor>>,
    /// Where one wants to be when [`Self::generation`] changes.
    pub(crate) wish: StoredValue<Wish>,
    /// Changes when other messages were loaded, and the place has to be found.
    pub(crate) generation: RwSignal<u64>,
    /// A page that could not be had, and where one wanted to be in it: it is asked for again when there is a connection.
    pub(crate) owed: StoredValue<Option<(Place, Wish)>>,
    left: StoredValue<Vec<Left>>,
}

impl OpenChat {
    /// Nothing is open.
    pub(crate) fn new() -> Self {
        Self {
            id: RwSignal::new(None),
            stage: RwSignal::new(Stage::Loading),
            days: RwSignal::new(Vec::new()),
            day_rows: StoredValue::new(BTreeMap::new()),
            drawn: RwSignal::new(0),
            timeline: StoredValue::new(Timeline::default()),
            messages: StoredValue::new(BTreeMap::new()),
            answered: StoredValue::new(Timeline::default()),
            quotes: StoredValue::new(Vec::new()),
            wanted: StoredValue::new(Vec::new()),
            older: RwSignal::new(false),
            newer: RwSignal::new(false),
            gone: RwSignal::new(None),
            read: StoredValue::new(None),
            fresh: RwSignal::new(Vec::new()),
            at_bottom: RwSignal::new(true),
            eye: StoredValue::new(None),
            wish: StoredValue::new(Wish::Resume),
            generation: RwSignal::new(0),
            owed: StoredValue::new(None),
            left: StoredValue::new(Vec::new()),
        }
    }

    /// Whether this conversation is the open one.
    pub(crate) fn is(&self, id: ConversationId) -> bool {
        self.id.get_untracked() == Some(id)
    }

    /// Opens a conversation. What was kept of it is shown at once, unless its log has gone on too far since; then its
    /// log is to be followed from the position that is returned.
    pub(crate) fn begin(
        &self,
        id: ConversationId,
        read: Option<Seq>,
        worth: impl Fn(Seq) -> bool,
        live: Live,
        me: UserId,
    ) -> Option<Seq> {
        self.close(live);
        self.read.set_value(read);
        self.id.set(Some(id));
        let left = self.left.try_update_value(|left| {
            let at = left.iter().position(|one| one.id == id)?;
            Some(left.remove(at))
        });
        let left = left.flatten().filter(|left| worth(left.cursor))?;
        self.timeline.set_value(left.timeline);
        self.stage.set(Stage::Ready);
        self.draw(live, me);
        self.arrive(Wish::Resume);
        Some(left.cursor)
    }

    /// Nothing is open any more. What was loaded is kept for a while.
    pub(crate) fn close(&self, live: Live) {
        let ready = self.stage.get_untracked() == Stage::Ready;
        let kept = self.id.get_untracked().filter(|_| ready).and_then(|id| Some((id, live.cursor(id)?)));
        if let Some((id, cursor)) = kept
            && let Some(timeline) = self.timeline.try_update_value(std::mem::take)
        {
            self.left.update_value(|left| {
                left.retain(|one| one.id != id);
                left.push(Left { id, timeline, cursor });
                if left.len() > REMEMBERED {
                    left.remove(0);
                }
            });
        }
        self.id.set(None);
        self.empty();
        self.answered.update_value(Timeline::clear);
        self.quotes.update_value(Vec::clear);
        self.wanted.update_value(Vec::clear);
        self.older.set(false);
        self.newer.set(false);
        self.fresh.set(Vec::new());
        self.at_bottom.set(true);
        self.eye.set_value(None);
        self.wish.set_value(Wish::Resume);
        self.owed.set_value(None);
    }

    fn empty(&self) {
        self.stage.set(Stage::Loading);
        self.days.set(Vec::new());
        self.day_rows.update_value(BTreeMap::clear);
        self.timeline.update_value(Timeline::clear);
        self.messages.update_value(BTreeMap::clear);
    }

    /// Nothing that is known of any conversation is true any more.
    pub(crate) fn start_over(&self) {
        self.empty();
        self.left.update_value(Vec::clear);
    }

    /// Keeps nothing of any conversation.
    pub(crate) fn forget(&self, live: Live) {
        self.close(live);
        self.left.update_value(Vec::clear);
    }

    /// Goes to a place among what is loaded.
    pub(crate) fn arrive(&self, wish: Wish) {
        self.wish.set_value(wish);
        self.generation.update(|generation| *generation += 1);
    }

    /// Shows a page in the place of everything that was there.
    pub(crate) fn replace(&self, page: MessagePage, part: Part, wish: Wish, live: Live, me: UserId) {
        self.quote(&page);
        self.timeline.update_value(|timeline| {
            timeline.clear();
            timeline.add_page(page, part);
        });
        self.messages.update_value(BTreeMap::clear);
        self.fresh.set(Vec::new());
        self.stage.set(Stage::Ready);
        self.draw(live, me);
        self.arrive(wish);
    }

    /// Adds a page to what is loaded. Where it does not touch that, a gap is between them.
    pub(crate) fn join(&self, page: MessagePage, part: Part, live: Live, me: UserId) {
        self.quote(&page);
        let touched: Vec<Seq> = page.items.iter().map(|message| message.seq).collect();
        self.timeline.update_value(|timeline| {
            timeline.add_page(page, part);
            self.trim(timeline);
        });
        self.refresh(&touched);
        self.draw(live, me);
        if !self.newer.get_untracked() && self.at_bottom.get_untracked() {
            self.fresh.set(Vec::new());
        }
    }

    /// Lets go of what is farthest from the reader when much is loaded.
    fn trim(&self, timeline: &mut Timeline) {
        match self.eye.get_value() {
            Some(eye) if !(self.at_bottom.get_untracked() && timeline.ends()) => {
                timeline.trim_around(eye.seq, KEEP);
            }
            _ => timeline.trim_oldest(KEEP),
        }
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
                self.timeline.update_value(|timeline| self.trim(timeline));
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
                if let Change::AuthorErased { .. } = change {
                    let all =
                        self.timeline.with_value(|all| all.iter().map(|one| one.seq).collect::<Vec<_>>());
                    self.refresh(&all);
                }
                match touched {
                    Some(seq) => self.refresh(&[seq]),
                    None => self.note_edges(),
                }
            }
        }
    }

    /// The log reaches to this position, and what stands before it will not come by itself.
    pub(crate) fn detach(&self, head: Seq) {
        self.timeline.update_value(|timeline| timeline.note_head(head));
        self.note_edges();
    }

    /// Notes whether the beginning and the end are loaded.
    fn note_edges(&self) {
        let (begins, ends) = self.timeline.with_value(|timeline| (timeline.begins(), timeline.ends()));
        for (signal, value) in [(self.older, !begins), (self.newer, !ends)] {
            if signal.get_untracked() != value {
                signal.set(value);
            }
        }
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

    /// Before which position older messages are missing, and after which newer ones.
    pub(crate) fn edges(&self) -> Option<(Seq, Seq)> {
        self.timeline.with_value(Timeline::edges)
    }

    /// The newest own message that can still be changed.
    pub(crate) fn last_own(&self, me: UserId) -> Option<Message> {
        self.timeline.with_value(|timeline| {
            timeline.iter().rev().find(|message| message.author == me && message.body.is_some()).cloned()
        })
    }
}
