//! The commands of a socket.
//!
//! Invariant: a command does the same as its REST counterpart, by the same code and within the same limits.

use std::sync::Arc;

use parlour_chat::identity::api_tokens::Grant;
use parlour_chat::messages::{self, Send};
use parlour_chat::outcome::Done;
use parlour_chat::{Caller, conversations, reactions, streams};
use parlour_protocol::conversations::ReadMarker;
use parlour_protocol::events::Ephemeral;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::limits;
use parlour_protocol::messages::Stored;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, CloseCode, OkFrame, ServerFrame};
use parlour_protocol::time::Timestamp;
use parlour_realtime::{Outbox, Topic, Urgency, frames};
use parlour_storage::Lane;
use tokio::sync::Semaphore;

use super::allowed;
use super::replies::{Replying, id_of, reply};
use super::throttle::Throttle;
use crate::app::App;
use crate::auth::tokens::Bearer;
use crate::budget::addresses::AddressKey;
use crate::malformed;
use crate::problems::ApiError;

/// Maximum concurrent commands of one connection; then reading pauses.
const IN_FLIGHT: usize = 32;
/// A client with more unread bytes than this gets no page of events.
const UNREAD: usize = 256 * 1024;
/// How long clients show a typing notice.
const TYPING_SHOWN_MS: u64 = 5000;
/// Typing is not passed on in rooms where more people than this follow on this node.
const TYPING_PEOPLE: usize = 200;

pub(super) struct Connection {
    pub(super) app: Arc<App>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) bearer: Option<Bearer>,
    pub(super) user: Option<UserId>,
    /// Grant of the personal access token that it was started with; `None` for a log-in.
    pub(super) grant: Option<Arc<Grant>>,
    /// The client's network.
    pub(super) address: AddressKey,
    pub(super) throttle: Throttle,
    in_flight: Arc<Semaphore>,
    /// Allows one `sync` at a time.
    syncing: Arc<Semaphore>,
}

impl Connection {
    pub(super) fn new(
        app: Arc<App>,
        outbox: Arc<Outbox>,
        bearer: Option<Bearer>,
        address: AddressKey,
    ) -> Self {
        let throttle = Throttle::new(app.config.sends_per_second);
        Self {
            app,
            outbox,
            bearer,
            user: None,
            grant: None,
            address,
            throttle,
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
            syncing: Arc::new(Semaphore::new(1)),
        }
    }

    pub(super) fn started(&self) -> bool {
        self.user.is_some()
    }

    /// Charges a command to the same limits as requests over REST.
    fn spend(&self, user: UserId, frame: &ClientFrame) -> Result<(), ApiError> {
        let budgets = &self.app.budgets;
        match frame {
            ClientFrame::Send { .. } | ClientFrame::Delete { .. } => budgets.changes.take(user),
            ClientFrame::Edit { .. } | ClientFrame::React { .. } => {
                budgets.changes.take(user).and_then(|()| budgets.sends.take(user))
            }
            ClientFrame::Read { .. } | ClientFrame::Sync { .. } | ClientFrame::Focus { .. } => {
                budgets.reads.take(user)
            }
            ClientFrame::Start(_) | ClientFrame::Typing { .. } | ClientFrame::Ping { .. } => Ok(()),
        }
        .map_err(ApiError::too_fast)
    }

    /// Replies to a frame that is not a valid command.
    pub(super) fn refuse_malformed(
        &mut self,
        text: &str,
        error: &serde_json::Error,
    ) -> Result<(), CloseCode> {
        self.throttle.charge_malformed()?;
        let id =
            serde_json::from_str::<serde_json::Value>(text).ok().and_then(|value| value.get("id")?.as_u64());
        self.answer(id, Err(malformed::json(error)));
        Ok(())
    }

    pub(super) fn answer(&self, id: Option<u64>, outcome: Result<OkFrame, ApiError>) {
        reply(&self.outbox, id, outcome, Urgency::Now);
    }

    /// Runs a command, or replies why not. An error closes the connection.
    pub(super) async fn run(&mut self, frame: ClientFrame) -> Result<(), CloseCode> {
        let id = id_of(&frame);
        let Some(user) = self.user else {
            let started = match frame {
                ClientFrame::Start(start) => self.start(start).await,
                _ => Err(CloseCode::AuthenticationFailed),
            };
            // Sent in an error frame too, since some clients cannot read close codes.
            return started.inspect_err(|code| {
                if let Some(refusal) = code.refusal() {
                    self.answer(id, Err(ApiError::because(refusal, code.reason())));
                }
            });
        };
        let slow_enough = match self.throttle.wait_ms() {
            Some(wait) => Err(ApiError::too_fast(wait)),
            None => self.spend(user, &frame),
        };
        if let Err(error) = slow_enough {
            self.answer(id, Err(error));
        } else if allowed::by(self.grant.as_deref(), &frame) {
            self.carry_out(user, frame).await;
        } else if id.is_some() {
            self.app.note_denied(user, "socket, with a token".to_owned(), None);
            self.answer(id, Err(ErrorCode::InsufficientScope.into()));
        }
        Ok(())
    }

    async fn carry_out(&self, user: UserId, frame: ClientFrame) {
        match frame {
            ClientFrame::Start(start) => {
                self.answer(Some(start.id), Err(ApiError::because(ErrorCode::Conflict, "Already started.")));
            }
            ClientFrame::Send { id, conversation, cid, body, reply_to } => {
                self.send(id, Send { author: user, conversation, cid, body, reply_to }).await;
            }
            ClientFrame::Edit { id, conversation, seq, body } => {
                self.change("edit", id, conversation, move |conn, now| {
                    messages::edit(conn, now, user, conversation, seq, &body)
                })
                .await;
            }
            ClientFrame::Delete { id, conversation, seq } => {
                let caller = Caller { user, administers: self.grant.is_none() };
                self.delete(id, caller, conversation, seq).await;
            }
            ClientFrame::React { id, conversation, seq, emoji, on } => {
                self.change("react", id, conversation, move |conn, now| {
                    reactions::react(conn, now, user, conversation, seq, &emoji, on)
                })
                .await;
            }
            ClientFrame::Read { id, conversation, seq } => self.mark_read(id, user, conversation, seq),
            ClientFrame::Sync { id, conversation, after, limit } => {
                self.sync(id, user, conversation, after, limit).await;
            }
            ClientFrame::Focus { id, live } => self.focus(id, live),
            ClientFrame::Typing { conversation } => self.typing(user, conversation).await,
            ClientFrame::Ping { id } => self.answer(Some(id), Ok(OkFrame::done(id))),
        }
    }

    /// Waits for a permit among the concurrent commands of this connection.
    async fn replying(&self, command: &'static str, id: u64) -> Option<Replying> {
        let place = self.in_flight.clone().acquire_owned().await.ok()?;
        let (app, outbox) = (self.app.clone(), self.outbox.clone());
        Some(Replying { app, outbox, user: self.user, command, id, _place: place })
    }

    /// Runs a command while the next ones are already being read, up to [`IN_FLIGHT`].
    async fn later(
        &self,
        command: &'static str,
        id: u64,
        work: impl Future<Output = Result<OkFrame, ApiError>> + 'static,
    ) {
        if let Some(replying) = self.replying(command, id).await {
            actix_web::rt::spawn(async move { replying.with(work.await) });
        }
    }

    async fn send(&self, id: u64, send: Send) {
        let Some(replying) = self.replying("send", id).await else {
            return;
        };
        let conversation = send.conversation;
        // Queued before the next command is read, so that a connection's messages keep their order.
        let done = move |outcome: Result<Stored, _>| {
            replying.with(outcome.map(|stored| OkFrame::stored(id, conversation, stored)));
        };
        if let Err(error) = self.app.sends.submit(&self.app, send, done) {
            self.answer(Some(id), Err(error));
        }
    }

    /// Changes a message.
    async fn change(
        &self,
        command: &'static str,
        id: u64,
        conversation: ConversationId,
        change: impl Fn(&mut parlour_storage::Connection, Timestamp) -> Done<Stored>
        + Clone
        + std::marker::Send
        + 'static,
    ) {
        let app = self.app.clone();
        let work = async move {
            let stored = app.commit(Lane::Conversation(conversation), change).await?;
            Ok(OkFrame::stored(id, conversation, stored))
        };
        self.later(command, id, work).await;
    }

    async fn delete(&self, id: u64, caller: Caller, conversation: ConversationId, seq: Seq) {
        let app = self.app.clone();
        let work = async move {
            let deleted = app.commit(Lane::Conversation(conversation), move |conn, now| {
                messages::delete(conn, now, caller, conversation, seq)
            });
            let deleted = deleted.await?;
            app.settle_soon();
            Ok(OkFrame::stored(id, conversation, deleted))
        };
        self.later("delete", id, work).await;
    }

    fn mark_read(&self, id: u64, user: UserId, conversation: ConversationId, seq: Seq) {
        let outbox = self.outbox.clone();
        let done = move |marked: Result<ReadMarker, _>, urgency| {
            let marked = marked.map(|marker| OkFrame::marked(id, conversation, marker.seq));
            reply(&outbox, Some(id), marked, urgency);
        };
        self.app.markers.mark(&self.app, user, conversation, seq, Some(&self.outbox), done);
    }

    async fn sync(
        &self,
        id: u64,
        user: UserId,
        conversation: ConversationId,
        after: Seq,
        limit: Option<i64>,
    ) {
        if self.outbox.waiting() > UNREAD {
            // The client must read what it was sent before.
            return self.answer(Some(id), Err(ApiError::too_fast(1000)));
        }
        let (app, one) = (self.app.clone(), self.syncing.clone());
        let work = async move {
            let _one = one.acquire().await;
            let _turn = app.reads.turn(user).await;
            let limit = limit.unwrap_or(limits::EVENTS_PAGE).clamp(1, limits::EVENTS_PAGE);
            let page =
                app.read(move |conn| streams::list_events(conn, user, conversation, after, limit)).await?;
            Ok(OkFrame::synced(id, conversation, page.items, page.head))
        };
        self.later("sync", id, work).await;
    }

    fn focus(&self, id: u64, live: Vec<ConversationId>) {
        let focused = if live.len() > limits::LIVE {
            let detail = format!("At most {} conversations are followed live.", limits::LIVE);
            Err(ApiError::because(ErrorCode::LimitReached, detail))
        } else {
            self.app.hub.focus(&self.outbox, live.into_iter().collect());
            Ok(OkFrame::done(id))
        };
        self.answer(Some(id), focused);
    }

    async fn typing(&self, user: UserId, conversation: ConversationId) {
        let topic = Topic::Conversation(conversation);
        if !self.app.hub.follows(&self.outbox, topic) || self.app.hub.people_in(conversation) > TYPING_PEOPLE
        {
            return;
        }
        // Limited per person, whichever socket they type on.
        let budgets = &self.app.budgets;
        if budgets.typing_anywhere.take(user).is_err() {
            return;
        }
        if budgets.typing.take((user, conversation)).is_err() {
            return budgets.typing_anywhere.give_back(&user);
        }
        let hidden_from =
            self.app.read(move |conn| conversations::typing_hidden_from(conn, user, conversation)).await;
        if let Ok(Some(mut except)) = hidden_from {
            except.push(user);
            let typing = Ephemeral::Typing { conversation, user, ttl_ms: TYPING_SHOWN_MS };
            self.app.hub.ephemeral(topic, except, frames::encode(&ServerFrame::Ephemeral(typing)));
        }
    }
}
