//! Follows everything that a person takes part in, for as long as it takes: reconnects to any node, resumes from
//! cursors, fills holes, and sends unsettled messages again under the same names.
//!
//! Invariant: for every followed conversation, updates carry each event exactly once, in the order of `seq`,
//! without holes; what cannot be continued is said as [`Update::Reset`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use parlour_protocol::conversations::EventPage;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{
    ClientFrame, Ephemeral, ErrorFrame, Event, OkFrame, ReplayState, ServerFrame, Start, UserChange,
    UserEvent,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::api::{Api, ApiError};
use super::chance;
use super::socket::{Received, Socket, SocketError};
use crate::engine::{Addresses, AfterClose, Cursors, Outbox, Verdict, after_close};

/// Silence after which a connection counts as dead: one heartbeat and the time for its answer.
const DEAD_AFTER: Duration = Duration::from_secs(35);
/// The answer to `start` takes at most so long.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Where there are other nodes to go to, one that does not greet for so long is left.
const GREETING_TIMEOUT: Duration = Duration::from_secs(3);
/// Messages that wait for their answer at the same time; commands wait while there are more.
const MAX_PENDING: usize = 256;
/// A refused command that may succeed later is tried again after this, when the server says nothing else.
const RETRY: Duration = Duration::from_secs(1);

/// How to follow.
#[derive(Clone)]
pub struct Options {
    /// Conversations whose events arrive at once; the others follow within two seconds.
    pub live: Vec<ConversationId>,
    /// Positions to continue from, for example from an earlier run. Conversations without one begin at their head.
    pub cursors: BTreeMap<ConversationId, Seq>,
    /// How many updates wait for their reader.
    pub queue: usize,
    /// The same person on further nodes of the same server. When a node refuses or dies, the next one is tried at
    /// once; only when all of them were tried in vain, there is a wait.
    pub others: Vec<Api>,
}

impl Default for Options {
    fn default() -> Self {
        Self { live: Vec::new(), cursors: BTreeMap::new(), queue: 256, others: Vec::new() }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// The connection stands; everything missed comes next.
    Connected,
    /// The connection is gone; a new one is on its way.
    Disconnected,
    /// A conversation is followed from after this position; what is before is history.
    Following {
        /// Which.
        conversation: ConversationId,
        /// Events with a higher position follow.
        after: Seq,
    },
    /// A conversation is not followed any more.
    Left(ConversationId),
    /// What was built from this conversation's events is void: fetch it anew. Events follow after this position.
    Reset {
        /// Which.
        conversation: ConversationId,
        /// Events with a higher position follow.
        after: Seq,
    },
    /// The next event of a followed conversation.
    Event(Event),
    /// The next event of one's own stream.
    UserEvent(UserEvent),
    /// Something that is not kept.
    Ephemeral(Ephemeral),
    /// A message was stored.
    Sent {
        /// Its name.
        cid: String,
        /// Its position.
        seq: Seq,
        /// An earlier attempt had stored it already.
        duplicate: bool,
    },
    /// A message was refused for good.
    Refused {
        /// Its name.
        cid: String,
        /// Why.
        code: ErrorCode,
        /// The server's sentence.
        detail: String,
    },
}

/// Why a follower stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The server closed for good.
    #[error("the server closed the connection with code {0}")]
    Closed(u16),
    /// The log-in is over.
    #[error("the session has ended")]
    SignedOut,
    /// Nobody reads the updates any more.
    #[error("nobody listens")]
    Dropped,
}

enum Command {
    Send { conversation: ConversationId, cid: String, body: String, reply_to: Option<Seq> },
    Focus(Vec<ConversationId>),
}

/// A running follower. Dropping it ends the connection.
pub struct Follower {
    commands: mpsc::Sender<Command>,
    updates: mpsc::Receiver<Update>,
    task: Option<JoinHandle<Stopped>>,
}

impl Follower {
    /// Begins to follow as the person whom `api` is logged in as. Has to be called inside a tokio runtime.
    pub fn start(api: Api, options: Options) -> Self {
        let (commands, inbox) = mpsc::channel(MAX_PENDING);
        let (outlet, updates) = mpsc::channel(options.queue.max(1));
        let mut cursors = Cursors::default();
        for (conversation, seq) in options.cursors {
            cursors.follow(conversation, seq);
        }
        let nodes: Vec<Api> = std::iter::once(api).chain(options.others).collect();
        let state = State {
            addresses: Addresses::new(nodes.len()),
            nodes,
            began: Instant::now(),
            cursors,
            void: BTreeSet::new(),
            outbox: Outbox::default(),
            live: options.live,
            updates: outlet,
            waiting: HashMap::new(),
            wanted: BTreeMap::new(),
            again: Vec::new(),
            next_id: 0,
        };
        Self { commands, updates, task: Some(tokio::spawn(state.run(inbox))) }
    }

    /// The next update, or why there are no more.
    pub async fn next(&mut self) -> Result<Update, Stopped> {
        match self.updates.recv().await {
            Some(update) => Ok(update),
            None => Err(match self.task.take() {
                Some(task) => task.await.unwrap_or(Stopped::Dropped),
                None => Stopped::Dropped,
            }),
        }
    }

    /// Sends a message. It is tried until it was stored or refused, always under the same name. Waits while many
    /// messages are unsettled, so the updates have to be read meanwhile.
    pub async fn send(
        &self,
        conversation: ConversationId,
        cid: &str,
        body: &str,
        reply_to: Option<Seq>,
    ) -> Result<(), Stopped> {
        self.command(Command::Send { conversation, cid: cid.to_owned(), body: body.to_owned(), reply_to })
            .await
    }

    /// Replaces the conversations whose events arrive at once.
    pub async fn focus(&self, live: Vec<ConversationId>) -> Result<(), Stopped> {
        self.command(Command::Focus(live)).await
    }

    async fn command(&self, command: Command) -> Result<(), Stopped> {
        self.commands.send(command).await.map_err(|_| Stopped::Dropped)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// What an answer belongs to.
enum Waiting {
    Send(String),
    Sync(ConversationId),
    Other,
}

/// Why one connection ended.
enum End {
    /// Connect again.
    Again,
    /// Connect again, here not before so many milliseconds have passed.
    Pause(u64),
    /// The access token is over.
    Refresh,
    /// It is over for good.
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

struct State {
    /// The same person on every node.
    nodes: Vec<Api>,
    addresses: Addresses,
    began: Instant,
    cursors: Cursors,
    /// Followed in a history that is no more, and not yet found in the present one.
    void: BTreeSet<ConversationId>,
    outbox: Outbox,
    live: Vec<ConversationId>,
    updates: mpsc::Sender<Update>,
    waiting: HashMap<u64, Waiting>,
    /// Conversations whose log is being read, and up to where at least.
    wanted: BTreeMap<ConversationId, Seq>,
    /// Names of messages to try again, and when.
    again: Vec<(Instant, String)>,
    next_id: u64,
}

impl State {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) -> Stopped {
        loop {
            let end = self.connection(&mut inbox).await;
            self.waiting.clear();
            self.wanted.clear();
            self.again.clear();
            let mut pause = None;
            match end {
                End::Stop(why) => return why,
                End::Refresh => match self.api().refresh().await {
                    Ok(_) => continue,
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

    /// The node that is connected, or tried.
    fn api(&self) -> &Api {
        &self.nodes[self.addresses.current()]
    }

    /// Milliseconds since the beginning.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn tell(&self, update: Update) -> Result<(), End> {
        self.updates.send(update).await.map_err(|_| End::Stop(Stopped::Dropped))
    }

    fn id(&mut self, waiting: Waiting) -> u64 {
        self.next_id += 1;
        self.waiting.insert(self.next_id, waiting);
        self.next_id
    }

    /// One connection, from the upgrade to its end.
    async fn connection(&mut self, inbox: &mut mpsc::Receiver<Command>) -> End {
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
        let start = Start {
            id,
            token: self.api().access_token(),
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
                    // The closing code that follows says whether to come back.
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
                // What was missed follows as events.
                (ReplayState::Replay, Some(_)) => {}
            }
        }
        // What another history does not know at all is not mentioned by it either.
        while let Some(conversation) = self.void.pop_first() {
            self.tell(Update::Left(conversation)).await?;
        }
        let unsent: Vec<String> = self.outbox.unsent().map(|pending| pending.cid.clone()).collect();
        for cid in unsent {
            self.try_send(socket, &cid).await?;
        }
        Ok(())
    }

    /// The steady state: frames, commands and the clock.
    async fn converse(
        &mut self,
        socket: &mut Socket,
        inbox: &mut mpsc::Receiver<Command>,
    ) -> Result<std::convert::Infallible, End> {
        let heartbeat = Duration::from_millis(parlour_protocol::limits::HEARTBEAT_MS);
        let mut heard = Instant::now();
        // The first ping comes at a random time, so that a thousand clients do not ping as one.
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
        let frame = ClientFrame::Send {
            id,
            conversation: pending.conversation,
            cid: pending.cid,
            body: pending.body,
            reply_to: pending.reply_to,
        };
        Ok(socket.send(&frame).await?)
    }

    async fn receive(&mut self, socket: &mut Socket, frame: ServerFrame) -> Result<(), End> {
        match frame {
            ServerFrame::Ok(answer) => self.answered(socket, *answer).await,
            ServerFrame::Error(error) => self.refused(error).await,
            ServerFrame::Event(event) => self.event(socket, event).await,
            ServerFrame::UserEvent(event) => self.user_event(event).await,
            ServerFrame::Ephemeral(ephemeral) => self.tell(Update::Ephemeral(ephemeral)).await,
            ServerFrame::Heads { conversations } => {
                for (conversation, head) in conversations {
                    self.learn(socket, conversation, head).await?;
                }
                Ok(())
            }
            ServerFrame::Resync { conversations, user } => {
                for (conversation, head) in conversations {
                    self.learn(socket, conversation, head).await?;
                }
                match user {
                    // One's own stream is read at `start` only.
                    Some(head) if self.cursors.user().is_some_and(|cursor| cursor < head) => Err(End::Again),
                    _ => Ok(()),
                }
            }
            ServerFrame::Hello(_) | ServerFrame::Unknown => Ok(()),
        }
    }

    async fn event(&mut self, socket: &mut Socket, event: Event) -> Result<(), End> {
        match self.cursors.observe(event.conversation, event.seq) {
            Verdict::Apply => self.tell(Update::Event(event)).await,
            Verdict::Ignore => Ok(()),
            Verdict::Fetch { .. } => self.learn(socket, event.conversation, event.seq).await,
        }
    }

    async fn user_event(&mut self, event: UserEvent) -> Result<(), End> {
        match self.cursors.observe_user(event.seq) {
            Verdict::Ignore => return Ok(()),
            Verdict::Fetch { .. } => return Err(End::Again),
            Verdict::Apply => {}
        }
        let change = event.change.clone();
        self.tell(Update::UserEvent(event)).await?;
        match change {
            UserChange::ConversationJoined { conversation } if self.cursors.get(conversation).is_none() => {
                // Its head is asked for by REST: the socket tells only what comes after.
                match self.api().conversation(conversation).await {
                    Ok(found) => {
                        self.cursors.follow(conversation, found.head);
                        self.tell(Update::Following { conversation, after: found.head }).await
                    }
                    // Left again already.
                    Err(ApiError::Problem(_)) => Ok(()),
                    Err(ApiError::Transport(_)) => Err(End::Again),
                }
            }
            UserChange::ConversationLeft { conversation } => {
                self.cursors.forget(conversation);
                self.wanted.remove(&conversation);
                self.tell(Update::Left(conversation)).await
            }
            _ => Ok(()),
        }
    }

    /// Notes a head and reads the log up to it, unless that happens already.
    async fn learn(
        &mut self,
        socket: &mut Socket,
        conversation: ConversationId,
        head: Seq,
    ) -> Result<(), End> {
        let Verdict::Fetch { after } = self.cursors.observe_head(conversation, head) else {
            return Ok(());
        };
        if let Some(wanted) = self.wanted.get_mut(&conversation) {
            *wanted = head.max(*wanted);
            return Ok(());
        }
        self.wanted.insert(conversation, head);
        self.sync(socket, conversation, after).await
    }

    async fn sync(
        &mut self,
        socket: &mut Socket,
        conversation: ConversationId,
        after: Seq,
    ) -> Result<(), End> {
        let id = self.id(Waiting::Sync(conversation));
        Ok(socket.send(&ClientFrame::Sync { id, conversation, after, limit: None }).await?)
    }

    async fn answered(&mut self, socket: &mut Socket, answer: OkFrame) -> Result<(), End> {
        match self.waiting.remove(&answer.id) {
            Some(Waiting::Send(cid)) => {
                self.outbox.settled(&cid);
                let (seq, duplicate) = (answer.seq.unwrap_or(0), answer.duplicate.unwrap_or(false));
                self.tell(Update::Sent { cid, seq, duplicate }).await
            }
            Some(Waiting::Sync(conversation)) => {
                let items = answer.events.unwrap_or_default();
                let next_after = items.last().map_or(0, |event| event.seq);
                self.page(
                    socket,
                    conversation,
                    EventPage { items, head: answer.head.unwrap_or(0), next_after },
                )
                .await
            }
            Some(Waiting::Other) | None => Ok(()),
        }
    }

    async fn page(
        &mut self,
        socket: &mut Socket,
        conversation: ConversationId,
        page: EventPage,
    ) -> Result<(), End> {
        let empty = page.items.is_empty();
        for event in page.items {
            if self.cursors.observe(event.conversation, event.seq) == Verdict::Apply {
                self.tell(Update::Event(event)).await?;
            }
        }
        let wanted = self.wanted.remove(&conversation).unwrap_or(0).max(page.head);
        match self.cursors.observe_head(conversation, wanted) {
            Verdict::Fetch { after } if !empty => {
                self.wanted.insert(conversation, wanted);
                self.sync(socket, conversation, after).await
            }
            // A head that the log does not have: another history. A new connection clears it up.
            Verdict::Fetch { .. } => Err(End::Again),
            _ => Ok(()),
        }
    }

    async fn refused(&mut self, error: ErrorFrame) -> Result<(), End> {
        let detail = error.detail.unwrap_or_else(|| error.code.title().to_owned());
        match error.id.and_then(|id| self.waiting.remove(&id)) {
            Some(Waiting::Send(cid)) if error.retry => {
                let wait = error.retry_after_ms.map_or(RETRY, Duration::from_millis);
                self.again.push((Instant::now() + wait, cid));
                Ok(())
            }
            Some(Waiting::Send(cid)) => {
                self.outbox.settled(&cid);
                self.tell(Update::Refused { cid, code: error.code, detail }).await
            }
            Some(Waiting::Sync(conversation)) => {
                self.wanted.remove(&conversation);
                if error.retry {
                    // Resuming reads the log anew.
                    return Err(End::Again);
                }
                self.cursors.forget(conversation);
                self.tell(Update::Left(conversation)).await
            }
            Some(Waiting::Other) | None => Ok(()),
        }
    }
}

/// A random number in 0..1.
fn fraction() -> f64 {
    (chance() >> 11) as f64 / (1_u64 << 53) as f64
}

fn closed(code: u16) -> End {
    match after_close(code) {
        AfterClose::Reconnect => End::Again,
        AfterClose::Refresh => End::Refresh,
        AfterClose::Stop => End::Stop(Stopped::Closed(code)),
    }
}
