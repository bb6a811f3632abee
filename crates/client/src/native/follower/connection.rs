//! The transport of a follower: carries out over tokio what the engine's session decides, and reports what happens.
//!
//! Invariant: outputs are carried out one after the other. A caller who does not read the updates stalls everything here
//! instead of filling memory.

use std::collections::VecDeque;
use std::time::Duration;

use parlour_protocol::messages::Stored;
use parlour_protocol::socket::{ClientFrame, CloseCode};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Command, MAX_PENDING, Options, Stopped, Update};
use crate::engine::{Act, Client, Cursors, Input, Output, Refreshed, Session};
use crate::native::api::{Api, ApiError};
use crate::native::fraction;
use crate::native::socket::{Received, Socket, SocketError};

/// A connection that ended without a close code.
const LOST: Input = Input::Closed { code: 1006, pause: None };

pub(super) struct Connection {
    /// The same user's API client for each node.
    nodes: Vec<Api>,
    /// The index of the node that is connected or being tried.
    node: usize,
    session: Session,
    began: Instant,
    socket: Option<Socket>,
    updates: mpsc::Sender<Update>,
    /// The access token that the latest connection started with.
    token: Option<String>,
}

impl From<Command> for Input {
    fn from(command: Command) -> Self {
        match command {
            Command::Send { conversation, cid, body, reply_to } => {
                Self::Act { conversation, cid, act: Act::Send { body, reply_to } }
            }
            Command::Focus(live) => Self::Focus(live),
        }
    }
}

impl Connection {
    /// A connection that is not yet established.
    pub(super) fn new(api: Api, options: Options, updates: mpsc::Sender<Update>) -> Self {
        let mut cursors = Cursors::default();
        if let Some(epoch) = &options.epoch {
            cursors.set_epoch(epoch);
        }
        for (conversation, seq) in options.cursors {
            cursors.follow(conversation, seq);
        }
        let nodes: Vec<Api> = std::iter::once(api).chain(options.others).collect();
        let mut session = Session::new(Client::Program, nodes.len(), String::new(), Box::new(fraction));
        session.resume_from(cursors);
        session.set_live(options.live);
        Self { nodes, node: 0, session, began: Instant::now(), socket: None, updates, token: None }
    }

    /// Runs until there is a reason to stop.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) -> Stopped {
        let mut input = Some(Input::Begin);
        let mut outputs = VecDeque::new();
        loop {
            if let Some(input) = input.take() {
                outputs.extend(self.session.handle(input, self.now()));
            }
            input = match outputs.pop_front() {
                Some(output) => match self.carry_out(output).await {
                    Ok(input) => input,
                    Err(why) => return why,
                },
                None => match self.next(&mut inbox).await {
                    Some(input) => Some(input),
                    None => return Stopped::Dropped,
                },
            };
        }
    }

    /// Milliseconds since the follower was created.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Waits until something happens; `None` when the follower is dropped.
    async fn next(&mut self, inbox: &mut mpsc::Receiver<Command>) -> Option<Input> {
        let room = self.session.outbox().unsent().count() < MAX_PENDING;
        let due = self.session.deadline();
        let tick = self.began + Duration::from_millis(due.unwrap_or(0));
        let received = async {
            match &mut self.socket {
                Some(socket) => socket.next().await,
                None => std::future::pending().await,
            }
        };
        let received = tokio::select! {
            // What has arrived is handled before the silence is measured: the caller may have been slow.
            biased;
            command = inbox.recv(), if room => return command.map(Input::from),
            received = received => received,
            () = sleep_until(tick), if due.is_some() => return Some(Input::Tick),
        };
        Some(match received {
            Ok(Received::Frame(frame)) => Input::Frame(frame),
            Ok(Received::Closed(code)) => {
                self.socket = None;
                Input::Closed { code, pause: None }
            }
            Err(error) => self.failed(&error),
        })
    }

    fn failed(&mut self, error: &SocketError) -> Input {
        tracing::debug!(%error, "the socket failed");
        self.socket = None;
        match error {
            SocketError::Refused { retry_after_ms: pause, .. } => Input::Closed { code: 1006, pause: *pause },
            _ => LOST,
        }
    }

    /// Carries out an output. Returns what happened, if something did.
    async fn carry_out(&mut self, output: Output) -> Result<Option<Input>, Stopped> {
        let update = match output {
            Output::Connect(node) => return Ok(self.connect(node).await),
            Output::Disconnect => {
                self.socket = None;
                return Ok(None);
            }
            Output::Start(mut start) => {
                self.token = self.nodes[self.node].access_token();
                start.token.clone_from(&self.token);
                return Ok(self.send(ClientFrame::Start(start)).await);
            }
            Output::Send(frame) => return Ok(self.send(frame).await),
            Output::Refresh => {
                let refreshed = refresh(self.nodes[self.node].clone(), self.token.clone()).await;
                return Ok(Some(Input::Refreshed(refreshed)));
            }
            Output::Locate(conversation) => {
                return Ok(match self.nodes[self.node].show_conversation(conversation).await {
                    Ok(found) => Some(Input::Follow { conversation, after: found.head }),
                    // The user has already left it again.
                    Err(ApiError::Problem(_)) => None,
                    Err(ApiError::Transport(_)) => {
                        self.socket = None;
                        Some(LOST)
                    }
                });
            }
            Output::Stopped(code) => {
                let expired = [CloseCode::TokenExpired.code(), CloseCode::AuthenticationFailed.code()];
                return Err(if expired.contains(&code) { Stopped::SignedOut } else { Stopped::Closed(code) });
            }
            Output::Connected => Update::Connected,
            Output::Lost { was_connected: true, .. } => Update::Disconnected,
            Output::Following { conversation, after } => Update::Following { conversation, after },
            Output::Reset { conversation, after } => Update::Reset { conversation, after },
            Output::Left(conversation) => Update::Left(conversation),
            Output::Event(event) => Update::Event(event),
            Output::UserEvent(event) => Update::UserEvent(event),
            Output::Ephemeral(ephemeral) => Update::Ephemeral(ephemeral),
            Output::Sent { pending, ok } => match ok.to_stored() {
                Some(Stored { seq, duplicate, .. }) => Update::Sent { cid: pending.cid, seq, duplicate },
                None => return Ok(None),
            },
            Output::Refused { pending, code, detail } => Update::Refused { cid: pending.cid, code, detail },
            // These concern a page.
            Output::Lost { .. }
            | Output::NewEpoch
            | Output::Resumed { .. }
            | Output::Stale(_)
            | Output::News { .. }
            | Output::OwnStale
            | Output::Outbox { .. } => return Ok(None),
        };
        self.updates.send(update).await.map_err(|_| Stopped::Dropped)?;
        Ok(None)
    }

    async fn connect(&mut self, node: usize) -> Option<Input> {
        self.node = node;
        let patience = self.session.deadline().unwrap_or(0).saturating_sub(self.now());
        let connecting = Socket::connect(self.nodes[node].base());
        match timeout(Duration::from_millis(patience), connecting).await {
            Ok(Ok(socket)) => {
                self.socket = Some(socket);
                None
            }
            Ok(Err(error)) => Some(self.failed(&error)),
            Err(_) => Some(LOST),
        }
    }

    async fn send(&mut self, frame: ClientFrame) -> Option<Input> {
        // Without a socket this is a rest of what was meant for the previous connection.
        let sent = self.socket.as_mut()?.send(&frame).await;
        sent.err().map(|error| self.failed(&error))
    }
}

/// Gets a new access token instead of a stale one.
async fn refresh(api: Api, stale: Option<String>) -> Refreshed {
    if api.refresh_token().is_none() && api.access_token() == stale {
        return Refreshed::Ended;
    }
    match api.renew(stale.as_deref()).await {
        Ok(()) => Refreshed::Renewed,
        Err(ApiError::Problem(problem)) if matches!(problem.status, 401 | 403) => Refreshed::Ended,
        Err(error) => {
            tracing::debug!(%error, "the refresh failed");
            Refreshed::Failed
        }
    }
}
