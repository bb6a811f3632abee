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
    conversation: String,
}

impl Socket {
    /// Connects, and starts with a token and one conversation followed live.
    pub async fn open(address: &str, token: &str, conversation: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(wire::upgrade(address, "/api/v1/socket").as_bytes()).await.unwrap();
        let live = if conversation.is_empty() { String::new() } else { format!("\"{conversation}\"") };
        let start = format!("{{\"op\":\"start\",\"id\":0,\"token\":\"{token}\",\"live\":[{live}]}}");
        stream.write_all(&wire::client_frame(&start)).await.unwrap();
        let socket = Self { stream, conversation: conversation.to_owned() };
        socket.wait_for(if token.is_empty() { b"\r\n\r\n" } else { b"\"type\":\"ok\"" }).await;
        socket
    }

    async fn wait_for(&self, mark: &[u8]) {
        let mut collected = Vec::new();
        loop {
            self.stream.readable().await.unwrap();
            match self.stream.try_read_buf(&mut collected) {
                Ok(0) => panic!("the server closed: {}", String::from_utf8_lossy(&collected)),
                Ok(_) if collected.windows(mark.len()).any(|window| window == mark) => return,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Sends message n with the intended time in its text; 100 bytes of text in all.
    pub fn send(&self, number: u64, intended: u64) {
        let body = format!("t={intended:016} {:082}", 0);
        let frame = wire::client_frame(&format!(
            "{{\"op\":\"send\",\"id\":{number},\"conversation\":\"{}\",\"cid\":\"bench-{intended:x}-{number:x}\",\"body\":\"{body}\"}}",
            self.conversation
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
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sent
}

/// A percentile of values that get sorted by this, in milliseconds.
pub fn percentile(values: &mut [u64], share: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_unstable();
    let index = ((values.len() as f64 * share) as usize).min(values.len() - 1);
    values[index] as f64 / 1000.0
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
