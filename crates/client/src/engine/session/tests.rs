//! Each decision of a session, one at a time.

mod acting;
mod connecting;
mod following;

use parlour_protocol::events::{Change, Event, UserChange, UserEvent};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{
    ClientFrame, EffectOutcome, ErrorFrame, Hello, OkFrame, ReplayState, ServerFrame, StreamState,
};
use parlour_protocol::time::Timestamp;

use super::{Client, Input, Output, Session};
use crate::engine::Act;

const ROOM: ConversationId = ConversationId(1);
const DIRECT: ConversationId = ConversationId(2);
const OTHER: ConversationId = ConversationId(3);

/// A session with a clock.
struct Driver {
    session: Session,
    now: u64,
}

impl Driver {
    fn new(client: Client) -> Self {
        Self { session: Session::new(client, 1, "mine".into(), Box::new(|| 0.5)), now: 1_000 }
    }

    /// A session that is connected; the server answered with these states.
    fn connected(client: Client, states: &[(ConversationId, StreamState)]) -> Self {
        let mut driver = Self::new(client);
        driver.feed(Input::Begin);
        driver.greet(states);
        driver
    }

    /// A connected program that follows the room, which is live, from a position.
    fn program(head: Seq) -> Self {
        let mut driver = Self::new(Client::Program);
        driver.session.set_live(vec![ROOM]);
        driver.feed(Input::Begin);
        driver.greet(&[(ROOM, state(ReplayState::Replay, head))]);
        driver
    }

    /// A connected page with the room open, a direct chat, and another room, each read up to a position.
    fn page(head: Seq) -> Self {
        let mut driver = Self::new(Client::Page);
        driver.session.set_live(vec![ROOM]);
        for (conversation, direct) in [(ROOM, false), (DIRECT, true), (OTHER, false)] {
            driver.feed(Input::Entry { conversation, head, direct });
        }
        driver.feed(Input::Begin);
        let replay = state(ReplayState::Replay, head);
        driver.greet(&[(ROOM, replay), (DIRECT, replay), (OTHER, replay)]);
        driver
    }

    fn feed(&mut self, input: Input) -> Vec<Output> {
        self.session.handle(input, self.now)
    }

    fn frame(&mut self, frame: ServerFrame) -> Vec<Output> {
        self.feed(Input::Frame(frame))
    }

    fn hello(&mut self, epoch: &str) -> Vec<Output> {
        let (epoch, heartbeat_ms, max_frame_bytes) = (epoch.to_owned(), 25_000, 16_384);
        self.frame(ServerFrame::Hello(Hello {
            epoch,
            heartbeat_ms,
            max_frame_bytes,
            server_time: Timestamp(0),
        }))
    }

    /// The server's side of connecting. Returns the outputs for its response to `start`.
    fn greet(&mut self, states: &[(ConversationId, StreamState)]) -> Vec<Output> {
        let outputs = self.hello("one");
        let start = outputs.iter().find_map(|one| match one {
            Output::Start(start) => Some(start.id),
            _ => None,
        });
        self.answer_start(start.unwrap(), states)
    }

    fn answer_start(&mut self, id: u64, states: &[(ConversationId, StreamState)]) -> Vec<Output> {
        let user = Some(state(ReplayState::Replay, 5));
        self.ok(OkFrame::started(id, user, states.iter().copied().collect()))
    }

    fn ok(&mut self, ok: OkFrame) -> Vec<Output> {
        self.frame(ServerFrame::Ok(Box::new(ok)))
    }

    fn refuse(&mut self, id: u64, code: ErrorCode, retry_after_ms: Option<u64>) -> Vec<Output> {
        let retry = matches!(code, ErrorCode::RateLimited | ErrorCode::Unavailable);
        let (id, detail, outcome) = (Some(id), None, EffectOutcome::None);
        self.frame(ServerFrame::Error(ErrorFrame { id, code, detail, retry, retry_after_ms, outcome }))
    }

    fn close(&mut self, code: u16) -> Vec<Output> {
        self.feed(Input::Closed { code, pause: None })
    }

    /// Lets time pass up to the next deadline.
    fn wait(&mut self) -> Vec<Output> {
        self.now = self.session.deadline().unwrap().max(self.now);
        self.feed(Input::Tick)
    }

    fn event(&mut self, conversation: ConversationId, seq: Seq) -> Vec<Output> {
        self.frame(ServerFrame::Event(event(conversation, seq)))
    }

    fn send(&mut self, conversation: ConversationId, cid: &str) -> Vec<Output> {
        let act = Act::Send { body: cid.to_owned(), reply_to: None };
        self.feed(Input::Act { conversation, cid: cid.to_owned(), act })
    }
}

fn state(state: ReplayState, head: Seq) -> StreamState {
    StreamState { head: (state != ReplayState::Gone).then_some(head), state, read_seq: None }
}

fn event(conversation: ConversationId, seq: Seq) -> Event {
    let (body, cid) = (Some("hi".to_owned()), format!("cid-{seq}"));
    let author = UserId(1);
    let change =
        Change::MessageCreated { author, cid, body, reply_to: None, reply_author: None, mentions: None };
    Event { conversation, seq, at: Timestamp(seq), change }
}

fn user_event(seq: Seq, change: UserChange) -> ServerFrame {
    ServerFrame::UserEvent(UserEvent { seq, at: Timestamp(seq), change })
}

/// The commands among the outputs.
fn commands(outputs: &[Output]) -> Vec<&ClientFrame> {
    let mut commands = Vec::new();
    for output in outputs {
        if let Output::Send(frame) = output {
            commands.push(frame);
        }
    }
    commands
}

/// The only `sync` among the outputs: its id and the position after which it reads.
fn sync(outputs: &[Output]) -> (u64, Seq) {
    match commands(outputs)[..] {
        [ClientFrame::Sync { id, after, .. }] => (*id, *after),
        ref other => panic!("{other:?}"),
    }
}

/// The only message sent among the outputs: the id of the command and the cid.
fn sent(outputs: &[Output]) -> (u64, &str) {
    match commands(outputs)[..] {
        [ClientFrame::Send { id, cid, .. }] => (*id, cid),
        ref other => panic!("{other:?}"),
    }
}

/// The positions of the applied events.
fn applied(outputs: &[Output]) -> Vec<Seq> {
    let seq = |one: &Output| match one {
        Output::Event(event) => Some(event.seq),
        _ => None,
    };
    outputs.iter().filter_map(seq).collect()
}
