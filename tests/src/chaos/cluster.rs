//! A cluster whose every part can be broken: real nodes, proxies on all connections, and separate services where a
//! scenario kills them.

use std::net::SocketAddr;
use std::sync::Arc;

use diesel::RunQueryDsl;
use fastrand::Rng;
use parlour_client::native::Api;
use parlour_protocol::accounts::CreateAccount;
use parlour_protocol::ids::UserId;
use parlour_storage::connection::Address;

use super::nodes::Node;
use super::proxy::Proxy;
use super::services::{self, OwnPostgres, OwnRedis};
use crate::{Backend, METRICS_TOKEN, TestDatabase};

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

/// What a scenario needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plan {
    /// One node on SQLite instead of three on PostgreSQL and Redis.
    pub sqlite: bool,
    /// A Redis that may be killed.
    pub own_redis: bool,
    /// A PostgreSQL that may be killed.
    pub own_postgres: bool,
    /// Clients reach the nodes through proxies.
    pub fronts: bool,
    /// Clock error of each node, in seconds.
    pub wrong_by: [i64; NODES],
}

/// Nodes in a cluster.
pub const NODES: usize = 3;

impl Plan {
    /// Whether everything that it needs is available.
    pub fn is_available(self) -> bool {
        let backend = if self.sqlite { Backend::SqliteLocal } else { Backend::PostgresRedis };
        backend.is_available() && (!(self.own_redis || self.own_postgres) || services::are_available())
    }
}

/// Everything that can be broken.
pub struct Cluster {
    /// The nodes.
    pub nodes: Vec<Arc<Node>>,
    /// Where clients find the nodes: their own addresses, or those of the proxies in front of them.
    pub addresses: Vec<String>,
    /// Proxies in front of the nodes, if the plan asks for them.
    pub fronts: Vec<Proxy>,
    /// Proxies in front of Redis, one per node.
    pub redis: Vec<Proxy>,
    /// Proxy in front of PostgreSQL.
    pub postgres: Option<Proxy>,
    /// The Redis that may be killed.
    pub own_redis: Option<Arc<OwnRedis>>,
    /// The PostgreSQL that may be killed.
    pub own_postgres: Option<Arc<OwnPostgres>>,
    // Dropped last, because it can only be removed once nobody uses it.
    database: TestDatabase,
}

/// Parses a URL, and the socket address of its server.
fn parse(url: &str) -> (reqwest::Url, SocketAddr) {
    let parsed = reqwest::Url::parse(url).expect("an address of a service");
    let default = if parsed.scheme() == "redis" { 6379 } else { 5432 };
    let server = parsed.socket_addrs(|| Some(default)).expect("the service's name is known")[0];
    (parsed, server)
}

/// The same URL through a proxy.
fn through(url: &reqwest::Url, proxy: &Proxy) -> String {
    let mut url = url.clone();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.port)).unwrap();
    url.into()
}

impl Cluster {
    /// Starts everything and waits until it is ready.
    pub fn start(plan: Plan, random: &mut Rng) -> Self {
        let count = if plan.sqlite { 1 } else { NODES };
        let own_redis = plan.own_redis.then(|| Arc::new(OwnRedis::start()));
        let own_postgres = plan.own_postgres.then(|| Arc::new(OwnPostgres::start()));
        let database = if plan.sqlite || plan.own_postgres {
            // The nodes create their tables themselves.
            TestDatabase::empty(Backend::SqliteLocal)
        } else {
            TestDatabase::migrated(Backend::PostgresRedis)
        };
        let postgres_url = own_postgres.as_ref().map(|own| own.url.clone()).or_else(|| database.url.clone());
        let postgres = postgres_url.map(|url| {
            let (url, server) = parse(&url);
            (url, Proxy::start(server, random.fork()))
        });
        let redis_url = own_redis.as_ref().map(|own| own.url.clone()).or_else(crate::backend::redis);
        let redis: Vec<(reqwest::Url, Proxy)> = (0..if plan.sqlite { 0 } else { count })
            .map(|_| {
                let (url, server) = parse(redis_url.as_deref().expect("TEST_REDIS_URL"));
                (url, Proxy::start(server, random.fork()))
            })
            .collect();
        let nodes: Vec<Arc<Node>> = (0..count)
            .map(|number| {
                let mut settings: Vec<(String, String)> = [
                    ("PARLOUR_HASH_MEMORY_KIB", "8"),
                    ("PARLOUR_HASH_PASSES", "1"),
                    ("PARLOUR_SENDS_PER_SECOND", "100000"),
                    ("PARLOUR_AUTH_PER_MINUTE", "1000000"),
                    ("PARLOUR_CONNECTS_PER_SECOND", "100000"),
                    ("PARLOUR_CONNECTS_PER_ADDRESS", "100000"),
                    ("PARLOUR_CONNECTIONS_PER_ADDRESS", "100000"),
                    ("PARLOUR_METRICS_TOKEN", METRICS_TOKEN),
                    ("PARLOUR_UNSAFE_DATABASE", "true"),
                    ("PARLOUR_DATABASE_READERS", "2"),
                    ("PARLOUR_DATABASE_LANES", "2"),
                    ("PARLOUR_WORKERS", "1"),
                    ("RUST_LOG", "warn"),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
                settings.push(("PARLOUR_CLOCK_WRONG_BY".into(), plan.wrong_by[number].to_string()));
                let urls = [
                    ("DATABASE_URL", postgres.as_ref().map(|(url, proxy)| through(url, proxy))),
                    ("REDIS_URL", redis.get(number).map(|(url, proxy)| through(url, proxy))),
                ];
                // Empty means not set, whatever the tests' own environment says.
                settings.extend(urls.map(|(name, url)| (name.to_owned(), url.unwrap_or_default())));
                Arc::new(Node::start(database.folder.path().join(format!("node-{number}")), settings))
            })
            .collect();
        let fronts: Vec<Proxy> = nodes
            .iter()
            .filter(|_| plan.fronts)
            .map(|node| {
                let server = node.address.trim_start_matches("http://").parse().expect("a node's address");
                Proxy::start(server, random.fork())
            })
            .collect();
        let addresses = if plan.fronts {
            fronts.iter().map(|proxy| format!("http://127.0.0.1:{}", proxy.port)).collect()
        } else {
            nodes.iter().map(|node| node.address.clone()).collect()
        };
        Self {
            nodes,
            addresses,
            fronts,
            redis: redis.into_iter().map(|(_, proxy)| proxy).collect(),
            postgres: postgres.map(|(_, proxy)| proxy),
            own_redis,
            own_postgres,
            database,
        }
    }

    /// Runs a blocking operation on a node in a thread of its own.
    pub async fn on_node<T: Send + 'static>(&self, number: usize, act: fn(&Node) -> T) -> T {
        let node = self.nodes[number].clone();
        tokio::task::spawn_blocking(move || act(&node)).await.expect("nodes obey")
    }

    /// Registers a person and returns clients for every node. Failures at first are retried.
    pub async fn register(&self, handle: &str) -> (UserId, Vec<Api>) {
        let first = Api::new(&self.addresses[0]).unwrap();
        let account = CreateAccount {
            handle: handle.to_owned(),
            display_name: None,
            password: "correct horse battery".into(),
            device: None,
            invite: None,
            refresh: Default::default(),
        };
        let id = first
            .create_account(&account)
            .await
            .expect("registers")
            .signed_in()
            .expect("is let in")
            .account
            .id;
        (id, self.addresses.iter().map(|address| first.at(address).unwrap()).collect())
    }

    /// How many deadlocks the shared PostgreSQL has resolved in this cluster's database.
    pub fn deadlocks(&self) -> i64 {
        let Some(url) = &self.database.url else { return 0 };
        let mut conn = Address::parse(url).unwrap().connect().unwrap();
        diesel::sql_query(
            "SELECT deadlocks AS count FROM pg_stat_database WHERE datname = current_database()",
        )
        .get_result::<Count>(&mut conn)
        .expect("statistics")
        .count
    }

    /// The last lines of the nodes' logs.
    pub fn last_words(&self) -> String {
        let words: Vec<String> =
            self.nodes.iter().map(|node| format!("{}:\n{}", node.address, node.last_words())).collect();
        words.join("\n")
    }
}
