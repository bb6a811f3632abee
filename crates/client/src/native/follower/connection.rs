//! The life cycle of a follower: connect to any node, send `start` with the cursors, run until the connection ends, and
//! reconnect.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, OkFrame, ReplayState, ServerFrame, Start};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Command, MAX_PENDING, Options, Stopped, Update};
use crate::engine::{Addresses, AfterClose, Cursors, Outbox, after_close};
use crate::native::api::{Api, ApiError};
use crate::native::fraction;
use crate::native::socket::{Received, Socket, SocketError};

/// A connection that is silent for this long is dead: one heartbeat interval plus the time for its answer.
const DEAD_AFTER: Duration = Duration::from_secs(35);
/// Timeout for the answer to `start`.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// If there are other nodes, a node that does not send `hello` within this time is given up.
const GREETING_TIMEOUT: Duration = Duration::from_secs(3);

/// The request that an answer belongs to.
pub(super) enum Waiting {
    Send(String),
    Sync(ConversationId),
    Other,
}

/// Why one connection ended.
pub(super) enum End {
    /// Reconnect.
    Again,
    /// Reconnect, but not to this node before this many milliseconds have passed.
    Pause(u64),
    /// The access token has expired.
    Refresh,
    /// Stop for good.
    Stop(Stopped),
}

impl From<SocketError> for End {
    fn from(error: SocketError) -> Self {
        tracing::debug!(%error, "the socket failed");
        match error {
            SocketError::Refused { retry_after_ms: Some(pause), .. } => Self::Pause(pause),
            _ => Self::Again,
        }
    }
}

pub(super) struct Connection {
    /// The same user's API client for each node.
    nodes: Vec<Api>,
    addresses: Addresses,
    began: Instant,
    pub(super) cursors: Cursors,
    /// Conversations that were followed in an old epoch and are not yet found in the present one.
    void: BTreeSet<ConversationId>,
    pub(super) outbox: Outbox,
    live: Vec<ConversationId>,
    updates: mpsc::Sender<Update>,
    pub(super) waiting: HashMap<u64, Waiting>,
    /// Conversations whose log is being fetched, with the position to reach at least.
    pub(super) wanted: BTreeMap<ConversationId, Seq>,
    /// Cids of messages to retry, and when.
    pub(super) again: Vec<(Instant, String)>,
    next_id: u64,
    /// The access token that the latest connection started with.
    token: Option<String>,
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
        Self {
            addresses: Addresses::new(nodes.len()),
            nodes,
            began: Instant::now(),
            cursors,
            void: BTreeSet::new(),
            outbox: Outbox::default(),
            live: options.live,
            updates,
            waiting: HashMap::new(),
            wanted: BTreeMap::new(),
            again: Vec::new(),
            next_id: 0,
            token: None,
        }
    }

    /// Runs until there is a reason to stop.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) -> Stopped {
        loop {
            let end = self.live(&mut inbox).await;
            self.waiting.clear();
            self.wanted.clear();
            self.again.clear();
            let mut pause = None;
            match end {
                End::Stop(why) => return why,
                End::Refresh => match self.api().renew(self.token.as_deref()).await {
                    Ok(()) => continue,
                    Err(ApiError::Problem(problem)) if problem.status == 401 => return Stopped::SignedOut,
                    Err(error) => tracing::debug!(%error, "the refresh failed"),
                },
                End::Pause(millis) => pause = Some(millis),
                End::Again => {}
            }
            let now = self.now();
            let wait = self.addresses.failed(now, pause, fraction());
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }

    /// The API client of the node that is connected or being tried.
    pub(super) fn api(&self) -> &Api {
        &self.nodes[self.addresses.current()]
    }

    /// Milliseconds since the follower was created.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) async fn tell(&self, update: Update) -> Result<(), End> {
        self.updates.send(update).await.map_err(|_| End::Stop(Stopped::Dropped))
    }

    pub(super) fn id(&mut self, waiting: Waiting) -> u64 {
        self.next_id += 1;
        self.waiting.insert(self.next_id, waiting);
        self.next_id
    }

    /// Runs one connection, from the upgrade to its end.
    async fn live(&mut self, inbox: &mut mpsc::Receiver<Command>) -> End {
        let mut socket = match timeout(START_TIMEOUT, self.open()).await {
            Ok(Ok(socket)) => socket,
            Ok(Err(end)) => return end,
            Err(_) => return End::Again,
        };
        let now = self.now();
        self.addresses.connected(now);
        match self.converse(&mut socket, inbox).await {
            Ok(never) => match never {},
            Err(end @ End::Stop(_)) => end,
            Err(end) => match self.tell(Update::Disconnected).await {
                Ok(()) => end,
                Err(dropped) => dropped,
            },
        }
    }

    async fn open(&mut self) -> Result<Socket, End> {
        let greeting = async {
            let mut socket = Socket::connect(self.api().base()).await?;
            let hello = socket.hello().await?;
            Ok::<_, SocketError>((socket, hello))
        };
        let limit = if self.addresses.has_others() { GREETING_TIMEOUT } else { START_TIMEOUT };
        let (mut socket, hello) = timeout(limit, greeting).await.map_err(|_| End::Again)??;
        let known: Vec<ConversationId> = self.cursors.conversations().keys().copied().collect();
        let void = self.cursors.set_epoch(&hello.epoch);
        if void {
            self.void.extend(known);
        }
        let id = self.id(Waiting::Other);
        self.token = self.api().access_token();
        let start = Start {
            id,
            token: self.token.clone(),
            epoch: Some(hello.epoch),
            user_cursor: self.cursors.user(),
            cursors: self.cursors.conversations().clone(),
            live: self.live.clone(),
        };
        socket.send(&ClientFrame::Start(start)).await?;
        loop {
            match socket.next().await? {
                Received::Frame(ServerFrame::Ok(answer)) if answer.id == id => {
                    self.waiting.remove(&id);
                    self.tell(Update::Connected).await?;
                    self.started(&mut socket, *answer).await?;
                    return Ok(socket);
                }
                Received::Frame(ServerFrame::Error(error)) => {
                    // The close code that follows says whether to reconnect.
                    tracing::debug!(?error, "start was refused");
                    if error.code == ErrorCode::TokenExpired {
                        return Err(End::Refresh);
                    }
                }
                Received::Frame(_) => {}
                Received::Closed(code) => return Err(closed(code)),
            }
        }
    }

    async fn started(&mut self, socket: &mut Socket, answer: OkFrame) -> Result<(), End> {
        if let Some(user) = answer.user {
            let known = self.cursors.user();
            if known.is_none() || user.state != ReplayState::Replay {
                self.cursors.follow_user(user.head.unwrap_or(0));
            }
        }
        for (conversation, state) in answer.conversations.unwrap_or_default() {
            let head = state.head.unwrap_or(0);
            let void = self.void.remove(&conversation);
            match (state.state, self.cursors.get(conversation)) {
                (ReplayState::Gone, known) => {
                    self.cursors.forget(conversation);
                    if known.is_some() || void {
                        self.tell(Update::Left(conversation)).await?;
                    }
                }
                (ReplayState::Reset, _) => {
                    self.cursors.follow(conversation, head);
                    self.tell(Update::Reset { conversation, after: head }).await?;
                }
                (_, None) => {
                    self.cursors.follow(conversation, head);
                    let update = if void {
                        Update::Reset { conversation, after: head }
                    } else {
                        Update::Following { conversation, after: head }
                    };
                    self.tell(update).await?;
                }
                (ReplayState::Gap, Some(_)) => self.learn(socket, conversation, head).await?,
                // The missed events follow.
                (ReplayState::Replay, Some(_)) => {}
            }
        }
        // The new epoch's answer omits conversations that it does not know.
        while let Some(conversation) = self.void.pop_first() {
            self.tell(Update::Left(conversation)).await?;
        }
        let unsent: Vec<String> = self.outbox.unsent().map(|pending| pending.cid.clone()).collect();
        for cid in unsent {
            self.try_send(socket, &cid).await?;
        }
        Ok(())
    }

    /// The steady state: handles frames, commands and timers.
    async fn converse(
        &mut self,
        socket: &mut Socket,
        inbox: &mut mpsc::Receiver<Command>,
    ) -> Result<std::convert::Infallible, End> {
        let heartbeat = Duration::from_millis(parlour_protocol::limits::HEARTBEAT_MS);
        let mut heard = Instant::now();
        // The first ping is sent at a random time, so that a thousand clients do not ping in unison.
        let mut ping_at = heard + heartbeat.mul_f64(fraction());
        loop {
            let room = self.outbox.unsent().count() < MAX_PENDING;
            let retry_at = self.again.iter().map(|(at, _)| *at).min();
            tokio::select! {
                received = socket.next() => {
                    heard = Instant::now();
                    match received? {
                        Received::Frame(frame) => self.receive(socket, frame).await?,
                        Received::Closed(code) => return Err(closed(code)),
                    }
                }
                command = inbox.recv(), if room => match command {
                    None => return Err(End::Stop(Stopped::Dropped)),
                    Some(command) => self.obey(socket, command).await?,
                },
                () = sleep_until(ping_at) => {
                    if heard.elapsed() >= heartbeat || ping_at < heard + heartbeat {
                        let id = self.id(Waiting::Other);
                        socket.send(&ClientFrame::Ping { id }).await?;
                    }
                    ping_at = Instant::now() + heartbeat;
                }
                () = sleep_until(heard + DEAD_AFTER) => return Err(End::Again),
                () = sleep_until(retry_at.unwrap_or(heard + DEAD_AFTER)), if retry_at.is_some() => {
                    let now = Instant::now();
                    let (due, later): (Vec<_>, Vec<_>) = self.again.drain(..).partition(|(at, _)| *at <= now);
                    self.again = later;
                    for (_, cid) in due {
                        self.try_send(socket, &cid).await?;
                    }
                }
            }
        }
    }

    async fn obey(&mut self, socket: &mut Socket, command: Command) -> Result<(), End> {
        match command {
            Command::Send { conversation, cid, body, reply_to } => {
                self.outbox.push(conversation, cid.clone(), body, reply_to);
                self.try_send(socket, &cid).await
            }
            Command::Focus(live) => {
                self.live.clone_from(&live);
                let id = self.id(Waiting::Other);
                Ok(socket.send(&ClientFrame::Focus { id, live }).await?)
            }
        }
    }

    async fn try_send(&mut self, socket: &mut Socket, cid: &str) -> Result<(), End> {
        let Some(pending) = self.outbox.unsent().find(|pending| pending.cid == cid).cloned() else {
            return Ok(());
        };
        let id = self.id(Waiting::Send(pending.cid.clone()));
        Ok(socket.send(&pending.command(id)).await?)
    }
}

fn closed(code: u16) -> End {
    match after_close(code) {
        AfterClose::Reconnect => End::Again,
        AfterClose::Refresh => End::Refresh,
        AfterClose::Stop => End::Stop(Stopped::Closed(code)),
    }
}
