//! The application: the state that all handlers share, and the one way to make changes.
//!
//! Invariant: [`App::commit`] and the send queue publish only after COMMIT. Nothing else publishes events.

mod notes;
mod open_sessions;
mod upkeep;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex};

use actix_web::rt::net::TcpStream;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parlour_chat::identity::passwords::Verdict;
use parlour_chat::identity::relying_party::RelyingParty;
use parlour_chat::outcome::Done;
use parlour_chat::secrets::MasterKey;
use parlour_chat::{Effect, Outcome, Refusal};
use parlour_protocol::ids::SessionId;
use parlour_protocol::time::Timestamp;
use parlour_realtime::{Broker, Delivery, Hub};
use parlour_storage::user_events::Tell;
use parlour_storage::{Connection, Database, DatabaseSettings, Lane, StorageError, server_state};
use quick_cache::sync::Cache;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::account_exports::Exports;
use crate::auth::keys::{self, StoredKeys};
use crate::auth::provider::Provider;
use crate::auth::tokens::{Bearer, Tokens};
use crate::budget::Budgets;
use crate::budget::addresses::{self};
use crate::budget::connections::Conn;
use crate::budget::gate::Gates;
use crate::clock::Clock;
use crate::config::Config;
use crate::event_log::{DatabaseLog, delivery_of_event, delivery_of_user_event, is_end_of_session};
use crate::hashing::{Asker, Hashing};
use crate::idempotency::Creation;
use crate::jobs::Jobs;
use crate::markers::Markers;
use crate::problems::ApiError;
use crate::query_batching::Reads;
use crate::random;
use crate::send_queue::SendQueue;

/// Pictures that may be processed or queued at a time; more are refused as overload.
const WAITING_PICTURES: usize = 5;
/// Capacity of the cache of verified tokens: about 2 MiB.
const VERIFIED_TOKENS: usize = 16 * 1024;

/// Audit log entries that may be queued; more are dropped, with a warning in the process's log.
const WAITING_NOTES: usize = 64;
/// Token uses that may be queued for recording; more are skipped until the next minute.
const WAITING_USES: usize = 64;

/// State shared by all handlers and background tasks.
pub struct App {
    /// The configuration.
    pub config: Config,
    /// The clock, corrected by the database's.
    pub clock: Clock,
    /// The database.
    pub database: Database,
    /// Batched reads, for what many callers read at the same time.
    pub reads: Arc<Reads>,
    /// The sockets of this node and what they follow.
    pub hub: Hub,
    /// How this node reaches the others.
    pub broker: Broker,
    /// Issues and verifies access and refresh tokens.
    pub tokens: Tokens,
    /// Key from which the secrets of second factors are derived.
    pub master_key: MasterKey,
    /// The external identity provider, if one is configured.
    pub provider: Option<Provider>,
    /// What passkeys are bound to; `None` if the server has no name that browsers accept.
    pub relying_party: Option<RelyingParty>,
    /// Identifies the database's history; random, made with the database.
    pub epoch: String,
    /// The send queue: the only way to send a message.
    pub sends: SendQueue,
    /// Read markers that wait to be stored.
    pub(crate) markers: Markers,
    /// Rate, memory and connection limits.
    pub budgets: Budgets,
    /// The threads that hash passwords.
    hashing: Hashing,
    /// Exports that are being written.
    pub exports: Exports,
    /// Jobs that this node runs.
    pub jobs: Jobs,
    /// Permits for audit log entries that are written in the background.
    notes: Arc<Semaphore>,
    /// Permits for token uses that are recorded in the background.
    pub(crate) uses_of_tokens: Arc<Semaphore>,
    /// Pictures are processed one at a time, so that a core is left for everything else.
    picture: Semaphore,
    waiting_pictures: Semaphore,
    /// Set when the node shuts down and accepts nobody any more.
    pub draining: AtomicBool,
    /// Time up to which expired sessions have been looked up.
    expired_upto: AtomicI64,
    /// Whether deleted text still has to leave the write-ahead log.
    unsettled: AtomicBool,
    /// When readiness last tried to write, and whether that worked.
    last_write: Mutex<Option<(tokio::time::Instant, bool)>>,
    revoked: Mutex<HashMap<SessionId, Timestamp>>,
    /// Cache of verified tokens by their SHA-256, since a client presents the same one many times. Each entry holds
    /// the value of `keys_changed` before verification, so that it becomes invalid with the next change of keys.
    verified: Cache<[u8; 32], (u64, Bearer)>,
    keys_changed: AtomicU64,
    /// The stored secrets behind `tokens`, kept to notice when they change.
    known_keys: Mutex<(String, String)>,
}

/// Migrates stored values of earlier versions to the current form. What fails now is tried again at the next start.
async fn renew(database: &Database) {
    let names = database.write(Lane::Server, parlour_chat::names::renew_keys).await;
    let emoji = database.write(Lane::Server, parlour_chat::reactions::renew_emoji).await;
    for error in [names.err(), emoji.err()].into_iter().flatten() {
        tracing::warn!(%error, "names or reactions of an earlier version could not be brought into today's form");
    }
}

/// Opens the database, and corrects the clock by the database's.
async fn open_database(config: &Config, clock: &Clock) -> Result<Database, String> {
    let settings = DatabaseSettings {
        address: config.address()?,
        readers: config.database_readers,
        lanes: config.database_lanes,
        tell_all: parlour_chat::outcome::tell_all,
    };
    let database = tokio::task::spawn_blocking(move || Database::open(&settings))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| format!("the database cannot be opened: {error}"))?;
    if let Ok(Some(now)) = database.read(server_state::now).await {
        clock.correct(Timestamp(now));
    }
    if !config.unsafe_database && database.read(server_state::is_durable).await == Ok(false) {
        return Err(
            "PostgreSQL runs with fsync or full_page_writes turned off: after a crash of its machine, \
                    messages that were confirmed would be gone. Turn them on, or set \
                    PARLOUR_UNSAFE_DATABASE=true if nothing in it matters."
                .into(),
        );
    }
    Ok(database)
}

/// What all nodes share.
struct Secrets {
    epoch: String,
    signing_keys: String,
    refresh_key: String,
    master_key: String,
}

/// Reads the secrets, and creates those that don't exist.
async fn read_secrets(database: &Database) -> Result<Secrets, String> {
    let fresh = [
        ("epoch", STANDARD.encode(random::bytes::<9>())),
        ("signing_key", STANDARD.encode(random::bytes::<32>())),
        (keys::REFRESH_KEY, STANDARD.encode(random::bytes::<32>())),
        (keys::FACTOR_KEY, STANDARD.encode(random::bytes::<32>())),
    ];
    let secrets = database.write(Lane::Server, move |conn| -> Result<_, StorageError> {
        let [epoch, first, refresh, factor] = &fresh;
        let epoch = server_state::find_or_insert(conn, epoch.0, &epoch.1)?;
        // Servers of an earlier version know only this key.
        let first = server_state::find_or_insert(conn, first.0, &first.1)?;
        let keys = StoredKeys::first(first).write();
        let signing_keys = server_state::find_or_insert(conn, keys::SIGNING_KEYS, &keys)?;
        let refresh_key = server_state::find_or_insert(conn, refresh.0, &refresh.1)?;
        let master_key = server_state::find_or_insert(conn, factor.0, &factor.1)?;
        Ok(Secrets { epoch, signing_keys, refresh_key, master_key })
    });
    secrets.await.map_err(|error| error.to_string())
}

impl App {
    /// Opens the database, creates or reads the secrets, and prepares everything; starts no task.
    pub async fn open(config: Config, clock: Clock) -> Result<Arc<Self>, String> {
        config.check()?;
        let database = open_database(&config, &clock).await?;
        let secrets = read_secrets(&database).await?;
        renew(&database).await;
        let Secrets { epoch, signing_keys, refresh_key, master_key } = secrets;
        let tokens = Tokens::new(&StoredKeys::parse(&signing_keys)?, &refresh_key)?;
        let master_key = MasterKey(keys::secret(&master_key)?);
        let broker = match &config.redis_url {
            Some(url) => Broker::redis(&url.0, &epoch)?,
            None => Broker::Local,
        };
        let reads: Arc<Reads> = Arc::default();
        let hub = Hub::new(
            u64::from_be_bytes(random::bytes()),
            Arc::new(DatabaseLog { database: database.clone(), reads: reads.clone() }),
        );
        let provider = config
            .provider
            .as_ref()
            .map(|settings| Provider::new(settings, config.public_url.as_deref().unwrap_or_default()))
            .transpose()?;
        let budgets = Budgets::new(&config, &clock, &broker);
        let hashing = Hashing::start(config.hashing, &budgets.pulse)?;
        let (public_url, origins) = (config.public_url.as_deref(), &config.allowed_origins);
        let relying_party = RelyingParty::of(&config.name, public_url, &config.listen, origins);
        let app = Self {
            relying_party,
            sends: SendQueue::new(database.conversation_lanes()),
            markers: Markers::default(),
            budgets,
            hashing,
            exports: Exports::default(),
            jobs: Jobs::default(),
            uses_of_tokens: Arc::new(Semaphore::new(WAITING_USES)),
            notes: Arc::new(Semaphore::new(WAITING_NOTES)),
            picture: Semaphore::new(1),
            waiting_pictures: Semaphore::new(WAITING_PICTURES),
            draining: AtomicBool::default(),
            expired_upto: AtomicI64::new(clock.now().0),
            unsettled: AtomicBool::default(),
            last_write: Mutex::default(),
            revoked: Mutex::default(),
            verified: Cache::new(VERIFIED_TOKENS),
            keys_changed: AtomicU64::default(),
            known_keys: Mutex::new((signing_keys, refresh_key)),
            config,
            clock,
            database,
            reads,
            hub,
            broker,
            tokens,
            master_key,
            provider,
            epoch,
        };
        Ok(Arc::new(app))
    }

    /// Starts what serves connections on the current runtime. Everything that happens at regular intervals is started by
    /// [`crate::jobs::start`].
    pub fn start(self: &Arc<Self>) {
        self.reads.start(&self.database);
        let app = Arc::downgrade(self);
        self.hub.on_end_of_session(move |session| {
            if let Some(app) = app.upgrade() {
                app.revoke(session, app.clock.now());
            }
        });
        self.hub.start(&self.broker);
        self.sends.start(self);
        tokio::spawn(Markers::look_after(self.clone()));
    }

    /// Runs a read on a database thread.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, ApiError> {
        Ok(self.database.read(work).await?)
    }

    /// Runs `work` in a transaction, and publishes its events after COMMIT. If a concurrent transaction took the same
    /// unique key, `work` runs once more and sees what is there now. It is completed and published even if the caller
    /// stops waiting.
    pub async fn commit<T: Send + 'static>(
        self: &Arc<Self>,
        lane: Lane,
        work: impl Fn(&mut Connection, Timestamp) -> Done<T> + Clone + Send + 'static,
    ) -> Result<T, ApiError> {
        let app = self.clone();
        let done = tokio::spawn(async move {
            let (now, again) = (app.clock.now(), work.clone());
            let first = app.database.write_and_tell(lane, move |conn| work(conn, now), Outcome::tells);
            let outcome = match first.await {
                Err(Refusal::Storage(StorageError::Unique(_))) => {
                    app.database.write_and_tell(lane, move |conn| again(conn, now), Outcome::tells).await
                }
                other => other,
            };
            let Outcome { value, effects } = outcome?;
            app.publish(effects);
            Ok(value)
        });
        // The task ends without a result only when the node shuts down.
        done.await.unwrap_or_else(|_| Err(StorageError::OutcomeUnknown.into()))
    }

    /// Creates something in a transaction like [`App::commit`], unless an earlier attempt of the same request has
    /// created it. Returns the result, and whether it had been created before.
    pub async fn create<T: Serialize + DeserializeOwned + Send + 'static>(
        self: &Arc<Self>,
        lane: Lane,
        creation: Creation,
        work: impl Fn(&mut Connection, Timestamp) -> Done<T> + Clone + Send + 'static,
    ) -> Result<(T, bool), ApiError> {
        self.commit(lane, move |conn, now| creation.make(conn, now, |conn| work(conn, now))).await
    }

    /// Encodes events once and delivers them on all nodes. Only for committed events.
    pub(crate) fn publish(&self, effects: Vec<Effect>) {
        let deliveries: Vec<Delivery> = effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Event(event) => Some(delivery_of_event(event)),
                Effect::Tell(Tell { user, told, .. }) => {
                    let event = told?;
                    if let Some(session) = is_end_of_session(&event) {
                        self.revoke(session, event.at);
                    }
                    Some(delivery_of_user_event(user, event))
                }
            })
            .collect();
        self.hub.publish(deliveries);
    }

    /// Admits a connection when its turn comes; `None` if there is no room for it.
    pub async fn admit(&self, gates: &Gates, stream: TcpStream, peer: IpAddr) -> Option<Conn> {
        let peer = peer.to_canonical();
        let is_proxy = addresses::is_in(&self.config.trusted_proxies, peer);
        let door = &self.budgets.door;
        if door.wait(&gates.strangers, peer, is_proxy).await.is_none() {
            // A reset costs least, and the kernel keeps no state for it.
            let _ = stream.set_zero_linger();
            return None;
        }
        door.admit(stream, peer, is_proxy, &gates.reads)
    }

    // Work for the processor, off the async threads.

    /// Processes a picture on a blocking thread, one at a time.
    pub async fn picture<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let _place = self.waiting_pictures.try_acquire().map_err(|_| ApiError::busy(1000))?;
        let _turn = self.picture.acquire().await.map_err(|error| ApiError::fault(error.to_string()))?;
        let work = move || {
            parlour_storage::database::step_back();
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::fault(error.to_string()))
    }

    /// Hashes a password.
    pub async fn hash_password(&self, asker: Asker, password: String) -> Result<String, ApiError> {
        self.hashing.hash(asker, password).await
    }

    /// Whether the password matches the hash. Without a hash, it takes as long and the result is negative.
    pub async fn verify_password(
        &self,
        asker: Asker,
        password: String,
        hash: Option<String>,
    ) -> Result<Verdict, ApiError> {
        self.hashing.verify(asker, password, hash).await
    }
}
