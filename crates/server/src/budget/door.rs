//! The door of the node: how many unauthenticated connections there are, and who is admitted.
//!
//! Invariant: when there are too many, the connection that has waited longest is closed to admit the next one, first
//! from the same address, otherwise from the address with the most. Nobody is refused because of connections that
//! others left open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::sync::Semaphore;

use super::addresses::AddressKey;
use super::connections::Conn;
use super::gate::Gate;
use super::pace::Pace;
use super::place::Place;
use super::rates::NetworkLimit;

/// While no connection has waited for [`STALE`], up to this multiple of a limit is admitted.
const BURST: usize = 2;
/// A connection that has waited for less may only be waiting for us.
const STALE: Duration = Duration::from_secs(1);
/// Maximum new connections that wait for their turn, per network and in total. Each holds a descriptor and little
/// else.
const WAITING_OF_NETWORK: u32 = 4096;
/// See [`WAITING_OF_NETWORK`].
const WAITING: usize = 8192;
/// How often overdue connections are closed. Often, so that few are closed at the same moment: closing a thousand at
/// once would delay everybody else.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Table {
    count: usize,
    by_address: HashMap<AddressKey, Vec<Arc<Place>>>,
}

impl Table {
    fn remove(&mut self, place: &Arc<Place>) {
        let Some(places) = self.by_address.get_mut(&place.address) else { return };
        let before = places.len();
        places.retain(|one| !Arc::ptr_eq(one, place));
        self.count -= before - places.len();
        if places.is_empty() {
            self.by_address.remove(&place.address);
        }
    }

    /// Closes the connection of an address that has waited longest, and for at least `least`. Authenticated ones are
    /// closed only after strangers, and queued ones last (only if `least` is zero).
    fn evict(&mut self, address: AddressKey, least: Duration) -> bool {
        let places = self.by_address.get(&address).map(Vec::as_slice).unwrap_or_default();
        let longest = places
            .iter()
            .filter(|place| least.is_zero() || !place.is_queued())
            .filter_map(|place| Some((!place.is_queued(), !place.is_known(), place.waits()?, place)))
            .filter(|(.., waits, _)| *waits >= least)
            // Of those who have waited equally, the oldest had the most time.
            .max_by_key(|(looked_at, unknown, waits, place)| (*looked_at, *unknown, *waits, place.age()))
            .map(|(.., place)| place.clone());
        let Some(place) = longest else { return false };
        place.kill.kill();
        self.remove(&place);
        true
    }
}

/// Admits connections; cheap to clone.
#[derive(Clone)]
pub struct Door {
    most: usize,
    most_of_address: usize,
    /// Rate of new connections per network: each costs as much as a small request.
    rate: Arc<NetworkLimit>,
    waiting: Arc<Semaphore>,
    table: Arc<Mutex<Table>>,
}

impl Door {
    /// Creates a door. Limits: connections in total, connections per network, and the rate of new connections per
    /// network.
    pub fn new(most: usize, most_of_address: usize, rate: NetworkLimit) -> Self {
        Self {
            most,
            most_of_address,
            rate: Arc::new(rate),
            waiting: Arc::new(Semaphore::new(WAITING)),
            table: Arc::default(),
        }
    }

    /// Waits for the turn of a new connection. Connections above the rate of their network are served in order of
    /// arrival, a few at a time. `None` when too many wait already.
    pub async fn wait(&self, gate: &Gate, peer: IpAddr, is_proxy: bool) -> Option<()> {
        let network = AddressKey::of(peer);
        let rate = if is_proxy { Duration::ZERO } else { self.rate.reserve(network, WAITING_OF_NETWORK)? };
        let Ok(_place) = self.waiting.try_acquire() else {
            if !is_proxy {
                self.rate.give_back(network);
            }
            return None;
        };
        if !rate.is_zero() {
            tokio::time::sleep(rate).await;
        }
        gate.pass(network).await;
        Some(())
    }

    /// Admits a connection; `None` when it must be closed. Connections from a trusted proxy have no limit per
    /// address.
    pub fn admit(&self, stream: TcpStream, peer: IpAddr, is_proxy: bool, pace: &Pace) -> Option<Conn> {
        let address = AddressKey::of(peer);
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let own = table.by_address.get(&address).map_or(0, Vec::len);
        if !is_proxy && own >= self.most_of_address && !table.evict(address, STALE) {
            let full = own >= self.most_of_address * BURST;
            if full && !table.evict(address, Duration::ZERO) {
                return None;
            }
        }
        if table.count >= self.most {
            let fullest = table.by_address.iter().max_by_key(|(_, places)| places.len());
            let (fullest, of_fullest) =
                fullest.map_or((address, 0), |(address, places)| (*address, places.len()));
            if !table.evict(fullest, STALE) && table.count >= self.most * BURST {
                let fair = of_fullest > own || fullest == address;
                if !fair || !table.evict(fullest, Duration::ZERO) {
                    return None;
                }
            }
        }
        let place = Arc::new(Place::new(address));
        table.count += 1;
        table.by_address.entry(address).or_default().push(place.clone());
        drop(table);
        Some(Conn::new(stream, Entry { place, door: self.clone() }, pace.reader(address)))
    }

    /// Closes the sockets that have not authenticated yet.
    pub fn end_sockets(&self) {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let sockets =
            table.by_address.values().flatten().filter(|place| place.is_socket.load(Ordering::Relaxed));
        sockets.for_each(|place| place.kill.kill());
    }

    /// Number of counted connections.
    pub fn count(&self) -> usize {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    /// Runs forever and closes overdue connections.
    pub async fn look_after(self) {
        let mut pause = tokio::time::interval(LOOK_EVERY);
        loop {
            pause.tick().await;
            let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            table
                .by_address
                .values()
                .flatten()
                .filter(|place| place.is_overdue())
                .for_each(|place| place.kill.kill());
        }
    }
}

/// A connection's entry at the door; dropping it removes it from the count.
pub struct Entry {
    /// State of the connection.
    pub place: Arc<Place>,
    door: Door,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.door.table.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.place);
    }
}
