//! The door of the node: how many connections there are of people who have not said who they are, and who is let in.
//!
//! Invariant: when there are too many, the one that has waited longest is closed to let the next one in, first of the
//! same address and else of the address with the most. Nobody is refused because of connections that others left open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::sync::Semaphore;

use super::addresses::AddressKey;
use super::connections::{Conn, Place};
use super::gate::Gate;
use super::rates::NetworkLimit;

/// Connections beyond a limit are admitted up to this many times of it while none has waited for [`STALE`].
const BURST: usize = 2;
/// A connection that has waited for less than this may just be slow to be looked at by us.
const STALE: Duration = Duration::from_secs(1);
/// New connections that wait for their turn, of one network and in all. Each holds a descriptor and little else.
const WAITING_OF_NETWORK: u32 = 4096;
/// See [`WAITING_OF_NETWORK`].
const WAITING: usize = 8192;
/// How often connections are looked at that keep us waiting. Often, so that few are closed at the same moment: a
/// thousand at once would be felt by everybody else.
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

    /// Closes the connection of an address that has kept us waiting longest, and at least for `least`; those of
    /// somebody known later, and those that we have not come to last.
    fn evict(&mut self, address: AddressKey, least: Duration) -> bool {
        let places = self.by_address.get(&address).map(Vec::as_slice).unwrap_or_default();
        let longest = places
            .iter()
            .filter(|place| least.is_zero() || !place.is_queued())
            .filter_map(|place| Some((!place.is_queued(), !place.is_known(), place.waits()?, place)))
            .filter(|(.., waits, _)| *waits >= least)
            .max_by_key(|(looked_at, unknown, waits, _)| (*looked_at, *unknown, *waits))
            .map(|(.., place)| place.clone());
        let Some(place) = longest else { return false };
        place.kill.kill();
        self.remove(&place);
        true
    }
}

/// Lets connections in; cheap to clone.
#[derive(Clone)]
pub struct Door {
    most: usize,
    most_of_address: usize,
    /// New connections, by network: each costs as much as a small request.
    rate: Arc<NetworkLimit>,
    waiting: Arc<Semaphore>,
    table: Arc<Mutex<Table>>,
}

impl Door {
    /// A door with its limits: connections in all, connections of one network, new connections of one network.
    pub fn new(most: usize, most_of_address: usize, rate: NetworkLimit) -> Self {
        Self {
            most,
            most_of_address,
            rate: Arc::new(rate),
            waiting: Arc::new(Semaphore::new(WAITING)),
            table: Arc::default(),
        }
    }

    /// Waits until it is the turn of a new connection: those that come faster than their network may are served in
    /// the order in which they came, and a few at a time. `None` when too many wait already.
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

    /// Takes a connection in; `None` when it must be closed. Connections of a proxy have no limit of their own.
    pub fn admit(&self, stream: TcpStream, peer: IpAddr, is_proxy: bool) -> Option<Conn> {
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
        Some(Conn::new(stream, Entry { place, door: self.clone() }))
    }

    /// Ends the connections that have become sockets and have not said whose they are.
    pub fn end_sockets(&self) {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let sockets =
            table.by_address.values().flatten().filter(|place| place.is_socket.load(Ordering::Relaxed));
        sockets.for_each(|place| place.kill.kill());
    }

    /// How many connections are counted.
    pub fn count(&self) -> usize {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    /// Closes those that keep us waiting for too long, for ever.
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

/// A connection's entry at the door; dropping it takes it out of the count.
pub struct Entry {
    /// Its place.
    pub place: Arc<Place>,
    door: Door,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.door.table.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.place);
    }
}
