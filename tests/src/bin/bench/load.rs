//! Many sockets on one thread: they send on schedule and check everything that they receive.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire;

/// What all sockets of a run saw together.
#[derive(Default)]
pub struct Seen {
    /// Events received.
    pub deliveries: Cell<u64>,
    /// Positions that were left out.
    pub lost: Cell<u64>,
    /// Positions that came again, or late.
    pub doubled: Cell<u64>,
    /// Acknowledgements.
    pub acked: Cell<u64>,
    /// Refusals.
    pub refused: Cell<u64>,
    /// Times that a socket was told to resync.
    pub resyncs: Cell<u64>,
    /// Microseconds from the intended time to the event, on sampled sockets.
    pub delivery: RefCell<Vec<u64>>,
    /// Microseconds from the intended time to the acknowledgement.
    pub ack: RefCell<Vec<u64>>,
    /// Whether latencies are collected now.
    pub measuring: Cell<bool>,
    /// When message n was to be sent.
    pub intended: RefCell<Vec<u64>>,
}

fn add(cell: &Cell<u64>, count: u64) {
    cell.set(cell.get() + count);
}

/// One connected socket.
pub struct Socket {
    stream: TcpStream,
    conversation: RefCell<String>,
    /// What was received together with the answer to `start`, or before it.
    first: Vec<u8>,
}

/// Why a socket was not opened.
struct Shed {
    /// After how many seconds to try again.
    retry_after: u64,
}

impl Socket {
    /// Connects, and starts with a token and one conversation followed live.
    pub async fn open(address: &str, token: &str, conversation: &str) -> Self {
        match Self::try_open(address, token, conversation, None).await {
            Ok(socket) => socket,
            Err(Shed { retry_after }) => panic!("the server sheds load: again in {retry_after} s"),
        }
    }

    /// Connects as often as the server sends it away, each time after the time it says and a little chance.
    /// Answers how often that was too.
    pub async fn insist(address: &str, token: &str, conversation: &str, cursor: Option<u64>) -> (Self, u64) {
        let mut shed = 0;
        loop {
            match Self::try_open(address, token, conversation, cursor).await {
                Ok(socket) => return (socket, shed),
                Err(Shed { retry_after }) => {
                    shed += 1;
                    // Full jitter, as clients do.
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
            "{{\"op\":\"start\",\"id\":0,\"token\":\"{token}\",\"live\":[{live}],\"cursors\":{{{cursors}}}}}"
        );
        let mut request = wire::upgrade(address, "/api/v1/socket").into_bytes();
        request.extend(wire::client_frame(&start));
        // A server that sheds may have closed already.
        let _ = stream.write_all(&request).await;
        let mut socket =
            Self { stream, conversation: RefCell::new(conversation.to_owned()), first: Vec::new() };
        socket.first =
            socket.wait_for(if token.is_empty() { b"\r\n\r\n" } else { b"\"type\":\"ok\"" }).await?;
        Ok(socket)
    }

    /// Sends to this conversation from now on, without following it.
    pub fn write_to(&self, conversation: &str) {
        *self.conversation.borrow_mut() = conversation.to_owned();
    }

    /// Reads the events after a position until `count` are here; answers how many of them were left out. An event
    /// that does not come within ten seconds is left out.
    pub async fn missing(mut self, cursor: u64, count: u64) -> u64 {
        let mut buffer = std::mem::take(&mut self.first);
        // The first frame begins behind the answer to the handshake.
        let head = buffer.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4);
        buffer.drain(..head);
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
    /// Sends message n with the intended time in its text; 100 bytes of text in all.
    pub fn send(&self, number: u64, intended: u64) {
        let body = format!("t={intended:016} {:082}", 0);
        let frame = wire::client_frame(&format!(
            "{{\"op\":\"send\",\"id\":{number},\"conversation\":\"{}\",\"cid\":\"bench-{intended:x}-{number:x}\",\"body\":\"{body}\"}}",
            self.conversation.borrow()
        ));
        // Small frames on a socket that is read by the server always fit, unless the server has stopped reading;
        // then the message is never acknowledged, and is counted so.
        let _ = self.stream.try_write(&frame);
    }

    /// Reads until the connection ends, checking everything.
    pub async fn watch(self: Rc<Self>, seen: Rc<Seen>, sampled: bool) {
        let mut buffer: Vec<u8> = Vec::with_capacity(64 * 1024);
        let mut last = 0_u64;
        loop {
            if self.stream.readable().await.is_err() {
                return;
            }
            match self.stream.try_read_buf(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(_) => return,
            }
            let mut at = 0;
            while let Some((opcode, range)) = wire::frame(&buffer[at..]) {
                let payload = &buffer[at + range.start..at + range.end];
                if opcode == 1 {
                    take(payload, &seen, &mut last, sampled);
                }
                at += range.end;
            }
            buffer.drain(..at);
        }
    }
}

fn take(payload: &[u8], seen: &Seen, last: &mut u64, sampled: bool) {
    if payload.starts_with(b"{\"type\":\"event\"") {
        let Some(seq) = wire::number_after(payload, b"\"seq\":", 30) else { return };
        add(&seen.deliveries, 1);
        if *last != 0 && seq > *last + 1 {
            add(&seen.lost, seq - *last - 1);
        } else if seq <= *last {
            add(&seen.doubled, 1);
        }
        *last = seq.max(*last);
        if sampled
            && seen.measuring.get()
            && let Some(intended) = wire::number_after(payload, b"t=", 100)
        {
            seen.delivery.borrow_mut().push(wire::now().saturating_sub(intended));
        }
    } else if payload.starts_with(b"{\"type\":\"ok\"") {
        add(&seen.acked, 1);
        if seen.measuring.get()
            && let Some(number) = wire::number_after(payload, b"\"id\":", 10)
            && let Some(intended) = seen.intended.borrow().get(number as usize)
        {
            seen.ack.borrow_mut().push(wire::now().saturating_sub(*intended));
        }
    } else if payload.starts_with(b"{\"type\":\"error\"") {
        add(&seen.refused, 1);
    } else if payload.starts_with(b"{\"type\":\"resync\"") {
        add(&seen.resyncs, 1);
        // What was left out is in the log; the next event is not a loss.
        *last = 0;
    }
}

/// Sends `rate` messages per second for a time, each at its intended moment, by the senders in turn.
pub async fn drive(senders: &[Rc<Socket>], seen: &Seen, rate: f64, time: Duration) -> u64 {
    let begin = wire::now();
    let gap = 1_000_000.0 / rate;
    let total = (time.as_secs_f64() * rate) as u64;
    let first = seen.intended.borrow().len() as u64;
    let mut sent = 0_u64;
    while sent < total {
        // Message n is due at n gaps: the first one at once.
        let due = (((wire::now() - begin) as f64 / gap) as u64 + 1).min(total);
        while sent < due {
            let intended = begin + (sent as f64 * gap) as u64;
            seen.intended.borrow_mut().push(intended);
            let number = first + sent;
            senders[(number as usize) % senders.len()].send(number, intended);
            sent += 1;
        }
        pause(begin + (sent as f64 * gap) as u64, gap).await;
    }
    sent
}

/// Waits for the moment at which the next message is due. The runtime's timers are up to two milliseconds late: where
/// that would be much of what is measured, the last of them are waited for without one.
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

/// Latencies, sorted: percentiles of all of them, nothing is rounded into buckets.
pub struct Latencies(Vec<u64>);

impl From<Vec<u64>> for Latencies {
    fn from(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        Self(micros)
    }
}

impl Latencies {
    /// Those that were collected, in microseconds.
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

/// Asks for a page by HTTP on a connection that stays open; answers how many bytes the body had.
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
