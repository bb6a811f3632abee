//! Rate limits: token buckets on this node.
//!
//! Invariant: the table of buckets is bounded. When it is full, it drops the buckets that have refilled anyway, then
//! the fullest of the others: nobody gets a full bucket back by filling the table with other keys.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::addresses::AddressKey;
use crate::clock::Clock;

/// Buckets in a table before it is cleaned.
const MAX_BUCKETS: usize = 50_000;

struct Bucket {
    tokens: f64,
    /// Last refill, in microseconds of the clock.
    at: i64,
}

/// A limit for each key: `per_second`, with a burst.
pub struct RateLimit<K> {
    clock: Clock,
    per_second: f64,
    burst: f64,
    buckets: Mutex<HashMap<K, Bucket>>,
}

impl<K: Eq + Hash> RateLimit<K> {
    /// Creates a limit.
    pub fn new(clock: &Clock, per_second: f64, burst: f64) -> Self {
        Self { clock: clock.clone(), per_second, burst, buckets: Mutex::default() }
    }

    /// Takes a token, or returns after how many milliseconds there is one.
    pub fn take(&self, key: K) -> Result<(), u64> {
        self.take_counted(key).map(drop)
    }

    /// Like [`RateLimit::take`], and returns how many tokens are left.
    pub fn take_counted(&self, key: K) -> Result<u32, u64> {
        let now = self.clock.now().0;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = self.bucket(&mut buckets, key, now);
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(bucket.tokens as u32);
        }
        Err((((1.0 - bucket.tokens) / self.per_second) * 1000.0).ceil() as u64)
    }

    /// Values of the header fields `RateLimit-Policy` and `RateLimit` when `left` tokens are left: the quota is the
    /// burst, and the window is the number of seconds in which an empty bucket refills.
    pub fn fields(&self, name: &str, left: u32) -> (String, String) {
        let seconds = |tokens: f64| (tokens / self.per_second).ceil() as u64;
        let (quota, window) = (self.burst as u32, seconds(self.burst));
        let until_full = seconds(self.burst - f64::from(left));
        (format!("\"{name}\";q={quota};w={window}"), format!("\"{name}\";r={left};t={until_full}"))
    }

    /// The refilled bucket of a key; first makes room if the table is full.
    fn bucket<'a>(&self, buckets: &'a mut HashMap<K, Bucket>, key: K, now: i64) -> &'a mut Bucket {
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(&key) {
            let (per_second, burst) = (self.per_second, self.burst);
            let left = |bucket: &Bucket| (bucket.tokens + seconds(now - bucket.at) * per_second) / burst;
            let mut least = 1.0;
            while buckets.len() >= MAX_BUCKETS && least > 1e-6 {
                buckets.retain(|_, bucket| left(bucket) < least);
                least /= 2.0;
            }
            // All of them are empty: drop an arbitrary one.
            if buckets.len() >= MAX_BUCKETS {
                let mut one = false;
                buckets.retain(|_, _| std::mem::replace(&mut one, true));
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: self.burst, at: now });
        let refilled = bucket.tokens + seconds(now - bucket.at) * self.per_second;
        bucket.tokens = refilled.min(self.burst);
        bucket.at = now;
        bucket
    }

    /// Takes a token that may only become available later, and returns the delay until then, so that waiters are
    /// served in order of arrival. `None` if `waiting` of them wait already.
    pub fn reserve(&self, key: K, waiting: u32) -> Option<Duration> {
        let now = self.clock.now().0;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = self.bucket(&mut buckets, key, now);
        if bucket.tokens - 1.0 < -f64::from(waiting) {
            return None;
        }
        bucket.tokens -= 1.0;
        Some(Duration::from_secs_f64((-bucket.tokens / self.per_second).max(0.0)))
    }

    /// Takes more tokens for something that cost more than expected, also those that are not there yet: whatever comes
    /// next waits for them, though never for more than a whole burst.
    pub fn charge(&self, key: K, tokens: u32) {
        let now = self.clock.now().0;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = self.bucket(&mut buckets, key, now);
        bucket.tokens = (bucket.tokens - f64::from(tokens)).max(-self.burst);
    }

    /// Returns a token that turned out not to count.
    pub fn give_back(&self, key: &K) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(key) {
            bucket.tokens = (bucket.tokens + 1.0).min(self.burst);
        }
    }
}

/// Limit of a site of many IPv6 networks, as a multiple of the limit of one network.
const OF_SITE: u32 = 8;

/// A limit for each network, and a wider one for the site it belongs to.
pub struct NetworkLimit {
    networks: RateLimit<AddressKey>,
    sites: RateLimit<AddressKey>,
}

impl NetworkLimit {
    /// Creates a limit; `per_second` and `burst` apply to one network.
    pub fn new(clock: &Clock, per_second: f64, burst: f64) -> Self {
        Self {
            networks: RateLimit::new(clock, per_second, burst),
            sites: RateLimit::new(clock, per_second * f64::from(OF_SITE), burst * f64::from(OF_SITE)),
        }
    }

    /// Takes a token, or returns after how many milliseconds there is one.
    pub fn take(&self, network: AddressKey) -> Result<(), u64> {
        self.ask_both(network, |limit, key, _| limit.take(key)).map(|_| ())
    }

    /// Like [`RateLimit::reserve`]; eight times as many may wait per site.
    pub fn reserve(&self, network: AddressKey, waiting: u32) -> Option<Duration> {
        let reserve =
            |limit: &RateLimit<_>, key, times| limit.reserve(key, waiting.saturating_mul(times)).ok_or(());
        let (own, of_site) = self.ask_both(network, reserve).ok()?;
        Some(own.max(of_site.unwrap_or_default()))
    }

    /// Asks the limit of the site (whose third argument is how many times as much it gets), then that of the network.
    /// What the network refuses is given back to the site.
    fn ask_both<T, E>(
        &self,
        network: AddressKey,
        ask: impl Fn(&RateLimit<AddressKey>, AddressKey, u32) -> Result<T, E>,
    ) -> Result<(T, Option<T>), E> {
        let site = network.site();
        let of_site = site.map(|site| ask(&self.sites, site, OF_SITE)).transpose()?;
        let own = ask(&self.networks, network, 1);
        if let (Err(_), Some(site)) = (&own, site) {
            self.sites.give_back(&site);
        }
        Ok((own?, of_site))
    }

    /// Returns a token that turned out not to count.
    pub fn give_back(&self, network: AddressKey) {
        self.networks.give_back(&network);
        if let Some(site) = network.site() {
            self.sites.give_back(&site);
        }
    }
}

/// If the clock was set back, no time has passed.
fn seconds(micros: i64) -> f64 {
    micros.max(0) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_a_wait_per_key() {
        let clock = Clock::manual(0);
        let limit = RateLimit::new(&clock, 0.5, 3.0);
        assert!((0..3).all(|_| limit.take("a").is_ok()));
        assert_eq!(limit.take("a"), Err(2000));
        assert!(limit.take("b").is_ok());
        limit.give_back(&"a");
        assert!(limit.take("a").is_ok());
        clock.advance(1_500_000);
        assert_eq!(limit.take("a"), Err(500));
        clock.advance(-9_000_000);
        assert_eq!(limit.take("a"), Err(500), "time that runs backwards gives and takes nothing");
        clock.advance(500_000);
        assert!(limit.take("a").is_ok());
    }

    #[test]
    fn what_cost_more_is_paid_for_before_the_next() {
        let clock = Clock::manual(0);
        let limit = RateLimit::new(&clock, 1.0, 4.0);
        assert!(limit.take("a").is_ok());
        limit.charge("a", 5);
        assert_eq!(limit.take("a"), Err(3000), "two are owed");
        limit.charge("a", 1000);
        assert_eq!(limit.take("a"), Err(5000), "never more than a burst");
        clock.advance(5_000_000);
        assert!(limit.take("a").is_ok());
    }

    #[test]
    fn those_who_wait_are_served_in_order_and_are_few() {
        let clock = Clock::manual(0);
        let limit = NetworkLimit::new(&clock, 2.0, 1.0);
        let here = AddressKey::of([192, 0, 2, 1].into());
        let wait = || limit.reserve(here, 3).map(|wait| wait.as_millis());
        assert_eq!([wait(), wait(), wait(), wait()], [Some(0), Some(500), Some(1000), Some(1500)]);
        assert_eq!(wait(), None);
        assert_eq!(limit.reserve(AddressKey::of([192, 0, 2, 2].into()), 3), Some(Duration::ZERO));
        clock.advance(1_000_000);
        assert_eq!([wait(), wait(), wait()], [Some(1000), Some(1500), None]);
        assert!(limit.take(here).is_err());
    }

    #[test]
    fn nobody_gets_a_full_bucket_by_filling_the_table() {
        let limit = RateLimit::new(&Clock::manual(0), 0.001, 2.0);
        assert!(limit.take(0).is_ok() && limit.take(0).is_ok() && limit.take(0).is_err());
        for key in 1..=MAX_BUCKETS + 10 {
            assert!(limit.take(key).is_ok());
        }
        assert!(limit.take(0).is_err());
        assert!(limit.buckets.lock().unwrap().len() <= MAX_BUCKETS);
    }

    #[test]
    fn a_site_shares_a_wider_limit() {
        let limit = NetworkLimit::new(&Clock::manual(0), 1.0, 2.0);
        let network = |number: u128| {
            AddressKey::of(std::net::Ipv6Addr::from((0x2001_0db8_u128 << 96) + (number << 64)).into())
        };
        assert!(limit.take(network(0)).is_ok() && limit.take(network(0)).is_ok());
        assert!(limit.take(network(0)).is_err());
        assert!((1..=14).all(|number| limit.take(network(number)).is_ok()));
        assert!(limit.take(network(15)).is_err());
    }
}
