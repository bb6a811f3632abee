//! Limits on wrong passwords: a doubling delay per account, and a number per minute per network and for the whole
//! server. With Redis all nodes count together, in one atomic step; each node also counts on its own, so the limits
//! hold when Redis is down.
//!
//! Strangers share one count, and never slow down anybody who is known: an open session, and a device or network from
//! which this account has logged in before, have their own counts. When the whole server has seen too many, networks
//! with few attempts are still let in.
//!
//! Invariant: an attempt is counted before the password is checked, and given back if the password was right or never
//! checked, so parallel attempts gain nothing. No account is ever locked for good. Names are stored as hashes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parlour_protocol::ids::{SessionId, UserId};
use parlour_protocol::time::Timestamp;
use parlour_realtime::Broker;
use parlour_realtime::broker::Redis;
use sha2::{Digest, Sha256};

use super::addresses::AddressKey;
use crate::clock::Clock;

/// Microseconds per millisecond; times in this file are in milliseconds.
const MILLISECOND: i64 = 1000;
/// Wrong passwords in a row without a delay.
const FREE: u32 = 5;
/// Longest delay (ms): the longest time for which somebody else's guessing keeps the owner from logging in on a new
/// device.
const LONGEST: i64 = 300_000;
/// Wrong passwords are forgotten this long (ms) after the last one.
const FORGET: i64 = 3_600_000;
/// Length (ms) of the window in which attempts are counted, per network and for the whole server.
const SPAN: i64 = 60_000;
/// Limit of the whole server, as a multiple of the limit of one network.
const NETWORKS: u32 = 20;
/// Limit of a site of many IPv6 networks, as a multiple of the limit of one network.
const OF_SITE: u32 = 8;
/// The limit of the whole server does not apply to networks with fewer attempts than this in the window.
const FAIR: u32 = 3;
/// Entries in a table before it is cleaned.
const MOST: usize = 50_000;
/// If Redis does not reply within this time, the node counts alone.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts an attempt and returns 0, or returns how long to wait (ms). `KEYS`: account; for strangers also network,
/// whole server, and with IPv6 the site. `ARGV`: now, `FREE`, `LONGEST`, `SPAN`, `FORGET`, the limit of each key
/// after the first (network, whole server, site), and last [`FAIR`]. The time is the caller's: the nodes of a cluster
/// agree on it.
const TAKE: &str = r"
local now, free, longest, span = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local wait = tonumber(redis.call('HGET', KEYS[1], 'until') or '0') - now
if wait > 0 and wait <= longest then return wait end
local counts = {}
for i = 2, #KEYS do
    local found = redis.call('HMGET', KEYS[i], 'count', 'since')
    local count, since = tonumber(found[1] or '0'), tonumber(found[2] or '0')
    if now - since >= span or now < since then count, since = 0, now end
    counts[i] = { count, since }
end
for i = 2, #KEYS do
    local fair = i == 3 and counts[2][1] < tonumber(ARGV[#ARGV])
    if counts[i][1] >= tonumber(ARGV[4 + i]) and not fair then
        return math.max(span - (now - counts[i][2]), 1)
    end
end
for i = 2, #KEYS do
    redis.call('HSET', KEYS[i], 'count', counts[i][1] + 1, 'since', string.format('%d', counts[i][2]))
    redis.call('PEXPIRE', KEYS[i], 2 * span)
end
local count = redis.call('HINCRBY', KEYS[1], 'count', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if count >= free then
    local delay = math.min(1000 * 2 ^ math.min(count - free, 20), longest)
    redis.call('HSET', KEYS[1], 'until', string.format('%d', now + delay))
end
return 0
";

/// Gives an attempt back: one that was right (the sixth argument is 1) or was not checked (0).
const GIVE_BACK: &str = r"
if ARGV[6] == '1' then
    redis.call('DEL', KEYS[1])
elseif tonumber(redis.call('HGET', KEYS[1], 'count') or '0') > 0 then
    redis.call('HINCRBY', KEYS[1], 'count', -1)
    redis.call('HDEL', KEYS[1], 'until')
end
for i = 2, #KEYS do
    if tonumber(redis.call('HGET', KEYS[i], 'count') or '0') > 0 then
        redis.call('HINCRBY', KEYS[i], 'count', -1)
    end
end
return 0
";

type Hash = [u8; 32];

struct Account {
    count: u32,
    last: i64,
    until: Option<i64>,
}

#[derive(Clone, Copy)]
struct Span {
    count: u32,
    since: i64,
}

impl Span {
    /// The current window: a new one if the old one is over, or the clock was set back.
    fn at(known: Option<Self>, now: i64) -> Self {
        known.filter(|span| (0..SPAN).contains(&(now - span.since))).unwrap_or(Self { count: 0, since: now })
    }
}

#[derive(Default)]
struct Tables {
    accounts: HashMap<Hash, Account>,
    networks: HashMap<AddressKey, Span>,
    all: Option<Span>,
}

struct Inner {
    clock: Clock,
    per_network: u32,
    tables: Mutex<Tables>,
    redis: Option<Redis>,
}

/// The counters; cheap to clone.
#[derive(Clone)]
pub struct LoginThrottle(Arc<Inner>);

/// An attempt: the account it counts against and, for strangers, the network.
#[derive(Debug, Clone)]
pub struct Attempt {
    account: Hash,
    /// Set for strangers only.
    network: Option<AddressKey>,
}

impl Attempt {
    fn new(name: &[&[u8]], network: Option<AddressKey>) -> Self {
        let mut digest = Sha256::new();
        name.iter().for_each(|part| digest.update(part));
        Self { account: digest.finalize().into(), network }
    }

    /// A log-in as the owner of a handle (in lower case) from a network.
    pub fn log_in(handle_key: &str, network: AddressKey) -> Self {
        Self::new(&[handle_key.as_bytes()], Some(network))
    }

    /// A log-in from a device or network from which this person has logged in before.
    pub fn known(user: UserId, device: &[u8]) -> Self {
        // No handle contains a space, so the prefixes here cannot collide with one.
        Self::new(&[b"device ", &user.0.to_be_bytes(), device], None)
    }

    /// A password confirmation in an open session.
    pub fn session(user: UserId, session: SessionId) -> Self {
        Self::new(&[b"session ", &user.0.to_be_bytes(), &session.0.to_be_bytes()], None)
    }

    /// An attempt at a person's second factor. Counted separately: the right password gives none of these back.
    pub fn second_factor(user: UserId, network: AddressKey) -> Self {
        Self::new(&[format!("second factor {user}").as_bytes()], Some(network))
    }

    /// An attempt with a passkey, by its credential id, whether or not anybody has it.
    pub fn passkey(credential: &[u8], network: AddressKey) -> Self {
        Self::new(&[b"passkey ", credential], Some(network))
    }
}

/// A counted attempt that is being checked. If dropped unsettled, it was not checked and does not count.
pub struct Taken {
    throttle: LoginThrottle,
    attempt: Attempt,
    settled: bool,
}

impl Taken {
    /// Whether this node counts no other attempt from the same network in the current window.
    pub fn is_first_of_network(&self) -> bool {
        let Some(network) = self.attempt.network else { return true };
        let tables = self.throttle.0.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.networks.get(&network).is_none_or(|span| span.count <= 1)
    }

    /// The password was wrong: the attempt stays counted.
    pub fn wrong(mut self) {
        self.settled = true;
    }

    /// The password was right: clears what counted against the account.
    pub async fn right(mut self) {
        self.settled = true;
        self.throttle.uncount_here(&self.attempt, true);
        let _ = self.throttle.run(GIVE_BACK, &self.attempt, Some(true)).await;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        self.throttle.uncount_here(&self.attempt, false);
        if self.throttle.0.redis.is_some() {
            let (throttle, attempt) = (self.throttle.clone(), self.attempt.clone());
            tokio::spawn(async move { throttle.run(GIVE_BACK, &attempt, Some(false)).await });
        }
    }
}

impl LoginThrottle {
    /// Creates the limits; `per_network` is the maximum of wrong passwords per minute from one network.
    pub fn new(clock: &Clock, per_network: u32, broker: &Broker) -> Self {
        let redis = match broker {
            Broker::Redis(redis) => Some(redis.clone()),
            Broker::Local => None,
        };
        Self(Arc::new(Inner { clock: clock.clone(), per_network, tables: Mutex::default(), redis }))
    }

    /// Counts an attempt, or returns after how many milliseconds to try again.
    pub async fn take(&self, attempt: Attempt) -> Result<Taken, u64> {
        self.take_here(&attempt, self.0.clock.now())?;
        // From here on the attempt is given back, even if the caller goes away.
        let mut taken = Taken { throttle: self.clone(), attempt, settled: false };
        let everywhere = self.run(TAKE, &taken.attempt, None).await.unwrap_or(0);
        if everywhere > 0 {
            // The cluster refused and did not count it, so it must not count here either.
            taken.settled = true;
            self.uncount_here(&taken.attempt, false);
            return Err(everywhere.unsigned_abs());
        }
        Ok(taken)
    }

    fn uncount_here(&self, attempt: &Attempt, forgive: bool) {
        let mut tables = self.0.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if forgive {
            tables.accounts.remove(&attempt.account);
        } else if let Some(account) = tables.accounts.get_mut(&attempt.account) {
            account.count = account.count.saturating_sub(1);
            account.until = None;
        }
        let Some(network) = attempt.network else { return };
        for key in [Some(network), network.site()].into_iter().flatten() {
            if let Some(span) = tables.networks.get_mut(&key) {
                span.count = span.count.saturating_sub(1);
            }
        }
        if let Some(all) = &mut tables.all {
            all.count = all.count.saturating_sub(1);
        }
    }

    /// Limits per window: of a network, of the whole server, and of a site.
    fn limits(&self) -> [u32; 3] {
        let one = self.0.per_network;
        [one, one.saturating_mul(NETWORKS), one.saturating_mul(OF_SITE)]
    }

    fn take_here(&self, attempt: &Attempt, now: Timestamp) -> Result<(), u64> {
        let now = now.0 / MILLISECOND;
        let mut tables = self.0.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.clean(now);
        let known = tables.accounts.get(&attempt.account).filter(|known| now - known.last < FORGET);
        let wait = known.and_then(|known| known.until).map_or(0, |until| until - now);
        // If the clock was set back, nobody has to wait longer than [`LONGEST`].
        if (1..=LONGEST).contains(&wait) {
            return Err(wait.unsigned_abs());
        }
        let count = known.map_or(0, |known| known.count) + 1;
        if let Some(network) = attempt.network {
            let [most, most_of_all, most_of_site] = self.limits();
            let site = network.site();
            let mut own = Span::at(tables.networks.get(&network).copied(), now);
            let mut of_site = site.map(|site| Span::at(tables.networks.get(&site).copied(), now));
            let mut all = Span::at(tables.all, now);
            let full = [
                (own.count >= most).then_some(own),
                of_site.filter(|span| span.count >= most_of_site),
                (all.count >= most_of_all && own.count >= FAIR).then_some(all),
            ];
            if let Some(span) = full.into_iter().flatten().next() {
                return Err((SPAN - (now - span.since)).max(1).unsigned_abs());
            }
            own.count += 1;
            all.count += 1;
            tables.networks.insert(network, own);
            tables.all = Some(all);
            if let (Some(site), Some(span)) = (site, &mut of_site) {
                span.count += 1;
                tables.networks.insert(site, *span);
            }
        }
        let until = (count >= FREE).then(|| now + delay(count));
        tables.accounts.insert(attempt.account, Account { count, last: now, until });
        Ok(())
    }

    /// Runs a script in Redis; `None` without Redis, or if it does not reply in time.
    async fn run(&self, script: &str, attempt: &Attempt, right: Option<bool>) -> Option<i64> {
        let redis = self.0.redis.as_ref()?;
        let mut keys = vec![redis.key(&format!("guesses:{}", hex(&attempt.account)))];
        if let Some(network) = attempt.network {
            let name =
                |key: AddressKey| redis.key(&format!("network:{}", hex(&Sha256::digest(key.to_string()))));
            keys.extend([name(network), redis.key("guesses")]);
            keys.extend(network.site().map(name));
        }
        let mut arguments = vec![self.0.clock.now().0 / MILLISECOND, i64::from(FREE), LONGEST, SPAN, FORGET];
        match right {
            Some(right) => arguments.push(i64::from(right)),
            None => arguments.extend(self.limits().into_iter().chain([FAIR]).map(i64::from)),
        }
        tokio::time::timeout(PATIENCE, redis.evaluate(script, &keys, &arguments)).await.ok().flatten()
    }
}

impl Tables {
    /// Makes room in both tables.
    fn clean(&mut self, now: i64) {
        make_room(&mut self.accounts, |account| now - account.last < FORGET, |account| account.count);
        make_room(&mut self.networks, |span| now - span.since < SPAN, |span| span.count);
    }
}

/// Makes room in a full table. If nothing is old enough to go, the entries with the lowest counts go first: nobody
/// erases their own count by inventing others.
fn make_room<K: Eq + std::hash::Hash, V>(
    table: &mut HashMap<K, V>,
    counts_still: impl Fn(&V) -> bool,
    count: impl Fn(&V) -> u32,
) {
    if table.len() < MOST {
        return;
    }
    table.retain(|_, entry| counts_still(entry));
    let mut most = 1;
    while table.len() >= MOST && most < u32::MAX / 2 {
        table.retain(|_, entry| count(entry) > most);
        most *= 2;
    }
}

fn delay(count: u32) -> i64 {
    (1000 << count.saturating_sub(FREE).min(20)).min(LONGEST)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
