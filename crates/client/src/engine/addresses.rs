//! Which of a server's addresses to try next, and when.
//!
//! Invariant: the back-off grows only after every address failed in turn; while another node answers, a single dead
//! node makes no client wait. An address that asked for a pause is not tried during that time.

use super::Backoff;

/// A connection shorter than this (ms) still counts as a failed attempt; otherwise a client that every node accepts and
/// then drops would never back off.
const STEADY_MS: u64 = 5_000;
/// Clients that were told to return at the same moment are spread over this many milliseconds.
const SPREAD_MS: f64 = 500.0;

/// The addresses of one server's nodes and the outcome of the latest attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Per address: not to be tried before this time, in milliseconds.
    paused_until: Vec<u64>,
    current: usize,
    tried: usize,
    connected_at: Option<u64>,
    backoff: Backoff,
}

impl Addresses {
    /// `count` addresses (at least one), starting with the first.
    pub fn new(count: usize) -> Self {
        Self {
            paused_until: vec![0; count.max(1)],
            current: 0,
            tried: 0,
            connected_at: None,
            backoff: Backoff::default(),
        }
    }

    /// Index of the address to use.
    pub fn current(&self) -> usize {
        self.current
    }

    /// Whether there is more than one address.
    pub fn has_others(&self) -> bool {
        self.paused_until.len() > 1
    }

    /// Notes that a connection was established at `now`, in milliseconds.
    pub fn connected(&mut self, now: u64) {
        self.connected_at = Some(now);
    }

    /// Notes that the current address failed or its connection ended, selects the next address, and returns how long to
    /// wait before trying it, in milliseconds. `pause` is the pause the address asked for (ms); `chance` is a random
    /// number in 0..1.
    pub fn failed(&mut self, now: u64, pause: Option<u64>, chance: f64) -> u64 {
        if let Some(since) = self.connected_at.take() {
            self.backoff.succeeded();
            if now.saturating_sub(since) >= STEADY_MS {
                self.tried = 0;
            }
        }
        let count = self.paused_until.len();
        self.paused_until[self.current] = now.saturating_add(pause.unwrap_or(0));
        self.tried += 1;
        let mut wait = 0;
        if self.tried >= count {
            self.tried = 0;
            wait = self.backoff.failed(chance);
        }
        let begins = now.saturating_add(wait);
        let pause_of = |address: usize| self.paused_until[address].saturating_sub(begins);
        // The address with the shortest remaining pause; ties go to the first one after the current address.
        let next = (1..=count).map(|step| (self.current + step) % count).min_by_key(|next| pause_of(*next));
        self.current = next.unwrap_or(0);
        match pause_of(self.current) {
            0 => wait,
            paused => wait + paused + (SPREAD_MS * chance) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_tried_at_once_before_anybody_waits() {
        let mut nodes = Addresses::new(3);
        let mut waits = Vec::new();
        for _ in 0..7 {
            waits.push((nodes.failed(0, None, 1.0), nodes.current()));
        }
        assert_eq!(waits, [(0, 1), (0, 2), (500, 0), (0, 1), (0, 2), (1000, 0), (0, 1)]);
    }

    #[test]
    fn one_address_alone_backs_off_with_full_jitter() {
        let mut node = Addresses::new(1);
        let waits: Vec<u64> = (0..8).map(|_| node.failed(0, None, 1.0)).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(node.failed(0, None, 0.0), 0);
    }

    #[test]
    fn a_connection_starts_over_and_a_short_one_does_not_save_the_wait() {
        let mut nodes = Addresses::new(2);
        assert_eq!((0..6).map(|_| nodes.failed(0, None, 1.0)).max(), Some(2000));
        let mut waits = Vec::new();
        for now in [10_000, 20_000, 30_000, 40_000] {
            nodes.connected(now);
            waits.push(nodes.failed(now + 100, None, 1.0));
        }
        assert_eq!(waits, [0, 500, 0, 500], "accepted and dropped by one after the other");
        nodes.failed(50_000, None, 1.0);
        nodes.connected(60_000);
        assert_eq!(nodes.failed(60_000 + STEADY_MS, None, 1.0), 0, "the other one was not tried since");
    }

    #[test]
    fn an_address_that_asks_for_a_pause_gets_it() {
        let mut node = Addresses::new(1);
        let wait = node.failed(0, Some(7_000), 0.5);
        assert!((7_000..=7_750).contains(&wait), "{wait}");
        // With a second address nobody has to wait.
        let mut nodes = Addresses::new(2);
        assert_eq!((nodes.failed(0, Some(7_000), 0.0), nodes.current()), (0, 1));
        // Later the first one is still paused, so the second is tried again instead.
        assert_eq!((nodes.failed(1_000, None, 1.0), nodes.current()), (500, 1));
        assert_eq!((nodes.failed(8_000, None, 1.0), nodes.current()), (0, 0));
    }
}
