//! Read markers: collected in memory and stored in batches a moment later, so that a thousand readers cost about as
//! much as one.
//!
//! Invariant: a marker that a client sets is acknowledged only after it was stored, and no marker ever moves back. A
//! marker that moves because its owner sent a message is stored within a second; until then lists derive it from the
//! log (`storage::conversations::list_of`), so nobody sees their own message with unread ones above it, whichever
//! node they ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use parlour_chat::conversations::{self, Moved};
use parlour_protocol::conversations::ReadMarker;
use parlour_protocol::events::Ephemeral;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::socket::ServerFrame;
use parlour_realtime::{Outbox, Topic, Urgency, frames};
use parlour_storage::Lane;
use quick_cache::sync::Cache;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::app::App;
use crate::problems::ApiError;

/// Minimum and maximum pause between two rounds of storing. In between, the pause is [`SHARE`] times as long as the
/// last round took, so that storing takes at most one part in [`SHARE`] of the time.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
const SHARE: u32 = 100;
/// Capacity of the cache of stored markers: about 1 MiB.
const REMEMBERED: usize = 16 * 1024;
/// Maximum markers per transaction: few, so that messages do not wait long behind them when there is only one writer.
const BATCH: usize = 128;

type Key = (UserId, ConversationId);
/// Up to this many markers stored in one go are acknowledged at once. Where more people read, each of them is about to
/// receive another frame anyway, and the acknowledgement waits for it.
const FEW: usize = 16;
/// Called when a marker was stored, or could not be. It must not block.
type Reply = Box<dyn FnOnce(Result<ReadMarker, ApiError>, Urgency) + Send>;

/// A marker that waits to be stored.
#[derive(Default)]
struct Waiting {
    seq: Seq,
    /// Callers that wait for it; empty if the marker moves because of a message.
    replies: Vec<Reply>,
    /// Position that the person's other devices already know.
    told: Seq,
}

#[derive(Default)]
struct State {
    waiting: BTreeMap<Key, Waiting>,
    /// People whose markers are being stored right now.
    stored_now: BTreeSet<UserId>,
}

/// The read markers that this node has not stored yet.
pub struct Markers {
    state: Mutex<State>,
    /// Positions most recently stored by this node, for recently used markers, so that no device is told an old
    /// position.
    stored: Cache<Key, Seq>,
    /// Notified when somebody waits for a marker.
    awaited: Notify,
    /// Only one task stores at a time.
    turn: tokio::sync::Mutex<()>,
}

impl Default for Markers {
    fn default() -> Self {
        let (state, awaited, turn) = Default::default();
        Self { state, stored: Cache::new(REMEMBERED), awaited, turn }
    }
}

impl Markers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves a marker because its owner sent a message at this position.
    pub fn note(&self, user: UserId, conversation: ConversationId, seq: Seq) {
        let mut state = self.state();
        let waiting = state.waiting.entry((user, conversation)).or_default();
        waiting.seq = seq.max(waiting.seq);
        // Their other devices see the message itself.
        waiting.told = seq.max(waiting.told);
    }

    /// Moves a marker on request, and waits until it is stored.
    pub async fn mark_read(
        &self,
        app: &App,
        user: UserId,
        id: ConversationId,
        seq: Seq,
    ) -> Result<ReadMarker, ApiError> {
        let (reply, marked) = oneshot::channel();
        self.mark(app, user, id, seq, None, move |outcome, _| drop(reply.send(outcome)));
        marked.await.unwrap_or_else(|_| Err(parlour_storage::StorageError::OutcomeUnknown.into()))
    }

    /// Moves a marker on request, from a device with a socket or without one. `reply` receives the outcome; it is
    /// dropped uncalled only when the node shuts down.
    pub fn mark(
        &self,
        app: &App,
        user: UserId,
        id: ConversationId,
        seq: Seq,
        device: Option<&Arc<Outbox>>,
        reply: impl FnOnce(Result<ReadMarker, ApiError>, Urgency) + Send + 'static,
    ) {
        let topic = Topic::Conversation(id);
        // A position known to be valid is sent to other devices at once, any other after it was stored.
        let is_right = device.is_some_and(|device| app.hub.follows(device, topic))
            && app.hub.head(topic).is_some_and(|head| seq <= head)
            && self.stored.get(&(user, id)).is_none_or(|before| seq > before);
        let news = {
            let mut state = self.state();
            let waiting = state.waiting.entry((user, id)).or_default();
            waiting.seq = seq.max(waiting.seq);
            waiting.replies.push(Box::new(reply));
            let news = is_right && seq > waiting.told;
            if news {
                waiting.told = seq;
            }
            news
        };
        self.awaited.notify_one();
        if news {
            tell(app, user, id, seq, device);
        }
    }

    /// Stores the pending markers of one person.
    pub async fn settle(&self, app: &Arc<App>, user: UserId) -> Result<(), ApiError> {
        {
            let state = self.state();
            let waits = state.waiting.range(of(user)).next().is_some();
            if !waits && !state.stored_now.contains(&user) {
                return Ok(());
            }
        }
        let _turn = self.turn.lock().await;
        self.store(app, |(owner, _), _| *owner == user, true).await
    }

    /// Stores all pending markers. If that fails, those that nobody waits for stay pending.
    pub async fn flush(&self, app: &Arc<App>) {
        self.flush_those(app, |_, _| true).await;
    }

    async fn flush_those(&self, app: &Arc<App>, is_chosen: impl Fn(&Key, &Waiting) -> bool) {
        let _turn = self.turn.lock().await;
        if let Err(error) = self.store(app, is_chosen, false).await {
            tracing::debug!(code = %error.code(), "read markers wait for the database");
        }
    }

    /// Stores the chosen markers. Until they are stored, they are always visible as either pending or being stored.
    async fn store(
        &self,
        app: &Arc<App>,
        is_chosen: impl Fn(&Key, &Waiting) -> bool,
        wait: bool,
    ) -> Result<(), ApiError> {
        let chosen: Vec<(Key, Waiting)> = {
            let mut state = self.state();
            let (chosen, rest) = std::mem::take(&mut state.waiting)
                .into_iter()
                .partition(|(key, waiting)| is_chosen(key, waiting));
            let chosen: BTreeMap<_, _> = chosen;
            state.waiting = rest;
            state.stored_now = chosen.keys().map(|(user, _)| *user).collect();
            chosen.into_iter().collect()
        };
        let urgency = if chosen.len() > FEW { Urgency::WithNext } else { Urgency::Now };
        let mut outcome = Ok(());
        let mut chosen = chosen.into_iter();
        loop {
            let batch: Vec<(Key, Waiting)> = chosen.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            let given: Vec<_> = batch.iter().map(|((user, id), waiting)| (*user, *id, waiting.seq)).collect();
            let moved = app
                .commit(Lane::Server, move |conn, _| conversations::move_markers(conn, &given, wait))
                .await;
            match moved {
                Ok(moved) => {
                    batch.into_iter().zip(moved).for_each(|((key, waiting), moved)| {
                        self.end(app, key, waiting, moved, urgency);
                    });
                }
                Err(error) => {
                    for (key, waiting) in batch {
                        if waiting.replies.is_empty() {
                            self.wait_on(key, waiting);
                        } else {
                            waiting.replies.into_iter().for_each(|reply| reply(Err(error.clone()), urgency));
                        }
                    }
                    outcome = Err(error);
                }
            }
        }
        self.state().stored_now.clear();
        outcome
    }

    /// Handles the outcome for one marker: replies to those who wait, and tells the person's other devices.
    fn end(&self, app: &App, (user, id): Key, waiting: Waiting, moved: Moved, urgency: Urgency) {
        let told = match moved {
            Moved::To { seq, fresh } => {
                self.stored.insert((user, id), seq);
                if fresh && seq > waiting.told {
                    tell(app, user, id, seq, None);
                }
                Ok(ReadMarker { seq })
            }
            Moved::Held => return self.wait_on((user, id), waiting),
            Moved::Refused(refusal) => Err(refusal.into()),
        };
        waiting.replies.into_iter().for_each(|reply| reply(told.clone(), urgency));
    }

    fn wait_on(&self, key: Key, held: Waiting) {
        let mut state = self.state();
        let waiting = state.waiting.entry(key).or_default();
        waiting.seq = held.seq.max(waiting.seq);
        waiting.told = held.told.max(waiting.told);
        waiting.replies.extend(held.replies);
        if !waiting.replies.is_empty() {
            self.awaited.notify_one();
        }
    }

    /// Runs forever and stores pending markers: awaited ones soon, all others once a second.
    pub async fn look_after(app: Arc<App>) {
        let mut all = Instant::now();
        loop {
            let markers = &app.markers;
            let awaited = tokio::time::timeout_at(all + PAUSE.1, markers.awaited.notified()).await.is_ok();
            let began = Instant::now();
            if awaited && began < all + PAUSE.1 {
                markers.flush_those(&app, |_, waiting| !waiting.replies.is_empty()).await;
            } else {
                all = began;
                markers.flush(&app).await;
            }
            tokio::time::sleep((began.elapsed() * SHARE).clamp(PAUSE.0, PAUSE.1)).await;
        }
    }
}

/// Tells a person's other devices how far they have read.
fn tell(app: &App, user: UserId, id: ConversationId, seq: Seq, but: Option<&Arc<Outbox>>) {
    app.hub.tell_own(user, but, || {
        frames::encode(&ServerFrame::Ephemeral(Ephemeral::Read { conversation: id, seq }))
    });
}

fn of(user: UserId) -> std::ops::RangeInclusive<Key> {
    (user, ConversationId(i64::MIN))..=(user, ConversationId(i64::MAX))
}
