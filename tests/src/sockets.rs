//! A socket with a vocabulary for tests: what must arrive, what must not, and how it ends.
//!
//! Frames are sorted by kind as they arrive, so that an early presence does not hide an event; within a kind they keep
//! their order of arrival.

use std::collections::{BTreeMap, VecDeque};

use parlour_client::native::Socket;
use parlour_protocol::events::{Ephemeral, Event, UserChange, UserEvent};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{
    ClientFrame, CloseCode, ErrorFrame, Hello, News, OkFrame, ServerFrame, Start,
};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::DEADLINE;

/// Received heads, and the news with them.
type Told = (BTreeMap<ConversationId, Seq>, BTreeMap<ConversationId, News>);

/// An open socket.
pub struct TestSocket {
    /// The server's first frame.
    pub hello: Hello,
    socket: Socket,
    next_id: u64,
    events: VecDeque<(String, Event)>,
    user_events: VecDeque<UserEvent>,
    ephemerals: VecDeque<Ephemeral>,
    heads: VecDeque<Told>,
    answers: VecDeque<Result<OkFrame, ErrorFrame>>,
    resyncs: VecDeque<(BTreeMap<ConversationId, Seq>, Option<Seq>)>,
    closed: Option<u16>,
}

impl TestSocket {
    /// Connects and reads the `hello`.
    pub async fn connect(address: &str) -> Self {
        let connecting = async {
            let mut socket = Socket::connect(&address.parse().unwrap()).await.expect("connects");
            let hello = socket.hello().await.expect("hello");
            (socket, hello)
        };
        let (socket, hello) = tokio::time::timeout(DEADLINE, connecting).await.expect("hello in time");
        Self {
            hello,
            socket,
            next_id: 0,
            events: VecDeque::new(),
            user_events: VecDeque::new(),
            ephemerals: VecDeque::new(),
            heads: VecDeque::new(),
            answers: VecDeque::new(),
            resyncs: VecDeque::new(),
            closed: None,
        }
    }

    /// Reads one document and sorts it by kind. Returns false if the server has closed.
    async fn read(&mut self, for_what: &str) -> bool {
        if self.closed.is_some() {
            return false;
        }
        let text = match tokio::time::timeout(DEADLINE, self.socket.next_text()).await {
            Err(_) => panic!("waited in vain for {for_what}; {}", self.summary()),
            Ok(Err(error)) => panic!("{error} while waiting for {for_what}; {}", self.summary()),
            Ok(Ok(Err(code))) => {
                self.closed = Some(code);
                return false;
            }
            Ok(Ok(Ok(text))) => text,
        };
        match serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")) {
            ServerFrame::Event(event) => self.events.push_back((text, event)),
            ServerFrame::UserEvent(event) => self.user_events.push_back(event),
            ServerFrame::Ephemeral(ephemeral) => self.ephemerals.push_back(ephemeral),
            ServerFrame::Heads { conversations, news } => self.heads.push_back((conversations, news)),
            ServerFrame::Ok(ok) => self.answers.push_back(Ok(*ok)),
            ServerFrame::Error(error) => self.answers.push_back(Err(error)),
            ServerFrame::Resync { conversations, user } => self.resyncs.push_back((conversations, user)),
            ServerFrame::Hello(_) | ServerFrame::Unknown => panic!("not now: {text}"),
        }
        true
    }

    fn summary(&self) -> String {
        format!(
            "events {:?}, user events {:?}, ephemerals {:?}, heads {:?}, answers {:?}, closed {:?}",
            self.events.iter().map(|(_, event)| event).collect::<Vec<_>>(),
            self.user_events,
            self.ephemerals,
            self.heads,
            self.answers,
            self.closed
        )
    }

    async fn must_read(&mut self, for_what: &str) {
        assert!(self.read(for_what).await, "closed while waiting for {for_what}; {}", self.summary());
    }

    // Commands.

    /// Sends a command without waiting for its response, which [`Self::answer`] takes later; returns the command's id.
    pub async fn post(&mut self, command: impl FnOnce(u64) -> ClientFrame) -> u64 {
        self.next_id += 1;
        self.socket.send(&command(self.next_id)).await.expect("sends the command");
        self.next_id
    }

    /// The response to a command.
    pub async fn answer(&mut self, id: u64) -> Result<OkFrame, ErrorFrame> {
        loop {
            let position = self.answers.iter().position(|answer| match answer {
                Ok(ok) => ok.id == id,
                Err(error) => error.id == Some(id),
            });
            if let Some(answer) = position.and_then(|position| self.answers.remove(position)) {
                return answer;
            }
            self.must_read(&format!("the answer to command {id}")).await;
        }
    }

    /// The response to `start`, or the code with which the server closes after it has refused.
    pub async fn ending(&mut self, id: u64) -> Result<OkFrame, u16> {
        while self.answers.is_empty() && self.read(&format!("the answer to command {id}")).await {}
        if let Some(Ok(_)) = self.answers.front() {
            return Ok(self.answer(id).await.expect("it is a yes"));
        }
        while self.read("the close").await {}
        Err(self.closed.expect("a close"))
    }

    /// Sends a command and waits for its response.
    pub async fn command(&mut self, command: impl FnOnce(u64) -> ClientFrame) -> Result<OkFrame, ErrorFrame> {
        let id = self.post(command).await;
        self.answer(id).await
    }

    /// Sends `start`.
    pub async fn start(&mut self, start: Start) -> Result<OkFrame, ErrorFrame> {
        self.command(|id| ClientFrame::Start(Start { id, ..start })).await
    }

    /// Sends a message.
    pub async fn send(
        &mut self,
        conversation: ConversationId,
        cid: &str,
        body: &str,
    ) -> Result<OkFrame, ErrorFrame> {
        let (cid, body) = (cid.to_owned(), body.to_owned());
        self.command(|id| ClientFrame::Send { id, conversation, cid, body, reply_to: None }).await
    }

    /// Replaces the conversations that are followed live.
    pub async fn focus(&mut self, live: &[ConversationId]) {
        let live = live.to_vec();
        self.command(|id| ClientFrame::Focus { id, live }).await.expect("focuses");
    }

    /// Sends anything at all.
    pub async fn raw(&mut self, message: Message) {
        self.socket.send_raw(message).await.expect("sends");
    }

    // Expectations.

    /// The next durable event, whatever it is.
    pub async fn event(&mut self) -> Event {
        self.event_with_text().await.1
    }

    /// The next durable event and the text that it came as.
    pub async fn event_with_text(&mut self) -> (String, Event) {
        while self.events.is_empty() {
            self.must_read("an event").await;
        }
        self.events.pop_front().unwrap()
    }

    /// A durable event that has already arrived, if any.
    pub fn take_event(&mut self) -> Option<Event> {
        self.events.pop_front().map(|(_, event)| event)
    }

    /// The next durable event, which must be this one.
    pub async fn expect_event(&mut self, conversation: ConversationId, seq: Seq) -> Event {
        let event = self.event().await;
        assert_eq!((event.conversation, event.seq), (conversation, seq), "{event:?}");
        event
    }

    /// The next event of the person's own stream.
    pub async fn user_event(&mut self) -> UserEvent {
        while self.user_events.is_empty() {
            self.must_read("a user event").await;
        }
        self.user_events.pop_front().unwrap()
    }

    /// The next event of the person's own stream, which must be this change.
    pub async fn expect_user(&mut self, change: UserChange) -> UserEvent {
        let event = self.user_event().await;
        assert_eq!(event.change, change);
        event
    }

    /// The next ephemeral.
    pub async fn ephemeral(&mut self) -> Ephemeral {
        while self.ephemerals.is_empty() {
            self.must_read("something ephemeral").await;
        }
        self.ephemerals.pop_front().unwrap()
    }

    /// An ephemeral that has already arrived, if any.
    pub fn take_ephemeral(&mut self) -> Option<Ephemeral> {
        self.ephemerals.pop_front()
    }

    /// Waits until the head of a conversation is reported as `seq`. Returns the news that came with it and with earlier
    /// heads.
    pub async fn expect_head(&mut self, conversation: ConversationId, seq: Seq) -> Vec<Option<News>> {
        let mut told = Vec::new();
        loop {
            while let Some((heads, mut news)) = self.heads.pop_front() {
                let Some(head) = heads.get(&conversation) else { continue };
                assert!(*head <= seq, "head {head} instead of {seq}");
                told.push(news.remove(&conversation));
                if *head == seq {
                    return told;
                }
            }
            self.must_read("heads").await;
        }
    }

    /// The next reported head of a conversation, and the news with it.
    pub async fn any_head(&mut self, conversation: ConversationId) -> (Seq, Option<News>) {
        loop {
            while let Some((heads, mut news)) = self.heads.pop_front() {
                if let Some(head) = heads.get(&conversation) {
                    return (*head, news.remove(&conversation));
                }
            }
            self.must_read("heads").await;
        }
    }

    /// The next resync.
    pub async fn resync(&mut self) -> (BTreeMap<ConversationId, Seq>, Option<Seq>) {
        while self.resyncs.is_empty() {
            self.must_read("a resync").await;
        }
        self.resyncs.pop_front().unwrap()
    }

    /// The next error frame: for a frame whose id could not be read, or for this command.
    pub async fn expect_error(&mut self, id: Option<u64>, code: ErrorCode) -> ErrorFrame {
        while self.answers.is_empty() {
            self.must_read("an error").await;
        }
        let error = self.answers.pop_front().unwrap().expect_err("a refusal");
        assert_eq!((error.id, error.code), (id, code), "{error:?}");
        error
    }

    /// Everything durable or ephemeral that arrived up to an event, as JSON; all of it counts as taken. For comparing
    /// what two people see.
    pub async fn trace_until(&mut self, conversation: ConversationId, seq: Seq) -> Value {
        let is_last = |(_, event): &(String, Event)| (event.conversation, event.seq) == (conversation, seq);
        while !self.events.iter().any(is_last) {
            self.must_read("the last event of a trace").await;
        }
        self.command(|id| ClientFrame::Ping { id }).await.expect("pongs");
        let events: Vec<Event> = self.events.drain(..).map(|(_, event)| event).collect();
        json!({
            "events": events,
            "user_events": self.user_events.drain(..).collect::<Vec<_>>(),
            "ephemerals": self.ephemerals.drain(..).collect::<Vec<_>>(),
        })
    }

    /// Nothing has arrived that was not taken. Frames already queued arrive before the response to a ping.
    pub async fn expect_nothing(&mut self) {
        self.command(|id| ClientFrame::Ping { id }).await.expect("pongs");
        let quiet = self.events.is_empty()
            && self.user_events.is_empty()
            && self.ephemerals.is_empty()
            && self.heads.is_empty()
            && self.resyncs.is_empty()
            && self.answers.is_empty();
        assert!(quiet, "expected nothing, got {}", self.summary());
    }

    /// Like [`Self::expect_nothing`], for events alone.
    pub async fn expect_no_event(&mut self) {
        self.command(|id| ClientFrame::Ping { id }).await.expect("pongs");
        assert!(self.events.is_empty(), "expected no event, got {}", self.summary());
    }

    /// The server closes with this code, after anything sent before.
    pub async fn expect_close(&mut self, code: u16) {
        while self.read(&format!("the closing code {code}")).await {}
        assert_eq!(self.closed, Some(code), "{}", self.summary());
        let expected =
            CloseCode::ALL.iter().find(|known| known.code() == code).expect("a code of the protocol");
        assert_eq!(self.socket.close_reason(), expected.reason(), "every close says why");
    }

    /// A `start`, or what was sent in its place, is refused with an error frame and then closed with this code.
    pub async fn expect_refusal(&mut self, error: ErrorCode, code: CloseCode) -> ErrorFrame {
        while self.answers.is_empty() {
            self.must_read("the refusal").await;
        }
        let refused = self.answers.pop_front().unwrap().expect_err("a refusal");
        assert_eq!(refused.code, error, "{refused:?}");
        self.expect_close(code.code()).await;
        assert!(self.answers.is_empty(), "one refusal is enough; {}", self.summary());
        refused
    }

    /// Closes cleanly.
    pub async fn close(self) {
        self.socket.close().await;
    }
}
