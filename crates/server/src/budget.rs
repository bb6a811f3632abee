//! What everybody may make this server do: one table of limits, enforced for REST and sockets alike. `docs/budgets.md`
//! shows it to people.
//!
//! Invariant: a limit that protects others is counted per person once somebody has shown who they are, and per network
//! before; nobody known is refused because of what strangers do. Everything here is bounded itself.

pub mod addresses;
pub mod connections;
pub mod door;
pub mod gate;
pub mod guesses;
pub mod memory;
pub mod queue;
pub mod rates;
pub mod turns;

use std::sync::Arc;

use parlour_protocol::ids::{ConversationId, UserId};
use parlour_realtime::Broker;

use self::door::Door;
use self::gate::Pulse;
use self::guesses::Guesses;
use self::memory::MemoryBudget;
use self::rates::{NetworkLimit, RateLimit};
use crate::clock::Clock;
use crate::config::Config;

/// Memory for bodies, answers and unfinished frames, of all together.
const MEMORY: usize = 32 * 1024 * 1024;
/// Most that one person holds in answers that are not read: four large pages.
pub const ANSWERS_OF_PERSON: usize = 1024 * 1024;
/// A large page: one with as much text as a page may have.
pub const LARGE_PAGE: usize = 256 * 1024;
/// Most that one person or network holds in bodies: one picture, and what is small beside it.
pub const BODIES_OF_ONE: usize = 6 * 1024 * 1024;
/// A client that was told to slow down waits this long for its next answer: a refusal costs nearly as much as what it refuses.
pub const AFTER_REFUSAL: std::time::Duration = std::time::Duration::from_millis(20);
/// What is smaller than this is not counted: the number of connections bounds it.
pub const SMALL: usize = 8 * 1024;

const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

/// See the module.
pub struct Budgets {
    /// Connections that have not become sockets.
    pub door: Door,
    /// Whether people write to each other.
    pub pulse: Arc<Pulse>,
    /// Memory that others make this node hold.
    pub memory: MemoryBudget,
    /// Everything that changes something, over REST and sockets.
    pub changes: RateLimit<UserId>,
    /// Everything that only reads.
    pub reads: RateLimit<UserId>,
    /// Messages, edits and reactions.
    pub sends: RateLimit<UserId>,
    /// Changes of profile, privacy and picture: others are told of them, or they cost much.
    pub profile: RateLimit<UserId>,
    /// Changes of one's handle that are tried, for they tell whether a handle exists.
    pub handles: RateLimit<UserId>,
    /// Pictures.
    pub pictures: RateLimit<UserId>,
    /// New rooms.
    pub rooms: RateLimit<UserId>,
    /// Looking at people by id, friend requests, invites.
    pub reach: RateLimit<UserId>,
    /// Handles that are looked up, by whichever operation.
    pub lookups: RateLimit<UserId>,
    /// The same, by network.
    pub lookups_of_network: NetworkLimit,
    /// Searches among rooms: each looks at all of their names.
    pub searches: RateLimit<UserId>,
    /// Typing that is passed on.
    pub typing: RateLimit<(UserId, ConversationId)>,
    /// The same, in all conversations together.
    pub typing_anywhere: RateLimit<UserId>,
    /// Exports of one's own data.
    pub exports: RateLimit<UserId>,
    /// Lines in the audit log about denied requests.
    pub denials: RateLimit<UserId>,
    /// Log-ins, registrations and everything else that is done before somebody is known.
    pub entries: NetworkLimit,
    /// The same from a device that has logged in before, when its network has used up its own.
    pub entries_of_device: RateLimit<UserId>,
    /// Refreshes of sessions.
    pub refreshes: NetworkLimit,
    /// Personal access tokens that are nobody's.
    pub unknown_tokens: NetworkLimit,
    /// New sockets, by network.
    pub handshakes_of_network: NetworkLimit,
    /// New sockets of strangers, on this node.
    pub handshakes: RateLimit<()>,
    /// New sockets of people who have shown who they are with the handshake.
    pub handshakes_of_person: RateLimit<UserId>,
    /// Wrong passwords.
    pub guesses: Guesses,
}

impl Budgets {
    /// All limits, as they are set.
    pub fn new(config: &Config, clock: &Clock, broker: &Broker) -> Self {
        fn limit<K: std::hash::Hash + Eq>(clock: &Clock, per_second: f64, burst: f64) -> RateLimit<K> {
            RateLimit::new(clock, per_second, burst)
        }
        let sends = f64::from(config.sends_per_second);
        // Messages are changes, too.
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
            guesses: Guesses::new(clock, config.auth_per_minute.div_ceil(2), broker),
        }
    }
}
