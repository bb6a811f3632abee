//! The commands of a socket.
//!
//! Invariant: a command does the same as its REST counterpart, by the same code and within the same limits.

use std::sync::Arc;
use std::time::Instant;

use parlour_chat::api_tokens::Grant;
use parlour_chat::messages::{self, Send};
use parlour_chat::{Caller, conversations, streams};
use parlour_protocol::conversations::ReadMarker;
use parlour_protocol::events::Ephemeral;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::limits;
use parlour_protocol::messages::Stored;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, CloseCode, OkFrame, ServerFrame};
use parlour_realtime::{Outbox, Topic, Urgency, frames};
use parlour_storage::Lane;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::allowed;
use crate::app::App;
use crate::budget::addresses::AddressKey;
use crate::malformed;
use crate::problems::ApiError;
use crate::tokens::Bearer;

/// Commands per second, and the burst.
const COMMANDS: (f64, f64) = (20.0, 60.0);
/// Rate-limited or malformed commands that are tolerated before the connection is closed.
const PATIENCE: u32 = 50;
/// Maximum concurrent commands of one connection; then reading pauses.
const IN_FLIGHT: usize = 32;
/// Frames other than messages (pings, pongs, message fragments) per second, and the burst.
const SIGNS: (f64, f64) = (10.0, 200.0);
/// Total of such frames before `start`: a client may check whether the server is there.
const SIGNS_BEFORE_START: f64 = 4.0;
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
    in_flight: Arc<Semaphore>,
    tokens: f64,
    counted_at: Instant,
    trouble: u32,
    signs: f64,
    signs_at: Instant,
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
        // A client that has just connected may have a backlog to send: the burst of commands covers the burst of
        // messages, which are limited per person.
        let quick = f64::from(app.config.sends_per_second) * 2.0;
        Self {
            app,
            outbox,
            bearer,
            user: None,
            grant: None,
            address,
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
            tokens: COMMANDS.1.max(quick),
            counted_at: Instant::now(),
            trouble: 0,
            signs: SIGNS_BEFORE_START,
            signs_at: Instant::now(),
            syncing: Arc::new(Semaphore::new(1)),
        }
    }

    pub(super) fn started(&self) -> bool {
        self.user.is_some()
    }

    /// Raises the limit of frames other than messages, now that the client is authenticated.
    pub(super) fn started_now(&mut self) {
        self.signs = SIGNS.1;
        self.signs_at = Instant::now();
    }

    /// Charges a command. Above the limit commands are refused one by one in `run`; a client that keeps exceeding it
    /// is disconnected.
    pub(super) fn allow(&mut self) -> Result<(), CloseCode> {
        let now = Instant::now();
        let per_second = COMMANDS.0.max(f64::from(self.app.config.sends_per_second));
        let most = COMMANDS.1.max(per_second * 2.0);
        self.tokens = (self.tokens + (now - self.counted_at).as_secs_f64() * per_second).min(most) - 1.0;
        self.counted_at = now;
        // Below zero, commands are refused; a client that goes on regardless is disconnected.
        if self.tokens < -f64::from(PATIENCE) { Err(CloseCode::RateLimited) } else { Ok(()) }
    }

    /// Whether the client exceeds the rate limit of commands.
    pub(super) fn too_fast(&self) -> bool {
        self.tokens < 0.0
    }

    /// Charges a frame other than a message. A client never needs many, so exceeding the limit ends the connection.
    pub(super) fn allow_sign(&mut self) -> Result<(), CloseCode> {
        if self.started() {
            let now = Instant::now();
            let gained = (now - self.signs_at).as_secs_f64() * SIGNS.0;
            self.signs = (self.signs + gained).min(SIGNS.1);
            self.signs_at = now;
        }
        self.signs -= 1.0;
        if self.signs < 0.0 { Err(CloseCode::RateLimited) } else { Ok(()) }
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
        self.trouble += 1;
        if self.trouble > PATIENCE {
            return Err(CloseCode::BadFrame);
        }
        let id =
            serde_json::from_str::<serde_json::Value>(text).ok().and_then(|value| value.get("id")?.as_u64());
        self.answer(id, Err(malformed::json(error)));
        Ok(())
    }

    pub(super) fn answer(&self, id: Option<u64>, outcome: Result<OkFrame, ApiError>) {
        answer(&self.outbox, id, outcome, Urgency::Now);
    }

    /// Runs a command, or replies why not. An error closes the connection.
    pub(super) async fn run(&mut self, frame: ClientFrame) -> Result<(), CloseCode> {
        let Some(user) = self.user else {
            let id = id_of(&frame);
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
        if self.tokens < 0.0 {
            let wait = (-self.tokens / COMMANDS.0 * 1000.0).ceil() as u64;
            self.answer(id_of(&frame), Err(ApiError::too_fast(wait)));
            return Ok(());
        }
        if let Err(error) = self.spend(user, &frame) {
            self.answer(id_of(&frame), Err(error));
            return Ok(());
        }
        if !allowed::by(self.grant.as_deref(), &frame) {
            // Typing is never answered.
            if let Some(id) = id_of(&frame) {
                self.app.note_denied(user, "socket, with a token".to_owned(), None);
                self.answer(Some(id), Err(ErrorCode::InsufficientScope.into()));
            }
            return Ok(());
        }
        let caller = Caller { user, administers: self.grant.is_none() };
        match frame {
            ClientFrame::Start(start) => {
                self.answer(Some(start.id), Err(ApiError::because(ErrorCode::Conflict, "Already started.")));
            }
            ClientFrame::Send { id, conversation, cid, body, reply_to } => {
                let send = Send { author: user, conversation, cid, body, reply_to };
                let Some(replying) = self.replying("send", id).await else {
                    return Ok(());
                };
                // Queued before the next command is read, so that a connection's messages keep their order.
                let done = move |outcome: Result<Stored, _>| {
                    replying.with(outcome.map(|found| stored(id, conversation, found)));
                };
                if let Err(error) = self.app.sends.submit(&self.app, send, done) {
                    self.answer(Some(id), Err(error));
                }
            }
            ClientFrame::Edit { id, conversation, seq, body } => {
                let app = self.app.clone();
                let work = async move {
                    let done = app.commit(Lane::Conversation(conversation), move |conn, now| {
                        messages::edit(conn, now, user, conversation, seq, &body)
                    });
                    Ok(stored(id, conversation, done.await?))
                };
                self.later("edit", id, work).await;
            }
            ClientFrame::Delete { id, conversation, seq } => {
                let app = self.app.clone();
                let work = async move {
                    let done = app.commit(Lane::Conversation(conversation), move |conn, now| {
                        messages::delete(conn, now, caller, conversation, seq)
                    });
                    let done = done.await?;
                    app.settle_soon();
                    Ok(stored(id, conversation, done))
                };
                self.later("delete", id, work).await;
            }
            ClientFrame::React { id, conversation, seq, emoji, on } => {
                let app = self.app.clone();
                let work = async move {
                    let done = app.commit(Lane::Conversation(conversation), move |conn, now| {
                        messages::react(conn, now, user, conversation, seq, &emoji, on)
                    });
                    Ok(stored(id, conversation, done.await?))
                };
                self.later("react", id, work).await;
            }
            ClientFrame::Read { id, conversation, seq } => {
                let outbox = self.outbox.clone();
                let done = move |marked: Result<ReadMarker, _>, urgency| {
                    let ok = |marker: ReadMarker| OkFrame {
                        id,
                        conversation: Some(conversation),
                        seq: Some(marker.seq),
                        ..OkFrame::default()
                    };
                    answer(&outbox, Some(id), marked.map(ok), urgency);
                };
                self.app.markers.mark(&self.app, user, conversation, seq, Some(&self.outbox), done);
            }
            ClientFrame::Sync { id, conversation, after, limit } => {
                if self.outbox.waiting() > UNREAD {
                    // The client must read what it was sent before.
                    self.answer(Some(id), Err(ApiError::too_fast(1000)));
                    return Ok(());
                }
                let (app, one) = (self.app.clone(), self.syncing.clone());
                let work = async move {
                    let _one = one.acquire().await;
                    let _turn = app.reads.turn(user).await;
                    let limit = limit.unwrap_or(limits::EVENTS_PAGE).clamp(1, limits::EVENTS_PAGE);
                    let page = app
                        .read(move |conn| streams::list_events(conn, user, conversation, after, limit))
                        .await?;
                    Ok(OkFrame {
                        id,
                        conversation: Some(conversation),
                        events: Some(page.items),
                        head: Some(page.head),
                        ..OkFrame::default()
                    })
                };
                self.later("sync", id, work).await;
            }
            ClientFrame::Focus { id, live } => {
                if live.len() > limits::LIVE {
                    let detail = format!("At most {} conversations are followed live.", limits::LIVE);
                    self.answer(Some(id), Err(ApiError::because(ErrorCode::LimitReached, detail)));
                } else {
                    self.app.hub.focus(&self.outbox, live.into_iter().collect());
                    self.answer(Some(id), Ok(OkFrame { id, ..OkFrame::default() }));
                }
            }
            ClientFrame::Typing { conversation } => self.typing(user, conversation).await,
            ClientFrame::Ping { id } => self.answer(Some(id), Ok(OkFrame { id, ..OkFrame::default() })),
        }
        Ok(())
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

    async fn typing(&mut self, user: UserId, conversation: ConversationId) {
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

/// A command in progress, with what is needed to reply to it.
struct Replying {
    app: Arc<App>,
    outbox: Arc<Outbox>,
    user: Option<UserId>,
    command: &'static str,
    id: u64,
    _place: OwnedSemaphorePermit,
}

impl Replying {
    fn with(self, outcome: Result<OkFrame, ApiError>) {
        if let (Err(error), Some(user)) = (&outcome, self.user)
            && error.problem.status == 403
        {
            self.app.note_denied(user, format!("socket {}", self.command), None);
        }
        let size = answer(&self.outbox, Some(self.id), outcome, Urgency::Now);
        if let Some(user) = self.user {
            self.app.budgets.charge_for_size(user, size);
        }
    }
}

/// Queues a reply and returns its length in bytes.
fn answer(outbox: &Outbox, id: Option<u64>, outcome: Result<OkFrame, ApiError>, urgency: Urgency) -> usize {
    let frame = match outcome {
        Ok(ok) => ServerFrame::Ok(Box::new(ok)),
        Err(error) => {
            if let Some(cause) = &error.cause {
                tracing::error!(cause, "command failed");
            }
            ServerFrame::Error(error.frame(id))
        }
    };
    let frame = frames::encode(&frame);
    let size = frame.len();
    outbox.reply(frame, urgency);
    size
}

fn stored(id: u64, conversation: ConversationId, stored: Stored) -> OkFrame {
    OkFrame {
        id,
        conversation: Some(conversation),
        seq: Some(stored.seq),
        at: Some(stored.at),
        duplicate: Some(stored.duplicate),
        ..OkFrame::default()
    }
}

fn id_of(frame: &ClientFrame) -> Option<u64> {
    match frame {
        ClientFrame::Start(start) => Some(start.id),
        ClientFrame::Send { id, .. }
        | ClientFrame::Edit { id, .. }
        | ClientFrame::Delete { id, .. }
        | ClientFrame::React { id, .. }
        | ClientFrame::Read { id, .. }
        | ClientFrame::Focus { id, .. }
        | ClientFrame::Sync { id, .. }
        | ClientFrame::Ping { id } => Some(*id),
        ClientFrame::Typing { .. } => None,
    }
}
