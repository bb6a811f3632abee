//! Many sockets on one thread: they send on schedule and check everything that they receive.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::ledger::Book;
use crate::wire;

/// Ids of commands that are not messages start here; ids of messages count from zero.
const START: u64 = 1 << 40;
const READ: u64 = START + 1;
const PING: u64 = START + 2;

/// Minimum interval between two read markers of one person: what clients with correct badges do.
const READ_EVERY: Duration = Duration::from_millis(250);

/// What all sockets of a run saw in total.
#[derive(Default)]
pub struct Seen {
    /// Events received.
    pub deliveries: Cell<u64>,
    /// Positions that were skipped.
    pub lost: Cell<u64>,
    /// Positions that came again, or late.
    pub doubled: Cell<u64>,
    /// Acknowledgements of messages.
    pub acked: Cell<u64>,
    /// Refusals of messages.
    pub refused: Cell<u64>,
    /// Read markers that were moved.
    pub marked: Cell<u64>,
    /// Commands of other kinds that were refused, by kind and code.
    pub refused_others: RefCell<BTreeMap<String, u64>>,
    /// Presence changes of friends that were received.
    pub presence: Cell<u64>,
    /// Connections that the server closed.
    pub closed: Cell<u64>,
    /// Number of resyncs.
    pub resyncs: Cell<u64>,
    /// Microseconds from the intended time to the event, on sampled sockets.
    pub delivery: RefCell<Vec<u64>>,
    /// Microseconds from the intended time to the acknowledgement.
    pub ack: RefCell<Vec<u64>>,
    /// Sockets that each message reaches; if set, the time until the last of them has it is collected.
    pub audience: Cell<u64>,
    /// How many sockets have the messages that not all of them have yet, by position.
    pub arrived: RefCell<BTreeMap<u64, u64>>,
    /// Microseconds from the intended time until everybody has a message.
    pub everybody: RefCell<Vec<u64>>,
    /// Whether latencies are being collected.
    pub measuring: Cell<bool>,
    /// The intended time of message n.
    pub intended: RefCell<Vec<u64>>,
    /// What happened to message n.
    pub book: Rc<Book>,
}

impl Seen {
    /// Counts an arrival at one of [`Self::audience`] sockets.
    fn note_arrival(&self, seq: u64, payload: &[u8]) {
        let mut arrived = self.arrived.borrow_mut();
        let count = arrived.entry(seq).or_default();
        *count += 1;
        if *count == self.audience.get() {
            arrived.remove(&seq);
            let intended = wire::number_after(payload, b"t=", 100);
            self.everybody.borrow_mut().extend(intended.map(|intended| wire::now().saturating_sub(intended)));
        }
    }

    fn note_refusal(&self, id: Option<u64>, error: &[u8]) {
        let kind = match id {
            Some(READ) => "read",
            Some(PING) => "ping",
            Some(START) => "start",
            _ => "other",
        };
        let text = String::from_utf8_lossy(error);
        let code = text.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let name = format!("{kind} {}", code.unwrap_or("without a code"));
        *self.refused_others.borrow_mut().entry(name).or_default() += 1;
    }
}

fn add(cell: &Cell<u64>, count: u64) {
    cell.set(cell.get() + count);
}

/// One connected socket.
pub struct Socket {
    stream: TcpStream,
    conversation: RefCell<String>,
    /// Bytes received together with the response to `start`, or before it.
    first: RefCell<Vec<u8>>,
    /// The rest of a frame that did not fit into the socket.
    unsent: RefCell<Vec<u8>>,
    /// The last position that was seen.
    last: Cell<u64>,
    /// Bytes received after the response to `start`.
    received: Cell<u64>,
}

/// Why a socket was not opened.
struct Shed {
    /// Seconds after which to try again.
    retry_after: u64,
}

impl Socket {
    /// Connects, and sends `start` with a token and one live conversation.
    pub async fn open(address: &str, token: &str, conversation: &str) -> Self {
        match Self::try_open(address, token, conversation, None).await {
            Ok(socket) => socket,
            Err(Shed { retry_after }) => panic!("the server sheds load: again in {retry_after} s"),
        }
    }

    /// Connects again each time the server sheds the connection, after the delay that the server names plus jitter.
    /// Also returns how often it was shed.
    pub async fn insist(address: &str, token: &str, conversation: &str, cursor: Option<u64>) -> (Self, u64) {
        let mut shed = 0;
        loop {
            match Self::try_open(address, token, conversation, cursor).await {
                Ok(socket) => return (socket, shed),
                Err(Shed { retry_after }) => {
                    shed += 1;
                    // Full jitter, as clients use.
                    let chance = wire::now() % 1_000_003 % (1000 * (retry_after + shed));
                    tokio::time::sleep(Duration::from_millis(retry_after * 1000 + chance)).await;
                }
            }
        }
    }

    async fn try_open(
        address: &str,
        token: &str,
        conversation: &str,
        cursor: Option<u64>,
    ) -> Result<Self, Shed> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let live = if conversation.is_empty() { String::new() } else { format!("\"{conversation}\"") };
        let cursors = cursor.map(|cursor| format!("\"{conversation}\":{cursor}")).unwrap_or_default();
        let start = format!(
            "{{\"op\":\"start\",\"id\":{START},\"token\":\"{token}\",\"live\":[{live}],\"cursors\":{{{cursors}}}}}"
        );
        let mut request = wire::upgrade(address, "/api/v1/socket").into_bytes();
        request.extend(wire::client_frame(&start));
        // A server that sheds may have closed already.
        let _ = stream.write_all(&request).await;
        let socket = Self {
            stream,
            conversation: RefCell::new(conversation.to_owned()),
            first: RefCell::default(),
            unsent: RefCell::default(),
            last: Cell::new(cursor.unwrap_or(0)),
            received: Cell::new(0),
        };
        let mut first =
            socket.wait_for(if token.is_empty() { b"\r\n\r\n" } else { b"\"type\":\"ok\"" }).await?;
        // The first frame follows the handshake response.
        let head = first.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4);
        first.drain(..head);
        *socket.first.borrow_mut() = first;
        Ok(socket)
    }

    /// The last position that this socket saw.
    pub fn last(&self) -> u64 {
        self.last.get()
    }

    /// Bytes received so far.
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    /// Sends to this conversation from now on, without following it.
    pub fn write_to(&self, conversation: &str) {
        *self.conversation.borrow_mut() = conversation.to_owned();
    }

    /// Throws away what has arrived.
    pub fn discard(&self) {
        let mut scratch = [0; 4096];
        while self.stream.try_read(&mut scratch).is_ok_and(|read| read > 0) {}
    }

    /// Reads the events after a position until `count` have arrived; returns how many of them are missing. An event
    /// that does not arrive within ten seconds is missing.
    pub async fn missing(&self, cursor: u64, count: u64) -> u64 {
        let mut buffer = self.first.take();
        let mut next = cursor + 1;
        let reading = async {
            loop {
                let mut at = 0;
                while let Some((_, range)) = wire::frame(&buffer[at..]) {
                    let payload = &buffer[at + range.start..at + range.end];
                    if payload.starts_with(b"{\"type\":\"event\"")
                        && wire::number_after(payload, b"\"seq\":", 30) == Some(next)
                    {
                        next += 1;
                    }
                    at += range.end;
                }
                buffer.drain(..at);
                if next > cursor + count {
                    return;
                }
                self.stream.readable().await.unwrap();
                match self.stream.try_read_buf(&mut buffer) {
                    Ok(0) => return,
                    Ok(_) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(10), reading).await;
        cursor + count + 1 - next
    }

    async fn wait_for(&self, mark: &[u8]) -> Result<Vec<u8>, Shed> {
        let mut collected = Vec::new();
        loop {
            self.stream.readable().await.unwrap();
            match self.stream.try_read_buf(&mut collected) {
                Ok(0) => {
                    let text = String::from_utf8_lossy(&collected).to_lowercase();
                    assert!(text.starts_with("http/1.1 503"), "the server closed: {text}");
                    let retry_after =
                        wire::number_after(text.as_bytes(), b"retry-after: ", 0).expect("retry-after");
                    return Err(Shed { retry_after });
                }
                Ok(_) if collected.windows(mark.len()).any(|window| window == mark) => return Ok(collected),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}: {}", String::from_utf8_lossy(&collected)),
            }
        }
    }

    /// Sends message n with its intended time in the text.
    pub fn send(&self, number: u64, intended: u64, book: &Book) {
        let conversation = self.conversation.borrow();
        self.write(&format!(
            "{{\"op\":\"send\",\"id\":{number},\"conversation\":\"{conversation}\",\"cid\":\"{}\",\"body\":\"{}\"}}",
            book.cid(number, intended),
            book.body(number, intended, &conversation)
        ));
    }

    /// Moves the read marker.
    pub fn mark_read(&self, seq: u64) {
        let conversation = self.conversation.borrow();
        self.write(&format!(
            "{{\"op\":\"read\",\"id\":{READ},\"conversation\":\"{conversation}\",\"seq\":{seq}}}"
        ));
    }

    /// Reports that the person is typing.
    pub fn type_on(&self) {
        self.write(&format!("{{\"op\":\"typing\",\"conversation\":\"{}\"}}", self.conversation.borrow()));
    }

    /// Sends a ping, so that the server keeps the connection.
    pub fn ping(&self) {
        self.write(&format!("{{\"op\":\"ping\",\"id\":{PING}}}"));
    }

    /// Writes a frame. A small frame always fits, unless the server has stopped reading; then the message is never
    /// acknowledged, and is counted so.
    fn write(&self, text: &str) {
        if self.flush() {
            let frame = wire::client_frame(text);
            let written = self.stream.try_write(&frame).unwrap_or(0);
            // A partly written frame is completed before the next one.
            if written > 0 && written < frame.len() {
                self.unsent.borrow_mut().extend(&frame[written..]);
            }
        }
    }

    /// Writes what did not fit before. Returns whether nothing is left.
    fn flush(&self) -> bool {
        let mut unsent = self.unsent.borrow_mut();
        if !unsent.is_empty() {
            let written = self.stream.try_write(&unsent).unwrap_or(0);
            unsent.drain(..written);
        }
        unsent.is_empty()
    }

    /// Reads until the connection ends, checking everything. With `marks`, it also moves the read marker: at once, or
    /// as soon as [`READ_EVERY`] has passed since the last time.
    pub async fn watch(self: Rc<Self>, seen: Rc<Seen>, sampled: bool, marks: Option<Rc<Marks>>) {
        let mut buffer = self.first.take();
        buffer.reserve(64 * 1024);
        let (mut marked, mut marked_at, mut due) = (self.last.get(), None::<Instant>, None::<Instant>);
        loop {
            let mut at = 0;
            while let Some((opcode, range)) = wire::frame(&buffer[at..]) {
                let payload = &buffer[at + range.start..at + range.end];
                if opcode == 1 {
                    self.take(payload, &seen, sampled);
                }
                at += range.end;
            }
            buffer.drain(..at);
            self.flush();
            let last = self.last.get();
            if let Some(marks) = &marks
                && last > marked
                && due.is_none_or(|due| due <= Instant::now())
            {
                match marked_at.map(|at| at + READ_EVERY).filter(|next| *next > Instant::now()) {
                    Some(next) => due = Some(next),
                    None => {
                        marks.push(self.clone(), last);
                        (marked, marked_at, due) = (last, Some(Instant::now()), None);
                    }
                }
            }
            let readable = match due {
                None => self.stream.readable().await,
                Some(due) => tokio::select! {
                    biased;
                    readable = self.stream.readable() => readable,
                    () = tokio::time::sleep_until(due) => continue,
                },
            };
            if readable.is_err() {
                return add(&seen.closed, 1);
            }
            match self.stream.try_read_buf(&mut buffer) {
                Ok(0) => return add(&seen.closed, 1),
                Ok(read) => add(&self.received, read as u64),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return add(&seen.closed, 1),
            }
        }
    }

    fn take(&self, payload: &[u8], seen: &Seen, sampled: bool) {
        if payload.starts_with(b"{\"type\":\"event\"") {
            let Some(seq) = wire::number_after(payload, b"\"seq\":", 30) else { return };
            add(&seen.deliveries, 1);
            let last = self.last.get();
            if last != 0 && seq > last + 1 {
                add(&seen.lost, seq - last - 1);
            } else if seq <= last {
                add(&seen.doubled, 1);
            }
            self.last.set(seq.max(last));
            if seen.measuring.get() && seen.audience.get() > 0 {
                seen.note_arrival(seq, payload);
            }
            if sampled
                && seen.measuring.get()
                && let Some(intended) = wire::number_after(payload, b"t=", 100)
            {
                seen.delivery.borrow_mut().push(wire::now().saturating_sub(intended));
            }
        } else if payload.starts_with(b"{\"type\":\"ok\"") {
            match wire::number_after(payload, b"\"id\":", 10) {
                Some(READ) => add(&seen.marked, 1),
                // Too much was missed: a client would read the newest page and continue from there.
                Some(START) if contains(payload, b"\"state\":\"gap\"") => self.last.set(0),
                Some(START | PING) | None => {}
                Some(number) => {
                    add(&seen.acked, 1);
                    if let Some(seq) = wire::number_after(payload, b"\"seq\":", 10) {
                        seen.book.note_acked(number, seq);
                    }
                    if seen.measuring.get()
                        && let Some(intended) = seen.intended.borrow().get(number as usize)
                    {
                        seen.ack.borrow_mut().push(wire::now().saturating_sub(*intended));
                    }
                }
            }
        } else if payload.starts_with(b"{\"type\":\"error\"") {
            match wire::number_after(payload, b"\"id\":", 10) {
                kind @ (Some(START | READ | PING) | None) => seen.note_refusal(kind, payload),
                Some(number) => {
                    add(&seen.refused, 1);
                    if contains(payload, b"\"outcome\":\"none\"") {
                        seen.book.note_refused(number);
                    }
                }
            }
        } else if payload.starts_with(b"{\"type\":\"resync\"") {
            add(&seen.resyncs, 1);
            // The dropped events are in the log; a jump to the next event is not a loss.
            self.last.set(0);
        } else if payload.starts_with(b"{\"type\":\"ephemeral\"")
            && contains(payload, b"\"kind\":\"presence\"")
        {
            add(&seen.presence, 1);
        }
    }
}

fn contains(payload: &[u8], text: &[u8]) -> bool {
    payload.windows(text.len()).any(|window| window == text)
}

/// Read markers that wait to be written. All clients share one core here: work that each would do on its own machine
/// happens one after the other. Reading comes first, so that one client's writing does not count as another's latency.
#[derive(Default)]
pub struct Marks {
    waiting: RefCell<VecDeque<(Rc<Socket>, u64)>>,
    woken: Notify,
}

impl Marks {
    fn push(&self, socket: Rc<Socket>, seq: u64) {
        self.waiting.borrow_mut().push_back((socket, seq));
        self.woken.notify_one();
    }

    /// Writes them, a few at a time.
    pub async fn write(self: Rc<Self>) {
        loop {
            self.woken.notified().await;
            while !self.waiting.borrow().is_empty() {
                tokio::task::yield_now().await;
                for _ in 0..16 {
                    let Some((socket, seq)) = self.waiting.borrow_mut().pop_front() else { break };
                    socket.mark_read(seq);
                }
            }
        }
    }
}

/// Sends `rate` messages per second for a time, each at its intended time, by the senders in turn.
pub async fn drive(senders: &[Rc<Socket>], seen: &Seen, rate: f64, time: Duration) -> u64 {
    let begin = wire::now();
    let gap = 1_000_000.0 / rate;
    let total = (time.as_secs_f64() * rate) as u64;
    let first = seen.intended.borrow().len() as u64;
    let mut sent = 0_u64;
    while sent < total {
        // Message n is due after n gaps: the first one at once.
        let due = (((wire::now() - begin) as f64 / gap) as u64 + 1).min(total);
        while sent < due {
            let intended = begin + (sent as f64 * gap) as u64;
            seen.intended.borrow_mut().push(intended);
            seen.book.note_sent();
            let number = first + sent;
            senders[(number as usize) % senders.len()].send(number, intended, &seen.book);
            sent += 1;
        }
        pause(begin + (sent as f64 * gap) as u64, gap).await;
    }
    sent
}

/// Waits until the next message is due. The runtime's timers are up to two milliseconds late: where that would distort
/// the measurement, the last milliseconds are waited for without a timer.
async fn pause(due: u64, gap: f64) {
    let left = due.saturating_sub(wire::now());
    if left > 4000 {
        tokio::time::sleep(Duration::from_micros(left - 3000)).await;
    } else if gap > 10_000.0 {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Sorted latencies: percentiles are exact, nothing is rounded into buckets.
pub struct Latencies(Vec<u64>);

impl From<Vec<u64>> for Latencies {
    fn from(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        Self(micros)
    }
}

impl Latencies {
    /// From the collected values, in microseconds.
    pub fn of(collected: &RefCell<Vec<u64>>) -> Self {
        collected.borrow().clone().into()
    }

    /// A percentile, in milliseconds.
    pub fn at(&self, share: f64) -> f64 {
        let index = (self.0.len() as f64 * share) as usize;
        self.0
            .get(index.min(self.0.len().saturating_sub(1)))
            .map_or(f64::NAN, |micros| *micros as f64 / 1000.0)
    }
}

/// Requests a page over HTTP on a kept-alive connection; returns the length of the body in bytes.
pub async fn get(stream: &mut TcpStream, host: &str, path: &str, token: &str) -> usize {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = Vec::with_capacity(32 * 1024);
    loop {
        stream.read_buf(&mut buffer).await.unwrap();
        if let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
            assert!(text.starts_with("http/1.1 200"), "{text}");
            let length = wire::number_after(text.as_bytes(), b"content-length: ", 0).unwrap() as usize;
            if buffer.len() >= head + 4 + length {
                return length;
            }
        }
    }
}
