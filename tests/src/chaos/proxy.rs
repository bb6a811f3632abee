//! A TCP proxy that fails on demand: in front of Redis, PostgreSQL or nodes.
//!
//! Invariant: bytes are never invented and never reordered within a message. Connections that lost bytes do not
//! survive: they end when the fault ends, as they would when a real network came back and found the other side gone.

use std::net::{SocketAddr, TcpListener as Listener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use fastrand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::nodes::free_port;

/// What happens to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    Pass,
    /// Existing connections are dropped and new ones refused.
    Cut,
    /// Connections are accepted and stay open, and everything sent is swallowed.
    BlackHole,
    /// This percentage of the messages that Redis pushes to its subscribers is lost, and as many arrive after their
    /// successor.
    Meddle(u64),
    /// Every connection that is opened from now on breaks after a random number of bytes below this bound, both
    /// directions together: in the middle of whatever is being sent.
    CutAfter(u64),
    /// The proxy is no longer needed.
    Over,
}

/// A proxy on a thread of its own.
pub struct Proxy {
    /// Where it listens on the loopback.
    pub port: u16,
    mode: watch::Sender<Mode>,
    generation: Arc<AtomicU64>,
    meddled: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts forwarding to a server.
    pub fn start(server: SocketAddr, random: Rng) -> Self {
        let (port, listener) = loop {
            let port = free_port();
            if let Ok(listener) = Listener::bind(("127.0.0.1", port)) {
                break (port, listener);
            }
        };
        listener.set_nonblocking(true).unwrap();
        let (mode, changes) = watch::channel(Mode::Pass);
        let (generation, meddled): (Arc<AtomicU64>, Arc<AtomicU64>) = Default::default();
        let shared = (generation.clone(), meddled.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(listener, port, server, changes, random, shared));
        });
        Self { port, mode, generation, meddled, thread: Some(thread) }
    }

    /// Abandons all existing connections: they stay open and silent for ever, as when the other side's machine lost
    /// power. New ones are served.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins or ends a fault.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How many pushed messages were lost or delayed, or how many connections were cut in the middle.
    pub fn meddled(&self) -> u64 {
        self.meddled.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Mode::Over);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

async fn serve(
    first: Listener,
    port: u16,
    server: SocketAddr,
    mut mode: watch::Receiver<Mode>,
    mut random: Rng,
    (generation, meddled): (Arc<AtomicU64>, Arc<AtomicU64>),
) {
    let mut listener = Some(TcpListener::from_std(first).unwrap());
    loop {
        match (*mode.borrow_and_update(), &listener) {
            (Mode::Over, _) => return,
            // Without a listener the kernel refuses connections.
            (Mode::Cut, Some(_)) => listener = None,
            (Mode::Cut, None) => {}
            (_, None) => listener = Some(TcpListener::bind(("127.0.0.1", port)).await.unwrap()),
            (_, Some(_)) => {}
        }
        let accepting = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = mode.changed() => {}
            accepted = accepting => if let Ok((client, _)) = accepted {
                let born = generation.load(Ordering::Relaxed);
                let (mode, generation, meddled) = (mode.clone(), generation.clone(), meddled.clone());
                let allowed = match *mode.borrow() {
                    Mode::CutAfter(most) => random.u64(..) % most.max(1),
                    _ => u64::MAX,
                };
                let allowed = Arc::new(AtomicU64::new(allowed));
                let link = Link { mode, generation, born, holed: Arc::default(), meddled, allowed };
                tokio::spawn(connect(client, server, link, random.fork()));
            }
        }
    }
}

/// State that both directions of a connection share.
#[derive(Clone)]
struct Link {
    mode: watch::Receiver<Mode>,
    generation: Arc<AtomicU64>,
    born: u64,
    /// Bytes were swallowed.
    holed: Arc<AtomicBool>,
    meddled: Arc<AtomicU64>,
    /// How many more bytes may pass.
    allowed: Arc<AtomicU64>,
}

impl Link {
    fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    /// Whether incoming bytes are swallowed.
    fn swallows(&self) -> bool {
        let holed = self.mode() == Mode::BlackHole;
        self.holed.fetch_or(holed, Ordering::Relaxed);
        holed || self.generation.load(Ordering::Relaxed) != self.born
    }

    /// While nothing passes, the end of one side is not passed on to the other one either.
    async fn keeps_ends_to_itself(&self) {
        if self.swallows() {
            std::future::pending::<()>().await;
        }
    }

    /// How many of these bytes may pass before the connection breaks.
    fn allow(&self, bytes: usize) -> usize {
        let take = |left: u64| Some(left.saturating_sub(bytes as u64));
        let left = self.allowed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        let left = usize::try_from(left.unwrap_or(0)).unwrap_or(usize::MAX);
        if left < bytes {
            self.meddled.fetch_add(1, Ordering::Relaxed);
        }
        left.min(bytes)
    }

    /// Waits for a reason to drop the connection.
    async fn severed(mut self) {
        loop {
            match *self.mode.borrow_and_update() {
                Mode::Cut | Mode::Over => return,
                Mode::BlackHole => {}
                _ if self.holed.load(Ordering::Relaxed) => return,
                _ => {}
            }
            if self.mode.changed().await.is_err() {
                return;
            }
        }
    }
}

async fn connect(client: TcpStream, server: SocketAddr, mut link: Link, random: Rng) {
    if link.mode() == Mode::BlackHole {
        // There is no server behind it; it ends with the fault.
        let _over = link.mode.wait_for(|mode| *mode != Mode::BlackHole).await;
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _slower = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    tokio::select! {
        () = link.clone().severed() => {}
        () = pass(client_reads, server_writes, link.clone()) => {}
        () = pass_replies(server_reads, client_writes, link.clone(), random) => {}
    }
}

/// Forwards bytes.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, link: Link) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if link.swallows() {
            continue;
        }
        let allowed = link.allow(read);
        if to.write_all(&buffer[..allowed]).await.is_err() || allowed < read {
            return;
        }
    }
    link.keeps_ends_to_itself().await;
}

/// Forwards what the server sends; while meddling, in whole messages.
async fn pass_replies(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, link: Link, mut random: Rng) {
    let mut buffer = vec![0; 16 * 1024];
    let (mut begun, mut held): (Vec<u8>, Option<Vec<u8>>) = (Vec::new(), None);
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if link.swallows() {
            continue;
        }
        begun.extend_from_slice(&buffer[..read]);
        let mut out = Vec::new();
        if let Mode::Meddle(percent) = link.mode() {
            while let Some(length) = reply_length(&begun) {
                let reply: Vec<u8> = begun.drain(..length).collect();
                let pushed = reply.starts_with(b"*3\r\n$7\r\nmessage\r\n");
                if pushed && random.u64(..100) < percent {
                    link.meddled.fetch_add(1, Ordering::Relaxed);
                } else if pushed && held.is_none() && random.u64(..100) < percent {
                    link.meddled.fetch_add(1, Ordering::Relaxed);
                    held = Some(reply);
                } else {
                    out.extend(reply);
                    out.extend(held.take().unwrap_or_default());
                }
            }
        } else {
            out.append(&mut begun);
            out.extend(held.take().unwrap_or_default());
        }
        let allowed = link.allow(out.len());
        if to.write_all(&out[..allowed]).await.is_err() || allowed < out.len() {
            return;
        }
    }
    link.keeps_ends_to_itself().await;
}

/// Length of the first complete reply in Redis's protocol (RESP2), if it has arrived.
fn reply_length(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|pair| pair == b"\r\n")? + 2;
    let number = || std::str::from_utf8(&bytes[1..line - 2]).ok()?.parse::<i64>().ok();
    match bytes[0] {
        b'$' => {
            let end = usize::try_from(number()?).map_or(line, |length| line + length + 2);
            (bytes.len() >= end).then_some(end)
        }
        b'*' => {
            let mut end = line;
            for _ in 0..number()?.max(0) {
                end += reply_length(bytes.get(end..)?)?;
            }
            Some(end)
        }
        _ => Some(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_taken_apart_at_their_ends() {
        for whole in
            ["+OK\r\n", ":12\r\n", "$3\r\na\r\n\r\n", "$-1\r\n", "*2\r\n$1\r\na\r\n*1\r\n:1\r\n", "*-1\r\n"]
        {
            let two = format!("{whole}+PONG\r\n");
            let length = reply_length(two.as_bytes());
            assert!(length.is_some(), "{whole:?}");
            for end in 0..whole.len() {
                assert_ne!(reply_length(&whole.as_bytes()[..end]), Some(end + 1), "{whole:?} until {end}");
            }
        }
        assert_eq!(reply_length(b"$3\r\nabc\r\n+OK\r\n"), Some(9));
        assert_eq!(reply_length(b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n+OK\r\n"), Some(19));
        assert_eq!(reply_length(b"*2\r\n$1\r\na\r\n"), None);
        assert_eq!(reply_length(b"$3\r\nab"), None);
    }

    async fn ask(port: u16) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"hi").await?;
        let mut answer = vec![0; 2];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn a_cut_refuses_a_hole_swallows_and_both_heal() {
        let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = echo.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = echo.accept().await {
                tokio::spawn(async move {
                    let (mut reads, mut writes) = stream.split();
                    tokio::io::copy(&mut reads, &mut writes).await
                });
            }
        });
        let proxy = Proxy::start(server, Rng::with_seed(1));
        assert_eq!(ask(proxy.port).await.unwrap(), b"hi");

        proxy.set(Mode::Cut);
        crate::eventually("it refuses", || async { ask(proxy.port).await.is_err() }).await;
        proxy.set(Mode::Pass);
        crate::eventually("it passes", || async { ask(proxy.port).await.is_ok() }).await;

        let mut open = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        open.write_all(b"a").await.unwrap();
        assert_eq!(open.read_u8().await.unwrap(), b'a');
        proxy.set(Mode::BlackHole);
        open.write_all(b"b").await.unwrap();
        let silence = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(silence, open.read_u8()).await.is_err(), "swallowed");
        proxy.set(Mode::Pass);
        assert!(open.read_u8().await.is_err(), "what lost bytes ends");
        assert_eq!(ask(proxy.port).await.unwrap(), b"hi");

        proxy.set(Mode::CutAfter(4));
        // Two bytes there and two back: no budget below four is enough.
        for _ in 0..20 {
            assert!(ask(proxy.port).await.is_err());
        }
        assert!(proxy.meddled() > 0);
        proxy.set(Mode::Pass);
        assert_eq!(ask(proxy.port).await.unwrap(), b"hi");
    }
}
