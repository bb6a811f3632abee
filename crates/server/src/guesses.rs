//! Limits on wrong passwords: per account a delay that doubles, per address and for the whole server so many a
//! minute. With Redis all nodes count together, in one atomic step; each node counts by itself besides, so the limits
//! hold when Redis is away.
//!
//! Invariant: an attempt is counted before the password is looked at, and given back when it was right, so attempts
//! at the same time gain nothing. No account is ever locked for good. Names are kept as hashes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use parlour_protocol::ids::UserId;
use parlour_protocol::time::Timestamp;
use parlour_realtime::Broker;
use parlour_realtime::broker::Redis;
use sha2::{Digest, Sha256};

use crate::clock::Clock;

/// Times here are in milliseconds.
const MILLISECOND: i64 = 1000;
/// Wrong passwords in a row that cost nothing.
const FREE: u32 = 5;
/// Longest delay: somebody else's guessing keeps the owner out for no longer.
const LONGEST: i64 = 300_000;
/// Wrong passwords are forgotten after this long without another one.
const FORGET: i64 = 3_600_000;
/// Attempts are counted in spans of this length, per address and for all.
const SPAN: i64 = 60_000;
/// The whole server takes so many times as many wrong passwords as one address.
const ADDRESSES: u32 = 20;
/// Entries of one table before it is cleaned.
const MOST: usize = 50_000;
/// Redis answers within this time, or this node counts alone.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts an attempt, or answers how long to wait. `KEYS`: account, address, all. The time is the caller's: nodes of a
/// cluster agree on it.
const TAKE: &str = r"
local now, free, longest, span = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local wait = tonumber(redis.call('HGET', KEYS[1], 'until') or '0') - now
if wait > 0 and wait <= longest then return wait end
local counts = {}
for i = 2, 3 do
    local found = redis.call('HMGET', KEYS[i], 'count', 'since')
    local count, since = tonumber(found[1] or '0'), tonumber(found[2] or '0')
    if now - since >= span or now < since then count, since = 0, now end
    if count >= tonumber(ARGV[4 + i]) then return math.max(span - (now - since), 1) end
    counts[i] = { count + 1, since }
end
for i = 2, 3 do
    redis.call('HSET', KEYS[i], 'count', counts[i][1], 'since', string.format('%d', counts[i][2]))
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

/// Takes an attempt back that was right.
const GIVE_BACK: &str = r"
redis.call('DEL', KEYS[1])
for i = 2, 3 do
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

struct Span {
    count: u32,
    since: i64,
}

#[derive(Default)]
struct Tables {
    accounts: HashMap<Hash, Account>,
    addresses: HashMap<String, Span>,
    all: Option<Span>,
}

/// See the module.
pub struct Guesses {
    clock: Clock,
    per_address: u32,
    tables: Mutex<Tables>,
    redis: Option<Redis>,
}

/// Who tries, with which account.
#[derive(Debug, Clone)]
pub struct Attempt {
    account: Hash,
    address: String,
}

impl Attempt {
    /// An attempt to be the owner of a handle (in lower case) from an address.
    pub fn new(handle_key: &str, address: &str) -> Self {
        Self { account: Sha256::digest(handle_key).into(), address: address.to_owned() }
    }

    /// An attempt at the second factor of a person. Counted apart: the right password gives none of these back.
    pub fn second_factor(user: UserId, address: &str) -> Self {
        // No handle has a space.
        Self::new(&format!("second factor {user}"), address)
    }

    /// An attempt with a passkey, by what its authenticator calls it; whether anybody has it does not matter.
    pub fn passkey(credential: &[u8], address: &str) -> Self {
        Self {
            account: Sha256::digest([b"passkey ", credential].concat()).into(),
            address: address.to_owned(),
        }
    }
}

impl Guesses {
    /// Limits with so many wrong passwords a minute from one address.
    pub fn new(clock: &Clock, per_address: u32, broker: &Broker) -> Self {
        let redis = match broker {
            Broker::Redis(redis) => Some(redis.clone()),
            Broker::Local => None,
        };
        Self { clock: clock.clone(), per_address, tables: Mutex::default(), redis }
    }

    /// Counts an attempt, or says after how many milliseconds to come back.
    pub async fn take(&self, attempt: &Attempt) -> Result<(), u64> {
        self.take_here(attempt, self.clock.now())?;
        let everywhere = self.run(TAKE, attempt).await.unwrap_or(0);
        if everywhere > 0 {
            // The others say no: here it did not count either.
            self.uncount_here(attempt);
            return Err(everywhere.unsigned_abs());
        }
        Ok(())
    }

    /// The password was right.
    pub async fn give_back(&self, attempt: &Attempt) {
        {
            let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
            tables.accounts.remove(&attempt.account);
        }
        self.uncount_here(attempt);
        let _ = self.run(GIVE_BACK, attempt).await;
    }

    fn uncount_here(&self, attempt: &Attempt) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(span) = tables.addresses.get_mut(&attempt.address) {
            span.count = span.count.saturating_sub(1);
        }
        if let Some(all) = &mut tables.all {
            all.count = all.count.saturating_sub(1);
        }
    }

    fn take_here(&self, attempt: &Attempt, now: Timestamp) -> Result<(), u64> {
        let now = now.0 / MILLISECOND;
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let Tables { accounts, addresses, all } = &mut *tables;
        if accounts.len() >= MOST {
            accounts.retain(|_, account| now - account.last < FORGET);
            if accounts.len() >= MOST {
                accounts.clear();
            }
        }
        if addresses.len() >= MOST {
            addresses.retain(|_, span| now - span.since < SPAN);
            if addresses.len() >= MOST {
                addresses.clear();
            }
        }
        let known = accounts.get(&attempt.account).filter(|known| now - known.last < FORGET);
        let wait = known.and_then(|known| known.until).map_or(0, |until| until - now);
        // A clock that was set back makes nobody wait for longer.
        if (1..=LONGEST).contains(&wait) {
            return Err(wait.unsigned_abs());
        }
        let of_address = addresses.entry(attempt.address.clone()).or_insert(Span { count: 0, since: now });
        let of_all = all.get_or_insert(Span { count: 0, since: now });
        for (span, most) in
            [(&mut *of_address, self.per_address), (&mut *of_all, self.per_address.saturating_mul(ADDRESSES))]
        {
            let age = now - span.since;
            if !(0..SPAN).contains(&age) {
                *span = Span { count: 0, since: now };
            } else if span.count >= most {
                return Err((SPAN - age).unsigned_abs());
            }
        }
        of_address.count += 1;
        of_all.count += 1;
        let count = known.map_or(0, |known| known.count) + 1;
        let until = (count >= FREE).then(|| now + delay(count));
        accounts.insert(attempt.account, Account { count, last: now, until });
        Ok(())
    }

    /// Runs a script in Redis; `None` when there is none, or it does not answer.
    async fn run(&self, script: &str, attempt: &Attempt) -> Option<i64> {
        let redis = self.redis.as_ref()?;
        let account = hex(&attempt.account);
        let address = hex(&Sha256::digest(&attempt.address));
        let keys = [
            redis.key(&format!("guesses:{account}")),
            redis.key(&format!("address:{address}")),
            redis.key("guesses"),
        ];
        let arguments = [
            self.clock.now().0 / MILLISECOND,
            i64::from(FREE),
            LONGEST,
            SPAN,
            FORGET,
            i64::from(self.per_address),
            i64::from(self.per_address.saturating_mul(ADDRESSES)),
        ];
        tokio::time::timeout(PATIENCE, redis.evaluate(script, &keys, &arguments)).await.ok().flatten()
    }
}

fn delay(count: u32) -> i64 {
    (1000 << count.saturating_sub(FREE).min(20)).min(LONGEST)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use parlour_protocol::time::SECOND;

    use super::*;

    #[test]
    fn the_delay_doubles_and_ends() {
        let guesses = Guesses::new(&Clock::manual(0), 1000, &Broker::Local);
        let attempt = Attempt::new("ada", "192.0.2.1");
        let mut now = Timestamp(0);
        for _ in 0..FREE {
            guesses.take_here(&attempt, now).unwrap();
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert_eq!(guesses.take_here(&attempt, now), Err(seconds * 1000));
            // From another place too: the account is protected, not the place.
            assert!(guesses.take_here(&Attempt::new("ada", "192.0.2.2"), now).is_err());
            guesses.take_here(&Attempt::new("bob", "192.0.2.1"), now).unwrap();
            guesses.tables.lock().unwrap().accounts.remove(&Attempt::new("bob", "").account);
            now.0 += seconds as i64 * SECOND;
            guesses.take_here(&attempt, now).unwrap();
        }
        now.0 += FORGET * MILLISECOND;
        guesses.take_here(&attempt, now).unwrap();
        guesses.take_here(&attempt, now).unwrap();
    }

    #[test]
    fn one_address_and_all_together_have_limits() {
        let guesses = Guesses::new(&Clock::manual(0), 3, &Broker::Local);
        let now = Timestamp(0);
        let try_from = |number: u32, address: &str, now| {
            guesses.take_here(&Attempt::new(&format!("person{number}"), address), now)
        };
        assert!((0..3).all(|number| try_from(number, "192.0.2.1", now).is_ok()));
        assert_eq!(try_from(9, "192.0.2.1", now), Err(60_000));
        assert!((3..60).all(|number| try_from(number, &format!("192.0.2.{}", number / 3 + 2), now).is_ok()));
        assert_eq!(try_from(60, "198.51.100.1", now), Err(60_000), "the whole server has seen enough");
        assert!(try_from(60, "198.51.100.1", Timestamp(SPAN * MILLISECOND)).is_ok());
    }
}
