//! One running system: a database, one or two nodes on it, and a clock that stands still until a test moves it.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parlour_chat::identity::passwords::Argon2Cost;
use parlour_client::native::Api;
use parlour_client::operations::Text;
use parlour_protocol::accounts::CreateAccount;
use parlour_protocol::jobs::JobKind;
use parlour_protocol::sessions::SignedIn;
use parlour_protocol::socket::CloseCode;
use parlour_protocol::time::Timestamp;
use parlour_server::config::Secret;
use parlour_server::{Clock, Config, Running};
use reqwest::Method;
use serde_json::Value;

use crate::backend::redis;
use crate::mail::{MailServer, SOMEWHERE};
use crate::{Backend, Contract, Person, Reply, TestDatabase, TestSocket};

/// 2026-01-01T00:00:00Z, when every test begins.
const BEGINNING: i64 = 1_767_225_600_000_000;

/// Opens `/metrics` of every node.
pub const METRICS_TOKEN: &str = "the token for metrics of tests";

/// The password of every person.
pub(crate) const PASSWORD: &str = "correct horse battery";

struct Inner {
    backend: Backend,
    nodes: Vec<Running>,
    clock: Clock,
    contract: Contract,
    people: AtomicUsize,
    /// Where mails go, if the servers send any.
    mail: OnceLock<MailServer>,
    /// Dropped last, after the nodes.
    database: TestDatabase,
}

/// Handle to a running system; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// Runs one test body on one backend, with settings changed by `configure`.
pub fn run<F: Future<Output = ()>>(
    backend: Backend,
    configure: impl Fn(&mut Config),
    body: impl FnOnce(App) -> F,
) {
    let nodes = if backend == Backend::PostgresRedis { 2 } else { 1 };
    run_nodes(backend, nodes, configure, body);
}

/// Like [`run`], with `nodes` nodes.
pub fn run_nodes<F: Future<Output = ()>>(
    backend: Backend,
    count: usize,
    configure: impl Fn(&mut Config),
    body: impl FnOnce(App) -> F,
) {
    if !backend.is_available() {
        return;
    }
    let database = TestDatabase::migrated(backend);
    let clock = Clock::manual(BEGINNING);
    let mail = OnceLock::new();
    let nodes: Vec<Running> = (0..count)
        .map(|_| {
            let mut config = Config {
                listen: "127.0.0.1:0".into(),
                data_dir: database.folder.path().to_owned(),
                database_url: database.url.clone().map(Secret),
                redis_url: (backend == Backend::PostgresRedis)
                    .then(|| Secret(redis().expect("TEST_REDIS_URL"))),
                hashing: Argon2Cost { memory_kib: 8, passes: 1 },
                workers: 1,
                database_readers: 2,
                database_lanes: 2,
                sends_per_second: 100_000,
                auth_per_minute: 100_000,
                connects_per_second: 100_000,
                connects_per_address: 100_000,
                pictures_per_hour: 100_000,
                connections_per_address: 4096,
                metrics_token: Some(Secret(METRICS_TOKEN.into())),
                // The shared PostgreSQL of the tests does not wait for the disk.
                unsafe_database: true,
                ..Config::default()
            };
            configure(&mut config);
            if let Some(settings) = &mut config.mail
                && settings.smtp_url.0.starts_with(SOMEWHERE)
            {
                let port = mail.get_or_init(MailServer::start).port();
                settings.smtp_url.0 = settings.smtp_url.0.replacen(":0", &format!(":{port}"), 1);
            }
            parlour_server::start(config, clock.clone(), parlour::CLIENT).expect("the server starts")
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let contract = runtime.block_on(Contract::fetch(&address(&nodes[0])));
    let app =
        App(Arc::new(Inner { backend, nodes, clock, contract, people: AtomicUsize::new(0), mail, database }));
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(body(app.clone()))));
    // The sockets of the test go first, then the nodes, then the database.
    drop(runtime);
    if let Ok(inner) = Arc::try_unwrap(app.0) {
        inner.nodes.into_iter().for_each(Running::stop);
    }
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

fn address(node: &Running) -> String {
    format!("http://{}", node.address())
}

impl App {
    /// The backend under the system.
    pub fn backend(&self) -> Backend {
        self.0.backend
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.0.nodes.len()
    }

    /// Address of a node; numbers beyond the last wrap around.
    pub fn address(&self, node: usize) -> String {
        address(&self.0.nodes[node % self.0.nodes.len()])
    }

    /// The database, for tests that look behind the scenes.
    pub fn database(&self) -> &TestDatabase {
        &self.0.database
    }

    /// The SMTP server that the nodes use, with the settings of [`crate::mail::on`].
    pub fn mail(&self) -> &MailServer {
        self.0.mail.get().expect("a server that sends mails")
    }

    /// The published description that every response is compared with.
    pub fn contract(&self) -> &Contract {
        &self.0.contract
    }

    /// Closes every socket, as a node does that shuts down cleanly. Unlike such a node, these accept new sockets at
    /// once.
    pub fn drain(&self) {
        self.0.nodes.iter().for_each(|node| node.app().hub.close_all(CloseCode::Draining));
    }

    /// Connections to a node that are not started sockets.
    pub fn connections(&self, node: usize) -> usize {
        self.0.nodes[node].app().budgets.door.count()
    }

    /// Whether a node has noticed that people write to each other.
    pub fn is_lively(&self, node: usize) -> bool {
        self.0.nodes[node].app().budgets.pulse.beats()
    }

    /// How many statements a node has run.
    pub fn statements(&self, node: usize) -> u64 {
        self.0.nodes[node].app().database.statements()
    }

    /// A counter of a node, by its name in `/metrics`.
    pub fn metrics(&self, node: usize, name: &str) -> u64 {
        let list = self.0.nodes[node].app().hub.metrics().list();
        list.into_iter().find(|(known, ..)| *known == name).expect("a counter").2
    }

    /// The values of a metric by kind of job, as a node's `/metrics` shows them.
    pub async fn metrics_of_jobs(&self, node: usize, name: &str) -> BTreeMap<JobKind, i64> {
        let api = self.stranger(node);
        api.set_tokens(Some(METRICS_TOKEN.into()), None);
        let Text(text) = api.show_metrics().await.unwrap();
        let value = |kind: &JobKind| {
            let start = format!("parlour_{name}{{kind=\"{}\"}} ", kind.as_str());
            let line = text.lines().find_map(|line| line.strip_prefix(&start));
            (*kind, line.unwrap_or_else(|| panic!("no {start}in {text}")).parse().unwrap())
        };
        JobKind::ALL.iter().map(value).collect()
    }

    /// Does what every node does every five seconds: reads which sessions have ended, in case a notice was lost.
    pub async fn read_ended_sessions(&self) {
        for node in &self.0.nodes {
            node.app().reload_revocations().await;
        }
    }

    /// Does what every node does every five seconds: lets deleted text leave the database files.
    pub async fn settle(&self) {
        for node in &self.0.nodes {
            node.app().settle().await;
        }
    }

    /// Lets time pass on all nodes, in microseconds.
    pub fn advance(&self, micros: i64) {
        self.0.clock.advance(micros);
    }

    /// The time on the clock of all nodes.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// A client of a node that is not logged in.
    pub fn stranger(&self, node: usize) -> Api {
        Api::new(&self.address(node)).unwrap()
    }

    /// Like [`App::stranger`], from a given loopback address: to the server, `127.0.0.2` and so on are other clients.
    pub fn stranger_at(&self, node: usize, address: [u8; 4]) -> Api {
        Api::from_local(&self.address(node), address.into()).unwrap()
    }

    /// Registers somebody. People are assigned to the nodes in turn.
    pub async fn person(&self, handle: &str) -> Person {
        let node = self.0.people.fetch_add(1, Ordering::Relaxed);
        let api = self.stranger(node);
        let account = CreateAccount {
            handle: handle.to_owned(),
            display_name: None,
            password: PASSWORD.to_owned(),
            device: Some(format!("{handle}'s device")),
            invite: None,
            refresh: Default::default(),
        };
        let signed_in =
            api.create_account(&account).await.expect("registers").signed_in().expect("is let in");
        Person::new(self.clone(), node, handle, signed_in, api)
    }

    /// Somebody on the first node who has logged in some other way.
    pub fn somebody(&self, handle: &str, signed_in: SignedIn, api: Api) -> Person {
        Person::new(self.clone(), 0, handle, signed_in, api)
    }

    /// Registers an administrator.
    pub async fn admin(&self, handle: &str) -> Person {
        let admin = self.person(handle).await;
        self.promote(handle);
        admin
    }

    /// Makes somebody an administrator, as the command line does.
    pub fn promote(&self, handle: &str) {
        let promoted =
            parlour_chat::admin::promote(&mut self.0.database.connect(), self.0.clock.now(), handle).unwrap();
        assert!(promoted.value, "@{handle} was none");
    }

    /// Two people who are friends.
    pub async fn friends(&self, one: &str, other: &str) -> (Person, Person) {
        let (one, other) = (self.person(one).await, self.person(other).await);
        one.befriend(&other).await;
        (one, other)
    }

    /// An anonymous request, with a path like `/api/v1/server`.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.call_at(0, method, path, body).await
    }

    /// Like [`App::call`], to a given node.
    pub async fn call_at(&self, node: usize, method: Method, path: &str, body: Option<Value>) -> Reply {
        Reply::of(self, &self.stranger(node), method, path, body).await
    }

    /// A fresh socket that has not sent `start`.
    pub async fn socket(&self, node: usize) -> TestSocket {
        TestSocket::connect(&self.address(node)).await
    }
}
