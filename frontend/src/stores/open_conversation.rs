//! The open conversation: its loaded messages, its rows, and the reader's position.
//!
//! Invariant: the rows are computed from the timeline (and the pending messages) alone, after every change. What is not
//! loaded is a gap in the timeline, never its beginning or end. A message's signal changes only when that message does.

mod drawing;
mod quotes;

use std::collections::BTreeMap;

use leptos::prelude::*;
use parlour_client::engine::{Part, Timeline};
use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::{Message, MessagePage};

use super::outbox::Outbox;
use super::session::Session;
use crate::live::Live;
use crate::state::failure::Failure;
use crate::state::history::Place;
use crate::state::rows::{DayKey, Row};
use crate::state::spot::Anchor;

/// Maximum number of messages kept loaded: about six screens on each side of the viewport.
const KEEP: usize = 240;
/// Number of recently left conversations whose messages are kept.
const REMEMBERED: usize = 8;

/// The load state of the open conversation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stage {
    /// Nothing is loaded yet.
    Loading,
    /// Messages are loaded.
    Ready,
    /// Loading failed.
    Failed(Failure),
}

/// Where to scroll once the messages are loaded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wish {
    /// To the previous position, to where the user stopped reading, or to the end.
    Resume,
    /// To a message.
    At(Seq),
    /// To the end.
    End,
    /// To exactly this scroll anchor.
    Back(Anchor),
}

/// A left conversation, cached to show it immediately when the user returns.
struct Left {
    id: ConversationId,
    timeline: Timeline,
    /// The cursor of its log when it was left.
    cursor: Seq,
}

/// The open conversation.
#[derive(Clone, Copy)]
pub(crate) struct OpenConversation {
    live: Live,
    session: Session,
    pub(crate) id: RwSignal<Option<ConversationId>>,
    pub(crate) stage: RwSignal<Stage>,
    /// The displayed days, oldest first; [`Self::rows_of`] has their rows.
    pub(crate) days: RwSignal<Vec<DayKey>>,
    day_rows: StoredValue<BTreeMap<DayKey, ArcRwSignal<Vec<Row>>>>,
    /// Incremented whenever the rows have changed.
    pub(crate) drawn: RwSignal<u64>,
    timeline: StoredValue<Timeline>,
    messages: StoredValue<BTreeMap<Seq, ArcRwSignal<Message>>>,
    answered: StoredValue<Timeline>,
    quotes: StoredValue<Vec<(Seq, ArcRwSignal<Option<Message>>)>>,
    /// Quoted messages that are unknown and not yet requested.
    wanted: StoredValue<Vec<Seq>>,
    /// Whether older messages exist that are not loaded.
    pub(crate) older: RwSignal<bool>,
    /// Whether newer messages exist that are not loaded.
    pub(crate) newer: RwSignal<bool>,
    /// The room that was deleted while it was open.
    pub(crate) gone: RwSignal<Option<ConversationId>>,
    /// The read position when the conversation was opened.
    pub(crate) read: StoredValue<Option<Seq>>,
    /// Messages that arrived while the user was reading further up.
    pub(crate) fresh: RwSignal<Vec<Seq>>,
    /// Whether the end is in view.
    pub(crate) at_bottom: RwSignal<bool>,
    /// The reader's scroll anchor. When too much is loaded, the messages farthest from it are dropped.
    pub(crate) eye: StoredValue<Option<Anchor>>,
    /// Where to scroll when [`Self::generation`] changes.
    pub(crate) wish: StoredValue<Wish>,
    /// Incremented when other messages were loaded and the view must scroll.
    pub(crate) generation: RwSignal<u64>,
    /// A page that failed to load and the scroll target in it; retried when the connection is back.
    pub(crate) owed: StoredValue<Option<(Place, Wish)>>,
    left: StoredValue<Vec<Left>>,
}

impl OpenConversation {
    /// No open conversation.
    pub(crate) fn new(live: Live, session: Session) -> Self {
        Self {
            live,
            session,
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

    /// The position up to which the conversation's log is known.
    pub(crate) fn head(&self) -> Option<Seq> {
        self.live.cursor(self.id.get_untracked()?)
    }

    /// Opens a conversation. If it is cached and `worth` accepts its cursor, it is shown immediately, and the cursor
    /// from which to follow its log is returned.
    pub(crate) fn begin(
        &self,
        id: ConversationId,
        read: Option<Seq>,
        worth: impl Fn(Seq) -> bool,
    ) -> Option<Seq> {
        self.close();
        self.read.set_value(read);
        self.id.set(Some(id));
        self.live.look_at(Some(id));
        let left = self.left.try_update_value(|left| {
            let at = left.iter().position(|one| one.id == id)?;
            Some(left.remove(at))
        });
        let left = left.flatten().filter(|left| worth(left.cursor))?;
        self.timeline.set_value(left.timeline);
        self.stage.set(Stage::Ready);
        self.draw();
        self.arrive(Wish::Resume);
        Some(left.cursor)
    }

    /// Closes the open conversation and caches what was loaded.
    pub(crate) fn close(&self) {
        let ready = self.stage.get_untracked() == Stage::Ready;
        let kept = self.id.get_untracked().filter(|_| ready).zip(self.head());
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
        self.live.look_at(None);
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

    /// Discards everything loaded or cached, because it is no longer valid.
    pub(crate) fn start_over(&self) {
        self.empty();
        self.left.update_value(Vec::clear);
    }

    /// Closes the open conversation and discards the cache.
    pub(crate) fn forget(&self) {
        self.close();
        self.left.update_value(Vec::clear);
    }

    /// Scrolls to a position among the loaded messages.
    pub(crate) fn arrive(&self, wish: Wish) {
        self.wish.set_value(wish);
        self.generation.update(|generation| *generation += 1);
    }

    /// Replaces everything loaded by a page.
    pub(crate) fn replace(&self, page: MessagePage, part: Part, wish: Wish) {
        self.quote(&page);
        self.timeline.update_value(|timeline| {
            timeline.clear();
            timeline.add_page(page, part);
        });
        self.messages.update_value(BTreeMap::clear);
        self.fresh.set(Vec::new());
        self.stage.set(Stage::Ready);
        self.draw();
        self.arrive(wish);
    }

    /// Adds a page to what is loaded. If they are not adjacent, a gap is between them.
    pub(crate) fn join(&self, page: MessagePage, part: Part) {
        self.quote(&page);
        let touched: Vec<Seq> = page.items.iter().map(|message| message.seq).collect();
        self.timeline.update_value(|timeline| {
            timeline.add_page(page, part);
            self.trim(timeline);
        });
        self.refresh(&touched);
        self.draw();
        if !self.newer.get_untracked() && self.at_bottom.get_untracked() {
            self.fresh.set(Vec::new());
        }
    }

    /// Drops the messages farthest from the reader if too many are loaded.
    fn trim(&self, timeline: &mut Timeline) {
        match self.eye.get_value() {
            Some(eye) if !(self.at_bottom.get_untracked() && timeline.ends()) => {
                timeline.trim_around(eye.seq, KEEP);
            }
            _ => timeline.trim_oldest(KEEP),
        }
    }

    /// Adds the user's own message after it was stored.
    pub(crate) fn stored(&self, message: Message) {
        if !self.newer.get_untracked() {
            self.timeline.update_value(|timeline| timeline.add(message));
        }
        self.draw();
    }

    /// Applies a change before its event arrives; the event will then change nothing.
    pub(crate) fn anticipate(&self, event: &Event) {
        if let Some(seq) = self.timeline.try_update_value(|timeline| timeline.anticipate(event)).flatten() {
            self.refresh(&[seq]);
        }
        if let Some(seq) = self.answered.try_update_value(|answered| answered.anticipate(event)).flatten() {
            self.refresh_quote(seq);
        }
    }

    /// Applies an event. `counts` decides whose messages count as new.
    pub(crate) fn apply(&self, event: &Event, counts: impl Fn(UserId) -> bool) {
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
                self.draw();
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

    /// Notes that the log reaches up to a position, and that the events before it will not arrive by themselves.
    pub(crate) fn detach(&self, head: Seq) {
        self.timeline.update_value(|timeline| timeline.note_head(head));
        self.note_edges();
    }

    /// Updates the signals that say whether the beginning and the end are loaded.
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

    /// The signal of a loaded message.
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

    /// The text of a message including a pending edit.
    pub(crate) fn text_of(&self, outbox: &Outbox, seq: Seq) -> String {
        let edit = self.id.get_untracked().and_then(|id| untrack(|| outbox.edit_of(id, seq)));
        let stored = || self.message(seq).and_then(|message| message.get_untracked().body);
        edit.map(|edit| edit.body).or_else(stored).unwrap_or_default()
    }

    /// Whether a message is loaded.
    pub(crate) fn holds(&self, seq: Seq) -> bool {
        self.timeline.with_value(|timeline| timeline.get(seq).is_some())
    }

    /// The first and the last loaded position: older messages are missing before the one, newer ones after the other.
    pub(crate) fn edges(&self) -> Option<(Seq, Seq)> {
        self.timeline.with_value(Timeline::edges)
    }

    /// The user's newest loaded message that is not deleted.
    pub(crate) fn last_own(&self) -> Option<Message> {
        let me = self.session.me();
        self.timeline.with_value(|timeline| {
            timeline.iter().rev().find(|message| message.author == me && message.body.is_some()).cloned()
        })
    }
}
