//! Single faults at chosen moments. The checks are those of the promise: every acknowledged message is in the log (I1),
//! each name at most once (I2), positions 1 to the head without holes (I3), every follower applies exactly that (I4),
//! and an acknowledged message precedes one that was sent later (I6).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fastrand::Rng;
use parlour_client::native::{Api, ApiError, Follower, Options, Update, fresh_cid};
use parlour_client::operations::ListEvents;
use parlour_protocol::accounts::CreateAccount;
use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::ConversationId;
use parlour_protocol::messages::SendMessage;
use parlour_protocol::rooms::CreateRoom;
use parlour_protocol::socket::{CloseCode, Start};
use system_tests::chaos::proxy::Proxy;
use system_tests::{Backend, TestDatabase, TestSocket};

/// A server in a process of its own, killed when dropped.
struct Node {
    process: Child,
    address: String,
}

impl Node {
    /// Starts a node and waits until it says that it is ready.
    fn start(database: &TestDatabase, redis: Option<&str>, listen: &str) -> Self {
        let binary = std::env::var_os("TEST_PARLOUR_BIN").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug/parlour")),
            PathBuf::from,
        );
        let mut command = Command::new(&binary);
        command
            .arg("serve")
            .env("PARLOUR_LISTEN", listen)
            .env("PARLOUR_DATA_DIR", database.folder.path())
            .env("PARLOUR_HASH_MEMORY_KIB", "8")
            .env("PARLOUR_HASH_PASSES", "1")
            .env("PARLOUR_SENDS_PER_SECOND", "10000")
            .env("PARLOUR_UNSAFE_DATABASE", "true")
            .env("RUST_LOG", "warn")
            .env_remove("DATABASE_URL")
            .env_remove("REDIS_URL")
            .current_dir(database.folder.path())
            .stdout(Stdio::piped());
        if let Some(url) = &database.url {
            command.env("DATABASE_URL", url);
        }
        if let Some(url) = redis {
            command.env("REDIS_URL", url);
        }
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_whitespace().find(|word| word.starts_with("http://"));
        let address = address.unwrap_or_else(|| panic!("the server said {line:?}")).to_owned();
        Self { process, address }
    }

    /// Ends the process like a power failure.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _gone_already = self.process.wait();
    }
}

fn redis() -> String {
    std::env::var_os("TEST_REDIS_URL").expect("TEST_REDIS_URL").into_string().unwrap()
}

async fn register(address: &str, handle: &str) -> Api {
    let api = Api::new(address).unwrap();
    let account = CreateAccount {
        handle: handle.into(),
        display_name: None,
        password: "correct horse battery".into(),
        device: None,
        invite: None,
        refresh: Default::default(),
    };
    api.create_account(&account).await.unwrap();
    api
}

/// Sends messages one after another, each until it is acknowledged, on any node that responds. Returns what was
/// acknowledged: client ids and positions, in this order.
async fn send_all(apis: &[Api], room: ConversationId, count: usize, sent: &dyn Fn()) -> Vec<(String, i64)> {
    let mut acknowledged = Vec::new();
    let mut node = 0;
    for number in 0..count {
        let (cid, message) = (fresh_cid(), SendMessage { body: format!("message {number}"), reply_to: None });
        let trying = async {
            loop {
                match apis[node % apis.len()].send_message(room, &cid, &message).await {
                    Ok(stored) => break stored.seq,
                    Err(ApiError::Problem(problem)) if problem.status != 503 => panic!("{problem:?}"),
                    Err(_) => {
                        node += 1;
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
        };
        let seq = tokio::time::timeout(Duration::from_secs(20), trying).await.expect("acknowledged in time");
        acknowledged.push((cid, seq));
        sent();
    }
    acknowledged
}

async fn log(api: &Api, room: ConversationId) -> Vec<Event> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let page = api.list_events(room, &ListEvents { after: Some(after), limit: Some(200) }).await.unwrap();
        events.extend(page.items);
        after = page.next_after;
        if after >= page.head {
            return events;
        }
    }
}

fn check(log: &[Event], acknowledged: &[Vec<(String, i64)>]) {
    assert!(log.iter().map(|event| event.seq).eq(1..=log.len() as i64), "I3: no hole");
    let mut rows: BTreeMap<&str, i64> = BTreeMap::new();
    for event in log {
        if let Change::MessageCreated { cid, .. } = &event.change {
            assert_eq!(rows.insert(cid, event.seq), None, "I2: {cid} is there twice");
        }
    }
    let mut names = BTreeSet::new();
    for sender in acknowledged {
        for (cid, seq) in sender {
            assert_eq!(rows.get(cid.as_str()), Some(seq), "I1: {cid} was acknowledged");
            names.insert(cid.as_str());
        }
        assert!(sender.is_sorted_by(|one, next| one.1 < next.1), "I6: what was sent later comes later");
    }
    assert!(rows.keys().all(|cid| names.contains(cid)), "nothing that nobody sent");
}

/// Follows a room from its beginning until the position is reached.
async fn follow(follower: &mut Follower, room: ConversationId, upto: i64) -> Vec<Event> {
    let mut applied = Vec::new();
    let following = async {
        while applied.len() < upto as usize {
            if let Update::Event(event) = follower.next().await.expect("follows")
                && event.conversation == room
            {
                applied.push(event);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), following).await.expect("everything arrives in time");
    applied
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Anyone who writes has read what came before: that is stored a moment later, and not lost when a node is told to shut
/// down.
#[test]
fn a_node_that_is_told_to_end_keeps_how_far_people_have_read() {
    let database = TestDatabase::migrated(Backend::SqliteLocal);
    let mut node = Node::start(&database, None, "127.0.0.1:0");
    runtime().block_on(async {
        let (ada, bob) = (register(&node.address, "ada").await, register(&node.address, "bob").await);
        let room =
            ada.create_room(&CreateRoom { name: "tea".into(), topic: String::new() }).await.unwrap().id;
        bob.join_room(room).await.unwrap();
        send_all(std::slice::from_ref(&bob), room, 3, &|| ()).await;
        let conversation = ada.show_conversation(room).await.unwrap();
        assert_eq!((conversation.unread, conversation.read_seq), (3, 1));
        let answered = send_all(std::slice::from_ref(&ada), room, 1, &|| ()).await[0].1;

        assert!(Command::new("kill").arg(node.process.id().to_string()).status().unwrap().success());
        assert!(node.process.wait().unwrap().success());
        node = Node::start(&database, None, "127.0.0.1:0");
        let conversation = ada.at(&node.address).unwrap().show_conversation(room).await.unwrap();
        assert_eq!((conversation.unread, conversation.read_seq), (0, answered));
    });
}

#[test]
fn a_node_of_two_is_killed_while_people_send() {
    if !Backend::PostgresRedis.is_available() {
        return;
    }
    const EACH: usize = 60;
    let database = TestDatabase::migrated(Backend::PostgresRedis);
    let mut nodes = [
        Node::start(&database, Some(&redis()), "127.0.0.1:0"),
        Node::start(&database, Some(&redis()), "127.0.0.1:0"),
    ];
    let addresses = [nodes[0].address.clone(), nodes[1].address.clone()];
    runtime().block_on(async {
        let ada = register(&addresses[0], "ada").await;
        let bob = register(&addresses[1], "bob").await;
        let room =
            ada.create_room(&CreateRoom { name: "tea".into(), topic: String::new() }).await.unwrap().id;
        bob.join_room(room).await.unwrap();
        let options =
            || Options { live: vec![room], cursors: BTreeMap::from([(room, 0)]), ..Options::default() };
        // One is connected to the node that survives; the other begins on the one that dies, and receives everything
        // later.
        let mut near = Follower::start(bob.clone(), options());

        let hers = [ada.clone(), ada.at(&addresses[1]).unwrap()];
        let his = [bob.at(&addresses[0]).unwrap(), bob.clone()];
        let count = std::cell::Cell::new(0);
        let first = std::cell::RefCell::new(&mut nodes[0]);
        let sent = || {
            count.set(count.get() + 1);
            if count.get() == EACH {
                // In the middle of a send by the other one.
                first.borrow_mut().kill();
            }
        };
        let total = 2 + 2 * EACH as i64;
        let (one, other, seen) = tokio::join!(
            send_all(&hers, room, EACH, &sent),
            send_all(&his, room, EACH, &sent),
            follow(&mut near, room, total),
        );
        let stored = log(&bob, room).await;
        check(&stored, &[one, other]);
        assert_eq!(seen, stored, "I4: anyone who follows applies exactly the log");
        // Somebody who was never connected resumes on the node that is left.
        let mut late = Follower::start(ada.at(&addresses[1]).unwrap(), options());
        assert_eq!(follow(&mut late, room, total).await, stored);
    });
}

#[test]
fn a_single_node_on_sqlite_is_killed_and_comes_back() {
    const EACH: usize = 40;
    let database = TestDatabase::migrated(Backend::SqliteLocal);
    let first = Node::start(&database, None, "127.0.0.1:0");
    let address = first.address.clone();
    let listen = address.strip_prefix("http://").unwrap().to_owned();
    runtime().block_on(async {
        let ada = register(&address, "ada").await;
        let bob = register(&address, "bob").await;
        let room =
            ada.create_room(&CreateRoom { name: "tea".into(), topic: String::new() }).await.unwrap().id;
        bob.join_room(room).await.unwrap();
        let options =
            Options { live: vec![room], cursors: BTreeMap::from([(room, 0)]), ..Options::default() };
        let mut follower = Follower::start(bob.clone(), options);
        let node = std::cell::RefCell::new(Some(first));
        let count = std::cell::Cell::new(0);
        let sent = || {
            count.set(count.get() + 1);
            if count.get() % 25 == 20 {
                let dead = node.borrow_mut().take();
                drop(dead);
                *node.borrow_mut() = Some(Node::start(&database, None, &listen));
            }
        };
        let total = 2 + 2 * EACH as i64;
        let (hers, his) = ([ada.clone()], [bob.clone()]);
        let (one, other, seen) = tokio::join!(
            send_all(&hers, room, EACH, &sent),
            send_all(&his, room, EACH, &sent),
            follow(&mut follower, room, total),
        );
        assert!(count.get() == 2 * EACH);
        let stored = log(&ada, room).await;
        check(&stored, &[one, other]);
        assert_eq!(seen, stored);
    });
}

/// A node that is told to shut down closes its sockets with a code that sends clients elsewhere, and exits.
#[test]
fn a_node_that_is_told_to_end_sends_everybody_elsewhere() {
    if !Backend::PostgresRedis.is_available() {
        return;
    }
    let database = TestDatabase::migrated(Backend::PostgresRedis);
    let mut nodes = [
        Node::start(&database, Some(&redis()), "127.0.0.1:0"),
        Node::start(&database, Some(&redis()), "127.0.0.1:0"),
    ];
    let addresses = [nodes[0].address.clone(), nodes[1].address.clone()];
    runtime().block_on(async {
        let ada = register(&addresses[0], "ada").await;
        let room =
            ada.create_room(&CreateRoom { name: "tea".into(), topic: String::new() }).await.unwrap().id;
        let mut socket = TestSocket::connect(&addresses[0]).await;
        let start = Start { token: ada.access_token(), live: vec![room], ..Start::default() };
        socket.start(start.clone()).await.unwrap();
        socket.send(room, "client-id-1", "hi").await.unwrap();

        let pid = nodes[0].process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        socket.expect_close(CloseCode::Draining.code()).await;
        let mut socket = TestSocket::connect(&addresses[1]).await;
        socket.start(Start { cursors: BTreeMap::from([(room, 0)]), ..start }).await.unwrap();
        socket.expect_event(room, 1).await;
        socket.expect_event(room, 2).await;
        assert_eq!(socket.send(room, "client-id-1", "hi").await.unwrap().duplicate, Some(true));
    });
    assert!(nodes[0].process.wait().unwrap().success());
}

/// A subscription that nobody serves any more looks like one where nothing happens. A node that relied on it would
/// receive everything two seconds late until restarted.
#[test]
fn a_node_notices_that_its_connections_to_redis_are_dead() {
    if !Backend::PostgresRedis.is_available() {
        return;
    }
    let database = TestDatabase::migrated(Backend::PostgresRedis);
    let url = redis();
    let server = url.trim_start_matches("redis://").trim_end_matches('/').parse();
    let proxy = Proxy::start(server.expect("an address and a port"), Rng::with_seed(1));
    let listens = format!("redis://127.0.0.1:{}", proxy.port);
    let nodes = [
        Node::start(&database, Some(&url), "127.0.0.1:0"),
        Node::start(&database, Some(&listens), "127.0.0.1:0"),
    ];
    runtime().block_on(async {
        let ada = register(&nodes[0].address, "ada").await;
        let room =
            ada.create_room(&CreateRoom { name: "tea".into(), topic: String::new() }).await.unwrap().id;
        let options =
            Options { live: vec![room], cursors: BTreeMap::from([(room, 0)]), ..Options::default() };
        let mut follower = Follower::start(ada.at(&nodes[1].address).unwrap(), options);
        let mut follower_hears = async |body: &str| {
            let began = tokio::time::Instant::now();
            let message = SendMessage { body: body.into(), reply_to: None };
            let seq = ada.send_message(room, &fresh_cid(), &message).await.unwrap().seq;
            while !matches!(follower.next().await.unwrap(), Update::Event(event) if event.seq == seq) {}
            began.elapsed()
        };
        // The first one may arrive while the socket is still being opened.
        follower_hears("hello").await;
        proxy.forget();
        let mut quick = 0;
        let recovering = async {
            // Once or twice in a row may be luck: the sweep happens at any time within two seconds.
            while quick < 8 {
                let soon = follower_hears("are you there?").await < Duration::from_millis(300);
                quick = if soon { quick + 1 } else { 0 };
            }
        };
        tokio::time::timeout(Duration::from_secs(20), recovering).await.expect("it subscribes again");
    });
}

/// Nobody may use a SQLite file beside a running server: two writers would break the promise.
#[test]
fn a_second_process_on_one_sqlite_file_refuses_to_start() {
    let database = TestDatabase::migrated(Backend::SqliteLocal);
    let _first = Node::start(&database, None, "127.0.0.1:0");
    let binary = std::env::var_os("TEST_PARLOUR_BIN").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug/parlour")),
        PathBuf::from,
    );
    let second = Command::new(binary)
        .arg("serve")
        .env("PARLOUR_LISTEN", "127.0.0.1:0")
        .env("PARLOUR_UNSAFE_DATABASE", "true")
        .env("PARLOUR_DATA_DIR", database.folder.path())
        .env_remove("DATABASE_URL")
        .env_remove("REDIS_URL")
        .current_dir(database.folder.path())
        .output()
        .unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another process uses"), "{said}");
}
