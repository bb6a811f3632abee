//! What attackers work with: addresses, accounts, sockets, when to begin and when to stop, and what they observed.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::spawn_local;

use super::http;
use super::innocents::Scenery;
use super::people::{Person, address, attacker};
use crate::wire;

/// Most connections that one attack opens, whatever happens to them.
const MOST: usize = 300_000;
/// Pause of a lane whose connection ended at once: being refused must not be the attack.
const BREATH: Duration = Duration::from_millis(5);

/// The current phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Accounts and rooms are being created.
    SetUp,
    /// Innocents alone.
    Calm,
    /// Attackers beside them.
    Attack,
    /// The attackers are gone.
    After,
}

/// Where attackers connect from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// All connections from one address.
    One,
    /// Each connection from a different one of thousands of addresses.
    Many,
}

/// See the module. Lives on one thread.
pub struct Scene {
    /// The nodes.
    pub addresses: Vec<SocketAddr>,
    /// What the attackers know about the innocents.
    pub innocents: Scenery,
    /// Duration of the attack in seconds.
    pub seconds: u64,
    /// Where the attackers connect from.
    pub from: From,
    phase: watch::Receiver<Phase>,
    ready: RefCell<Option<std::sync::mpsc::SyncSender<()>>>,
    opened: Cell<usize>,
    accounts: Cell<usize>,
    /// Further values for the report.
    pub values: RefCell<Map<String, Value>>,
    /// What must not have happened, but did.
    pub faults: RefCell<Vec<String>>,
}

impl Scene {
    /// A scene before the attack.
    pub fn new(
        addresses: Vec<SocketAddr>,
        innocents: Scenery,
        seconds: u64,
        from: From,
        phase: watch::Receiver<Phase>,
        ready: std::sync::mpsc::SyncSender<()>,
    ) -> Rc<Self> {
        Rc::new(Self {
            addresses,
            innocents,
            seconds,
            from,
            phase,
            ready: RefCell::new(Some(ready)),
            opened: Cell::new(0),
            accounts: Cell::new(0),
            values: RefCell::default(),
            faults: RefCell::default(),
        })
    }

    /// Reports that everything is prepared, and waits until the attack begins.
    pub async fn begin(&self) {
        if let Some(ready) = self.ready.borrow_mut().take() {
            let _nobody_waits = ready.send(());
        }
        reached(&self.phase, Phase::Attack).await;
    }

    /// Whether the attack is over.
    pub fn over(&self) -> bool {
        *self.phase.borrow() > Phase::Attack || self.opened.get() >= MOST
    }

    /// Waits until the attack is over.
    pub async fn end(&self) {
        reached(&self.phase, Phase::After).await;
    }

    /// The source address of connection `number`.
    pub fn source(&self, number: usize) -> Ipv4Addr {
        match self.from {
            From::One => attacker(),
            From::Many => address(1, number),
        }
    }

    /// The node that connection `number` goes to.
    pub fn to(&self, number: usize) -> SocketAddr {
        self.addresses[number % self.addresses.len()]
    }

    /// Opens a connection; `None` if it is not accepted.
    pub async fn connect(&self, number: usize, window: Option<u32>) -> Option<TcpStream> {
        self.opened.set(self.opened.get() + 1);
        http::connect(self.to(number), self.source(number), window).await.ok()
    }

    /// A WebSocket after the handshake, before any frame.
    pub async fn socket(&self, number: usize, window: Option<u32>) -> Option<TcpStream> {
        let mut stream = self.connect(number, window).await?;
        stream.write_all(wire::upgrade("localhost", "/api/v1/socket").as_bytes()).await.ok()?;
        read_head(&mut stream).await.then_some(stream)
    }

    /// A WebSocket that has sent `start` as `who`.
    pub async fn started(&self, number: usize, who: &Person, window: Option<u32>) -> Option<TcpStream> {
        let mut stream = self.socket(number, window).await?;
        let start = format!(
            "{{\"op\":\"start\",\"id\":0,\"token\":\"{}\",\"live\":[\"{}\"]}}",
            who.token, self.innocents.room
        );
        stream.write_all(&wire::client_frame(&start)).await.ok()?;
        read_until(&mut stream, b"\"type\":\"ok\"").await.then_some(stream)
    }

    /// Registers accounts, before the attack begins. They do not join the room.
    pub async fn accounts(&self, count: usize) -> Vec<Person> {
        let mut people = Vec::with_capacity(count);
        while people.len() < count {
            let some = (count - people.len()).min(8);
            let first = self.accounts.get();
            self.accounts.set(first + some);
            let registering = (first..first + some).map(|number| async move {
                let from = address(5, number);
                Person::register(self.to(number), from, &format!("mallory{number}")).await
            });
            people.extend(
                join_all(registering).await.into_iter().map(|made| made.expect("attackers register")),
            );
        }
        people
    }

    /// Keeps `lanes` connections busy: when a run of `one` ends, the next begins, until the attack is over.
    pub async fn keep<F>(self: &Rc<Self>, lanes: usize, one: impl Fn(Rc<Self>, usize) -> F + Clone + 'static)
    where
        F: Future<Output = ()> + 'static,
    {
        self.begin().await;
        let lanes = (0..lanes).map(|lane| {
            let (scene, one) = (self.clone(), one.clone());
            spawn_local(async move {
                let mut number = lane;
                while !scene.over() {
                    tokio::select! {
                        () = one(scene.clone(), number) => tokio::time::sleep(BREATH).await,
                        () = scene.end() => return,
                    }
                    number += lanes;
                }
            })
        });
        join_all(lanes).await;
    }

    /// Adds to a counter of the report.
    pub fn count(&self, name: &str, more: u64) {
        let mut values = self.values.borrow_mut();
        let so_far = values.get(name).and_then(Value::as_u64).unwrap_or(0);
        values.insert(name.to_owned(), Value::from(so_far + more));
    }

    /// A counter of the report.
    pub fn counted(&self, name: &str) -> u64 {
        self.values.borrow().get(name).and_then(Value::as_u64).unwrap_or(0)
    }

    /// Records a fault if a counter exceeds its maximum.
    pub fn at_most(&self, name: &str, most: u64) {
        let counted = self.counted(name);
        if counted > most {
            self.fault(format!("{name}: {counted}, at most {most}"));
        }
    }

    /// Records a fault.
    pub fn fault(&self, what: String) {
        self.faults.borrow_mut().push(what);
    }
}

/// Waits for a phase, or for the end of everything.
pub async fn reached(phase: &watch::Receiver<Phase>, which: Phase) {
    let mut phase = phase.clone();
    let _or_ended = phase.wait_for(|now| *now >= which).await;
}

/// Reads the response to a handshake; returns whether the handshake succeeded.
pub async fn read_head(stream: &mut TcpStream) -> bool {
    // Byte by byte: the first frame, which may follow at once, stays in the stream.
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && head.len() < 16 * 1024 {
        match tokio::time::timeout(Duration::from_secs(10), stream.read(&mut byte)).await {
            Ok(Ok(1)) => head.push(byte[0]),
            _ => return false,
        }
    }
    head.starts_with(b"HTTP/1.1 101")
}

/// Reads frames until one contains `mark`, and not a byte more.
pub async fn read_until(stream: &mut TcpStream, mark: &[u8]) -> bool {
    let reading = async {
        loop {
            match read_frame(stream).await {
                Ok((1, text)) if text.windows(mark.len()).any(|window| window == mark) => return true,
                Ok((8, _)) | Err(_) => return false,
                Ok(_) => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading).await.unwrap_or(false)
}

/// Reads one frame from a server: its opcode and payload.
pub async fn read_frame(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    let length = match head[1] & 0x7F {
        126 => u64::from(stream.read_u16().await?),
        127 => stream.read_u64().await?,
        length => u64::from(length),
    };
    let mut content = vec![0; usize::try_from(length).unwrap_or_default()];
    stream.read_exact(&mut content).await?;
    Ok((head[0] & 0x0F, content))
}

/// Writes the same bytes as fast as they are taken, until the connection ends.
pub async fn pour(stream: &mut TcpStream, bytes: &[u8]) {
    while stream.write_all(bytes).await.is_ok() {}
}
