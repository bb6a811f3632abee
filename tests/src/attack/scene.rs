//! What attackers work with: addresses, accounts, sockets, when to begin and when to stop, and what they noticed.

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

/// Connections that one attack opens at most, whatever becomes of them.
const MOST: usize = 300_000;
/// A lane whose connection ended at once takes a breath: refusals must not be the attack.
const BREATH: Duration = Duration::from_millis(5);

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Accounts and rooms are made.
    SetUp,
    /// Innocents alone.
    Calm,
    /// Attackers beside them.
    Attack,
    /// The attackers have gone.
    After,
}

/// From where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Everything from one address.
    One,
    /// Each connection from another one of thousands.
    Many,
}

/// See the module. On one thread.
pub struct Scene {
    /// The nodes.
    pub addresses: Vec<SocketAddr>,
    /// What they know of the innocents.
    pub innocents: Scenery,
    /// Seconds that the attack takes.
    pub seconds: u64,
    /// Where the attackers are.
    pub from: From,
    phase: watch::Receiver<Phase>,
    ready: RefCell<Option<std::sync::mpsc::SyncSender<()>>>,
    opened: Cell<usize>,
    accounts: Cell<usize>,
    /// Further values for the report.
    pub values: RefCell<Map<String, Value>>,
    /// What must not have been.
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

    /// Says that everything is prepared, and waits until the attack begins.
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

    /// Where connection `number` comes from.
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

    /// A connection; `None` when it is not accepted.
    pub async fn connect(&self, number: usize, window: Option<u32>) -> Option<TcpStream> {
        self.opened.set(self.opened.get() + 1);
        http::connect(self.to(number), self.source(number), window).await.ok()
    }

    /// A WebSocket after the handshake, with nothing said yet.
    pub async fn socket(&self, number: usize, window: Option<u32>) -> Option<TcpStream> {
        let mut stream = self.connect(number, window).await?;
        stream.write_all(wire::upgrade("localhost", "/api/v1/socket").as_bytes()).await.ok()?;
        read_head(&mut stream).await.then_some(stream)
    }

    /// A WebSocket that has started as somebody.
    pub async fn started(&self, number: usize, who: &Person, window: Option<u32>) -> Option<TcpStream> {
        let mut stream = self.socket(number, window).await?;
        let start = format!(
            "{{\"op\":\"start\",\"id\":0,\"token\":\"{}\",\"live\":[\"{}\"]}}",
            who.token, self.innocents.room
        );
        stream.write_all(&wire::client_frame(&start)).await.ok()?;
        read_until(&mut stream, b"\"type\":\"ok\"").await.then_some(stream)
    }

    /// Makes accounts, before the attack begins. They are not in the room.
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

    /// Keeps this many connections busy: when `one` has ended, another one takes its place, until the attack is over.
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

    /// Adds to a number in the report.
    pub fn count(&self, name: &str, more: u64) {
        let mut values = self.values.borrow_mut();
        let so_far = values.get(name).and_then(Value::as_u64).unwrap_or(0);
        values.insert(name.to_owned(), Value::from(so_far + more));
    }

    /// A number in the report.
    pub fn counted(&self, name: &str) -> u64 {
        self.values.borrow().get(name).and_then(Value::as_u64).unwrap_or(0)
    }

    /// Notes that a number is above what it may be.
    pub fn at_most(&self, name: &str, most: u64) {
        let counted = self.counted(name);
        if counted > most {
            self.fault(format!("{name}: {counted}, at most {most}"));
        }
    }

    /// Notes something that must not be.
    pub fn fault(&self, what: String) {
        self.faults.borrow_mut().push(what);
    }
}

/// Waits for a phase, or for the end of everything.
pub async fn reached(phase: &watch::Receiver<Phase>, which: Phase) {
    let mut phase = phase.clone();
    let _or_ended = phase.wait_for(|now| *now >= which).await;
}

/// Reads the answer to a handshake; whether it is one.
pub async fn read_head(stream: &mut TcpStream) -> bool {
    // Byte by byte: the first frame that comes right behind stays where it is.
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && head.len() < 16 * 1024 {
        match tokio::time::timeout(Duration::from_secs(10), stream.read(&mut byte)).await {
            Ok(Ok(1)) => head.push(byte[0]),
            _ => return false,
        }
    }
    head.starts_with(b"HTTP/1.1 101")
}

/// Reads frames until a text is in one, and not a byte more.
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

/// Reads one frame of a server: its opcode and what is in it.
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
