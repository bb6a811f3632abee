//! Limits: one table of what clients may make this server do, enforced for REST and sockets alike. `docs/budgets.md`
//! describes it for people.
//!
//! Invariant: a limit that protects others is counted per person once somebody is authenticated, and per network
//! before that; no authenticated person is refused because of what strangers do. The limiters themselves are bounded
//! too.

pub mod addresses;
pub mod connections;
pub mod door;
pub mod gate;
pub mod login_throttle;
pub mod memory;
pub mod pace;
pub mod place;
pub mod queue;
pub mod rates;
pub mod turns;

use std::sync::Arc;

use parlour_protocol::ids::{ConversationId, UserId};
use parlour_realtime::Broker;

use self::door::Door;
use self::gate::Pulse;
use self::login_throttle::LoginThrottle;
use self::memory::MemoryBudget;
use self::rates::{NetworkLimit, RateLimit};
use crate::clock::Clock;
use crate::config::Config;

/// Total memory for request bodies, responses and unfinished frames, in bytes.
const MEMORY: usize = 32 * 1024 * 1024;
/// Maximum bytes of unread responses per person: four large pages.
pub const ANSWERS_OF_PERSON: usize = 1024 * 1024;
/// A large page: one with the maximum amount of text, in bytes.
pub const LARGE_PAGE: usize = 256 * 1024;
/// Maximum bytes of request bodies per person or network: one picture, and small bodies next to it.
pub const BODIES_OF_ONE: usize = 6 * 1024 * 1024;
/// A response that is longer counts as one more read for each further one of this many bytes: time and traffic grow with
/// it.
const BYTES_PER_READ: usize = 64 * 1024;
/// For how long the response that tells a client to slow down is held: a refusal costs nearly as much as what it
/// refuses, and a client that asks again at once would be refused thousands of times a second.
pub const REFUSAL_HELD: std::time::Duration = std::time::Duration::from_millis(250);
/// The same on a socket, which also has to show signs of life.
pub const AFTER_REFUSAL: std::time::Duration = std::time::Duration::from_millis(20);
/// Anything smaller than this (bytes) is not counted: the number of connections bounds it.
pub const SMALL: usize = 8 * 1024;

const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

/// All limiters of this node.
pub struct Budgets {
    /// Connections that have not become sockets.
    pub door: Door,
    /// Whether people are writing to each other right now.
    pub pulse: Arc<Pulse>,
    /// Memory that clients make this node hold.
    pub memory: MemoryBudget,
    /// Every change, over REST and sockets.
    pub changes: RateLimit<UserId>,
    /// Every read.
    pub reads: RateLimit<UserId>,
    /// Messages, edits and reactions.
    pub sends: RateLimit<UserId>,
    /// Changes of profile, privacy and picture: others are told of them, or they are expensive.
    pub profile: RateLimit<UserId>,
    /// Attempts to change the own handle, since they reveal whether a handle exists.
    pub handles: RateLimit<UserId>,
    /// Uploaded pictures.
    pub pictures: RateLimit<UserId>,
    /// New rooms.
    pub rooms: RateLimit<UserId>,
    /// Lookups of people by id, friend requests, invites.
    pub reach: RateLimit<UserId>,
    /// Lookups by handle, in all operations together.
    pub lookups: RateLimit<UserId>,
    /// Lookups by handle, per network.
    pub lookups_of_network: NetworkLimit,
    /// Room searches: each scans the names of all rooms.
    pub searches: RateLimit<UserId>,
    /// Typing notices that are passed on, per conversation.
    pub typing: RateLimit<(UserId, ConversationId)>,
    /// Typing notices that are passed on, in all conversations together.
    pub typing_anywhere: RateLimit<UserId>,
    /// Exports of the person's own data.
    pub exports: RateLimit<UserId>,
    /// Audit log entries about denied requests.
    pub denials: RateLimit<UserId>,
    /// Log-ins, registrations and everything else done before somebody is authenticated.
    pub entries: NetworkLimit,
    /// The same, for a device that has logged in before and whose network has used up its limit.
    pub entries_of_device: RateLimit<UserId>,
    /// Session refreshes.
    pub refreshes: NetworkLimit,
    /// Unknown personal access tokens.
    pub unknown_tokens: NetworkLimit,
    /// New sockets, per network.
    pub handshakes_of_network: NetworkLimit,
    /// New sockets without authentication, on this node.
    pub handshakes: RateLimit<()>,
    /// New sockets authenticated in the handshake.
    pub handshakes_of_person: RateLimit<UserId>,
    /// Wrong passwords.
    pub login_throttle: LoginThrottle,
}

impl Budgets {
    /// Creates all limiters as configured.
    pub fn new(config: &Config, clock: &Clock, broker: &Broker) -> Self {
        fn limit<K: std::hash::Hash + Eq>(clock: &Clock, per_second: f64, burst: f64) -> RateLimit<K> {
            RateLimit::new(clock, per_second, burst)
        }
        let sends = f64::from(config.sends_per_second);
        // Messages are changes too.
        let changes = f64::from(config.changes_per_second).max(sends);
        let reads = f64::from(config.reads_per_second).max(sends);
        let entries = f64::from(config.auth_per_minute);
        let pictures = f64::from(config.pictures_per_hour);
        let connects = f64::from(config.connects_per_second);
        let of_network = f64::from(config.connects_per_address);
        Self {
            door: Door::new(
                config.connections,
                config.connections_per_address,
                NetworkLimit::new(clock, of_network * 20.0, of_network * 80.0),
            ),
            pulse: Arc::default(),
            memory: MemoryBudget::new(MEMORY),
            changes: limit(clock, changes, changes * 3.0),
            reads: limit(clock, reads, reads * 2.0),
            sends: limit(clock, sends, sends * 2.0),
            profile: limit(clock, 0.5, 20.0),
            handles: limit(clock, 5.0 / HOUR, 5.0),
            pictures: limit(clock, pictures / HOUR, (pictures / 6.0).max(1.0)),
            rooms: limit(clock, 20.0 / DAY, 20.0),
            reach: limit(clock, 1.0, 60.0),
            lookups: limit(clock, 0.5, 30.0),
            lookups_of_network: NetworkLimit::new(clock, entries / 60.0, entries * 2.0),
            searches: limit(clock, 2.0, 20.0),
            typing: limit(clock, 1.0 / 3.0, 1.0),
            typing_anywhere: limit(clock, 1.0, 3.0),
            exports: limit(clock, 1.0 / 600.0, 3.0),
            denials: limit(clock, 1.0 / 60.0, 10.0),
            entries: NetworkLimit::new(clock, entries / 60.0, entries),
            entries_of_device: limit(clock, 10.0 / 60.0, 10.0),
            refreshes: NetworkLimit::new(clock, entries / 6.0, entries * 20.0),
            unknown_tokens: NetworkLimit::new(clock, entries / 6.0, entries * 20.0),
            handshakes_of_network: NetworkLimit::new(clock, of_network, of_network * 10.0),
            handshakes: limit(clock, connects, connects * 4.0),
            handshakes_of_person: limit(clock, 2.0, 40.0),
            login_throttle: LoginThrottle::new(clock, config.auth_per_minute.div_ceil(2), broker),
        }
    }

    /// Counts a large response to somebody as further reads.
    pub fn charge_for_size(&self, person: UserId, bytes: usize) {
        let further = bytes / BYTES_PER_READ;
        if further > 0 {
            self.reads.charge(person, u32::try_from(further).unwrap_or(u32::MAX));
        }
    }
}
