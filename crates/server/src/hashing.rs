//! The threads that hash passwords, up to four and one per core, each with memory of its own that it keeps while
//! there is work.
//!
//! Invariant: people who have logged in before go first, then strangers, then networks with a wrong password in the
//! last minute. Within a class people or blocks of addresses take turns, and networks within a block, so that nobody
//! waits behind everything that somebody else has queued, even from thousands of addresses. When the queue is full, the
//! last class and those with the most requests give way.
//!
//! While people write to each other, a thread that hashed a stranger's password pauses for twice as long as that took,
//! and for seven times as long if it was wrong: most of a small machine's time is left for messages, however many
//! strangers log in. The priority of the threads alone does not give messages that: a kernel that shares a core between
//! services first compares priorities only within one. Somebody known ends the pause.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use parlour_chat::identity::passwords::{self, Argon2Cost, Memory, Verdict};
use parlour_protocol::ids::UserId;
use tokio::sync::oneshot;

use crate::budget::addresses::{AddressKey, Block};
use crate::budget::gate::Pulse;
use crate::budget::queue::{FairBlocks, FairQueue};
use crate::problems::ApiError;
use crate::random;

/// Maximum queued requests.
const WAITING: usize = 256;
/// Maximum queued requests of one person or network.
const WAITING_OF_ONE: usize = 64;
/// Idle threads release their memory after this long.
const KEEP_MEMORY: Duration = Duration::from_secs(10);

/// When more networks of a block wait than are served within about a second, the newest goes first: those in front have
/// waited for so long already that their clients give up, and if everybody waited as long, nobody would be served in
/// time.
const CROWD: usize = 32;

/// How long a thread pauses after a stranger's password while people write, as a multiple of the time that hashing
/// took: after one that was right or new, and after a wrong one.
const PAUSE: (u32, u32) = (2, 7);

/// On whose behalf a password is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asker {
    /// Somebody with an open session, or on a device from which they have logged in before.
    Known(UserId),
    /// A stranger from a network.
    Stranger(AddressKey),
    /// A stranger from a network from which a wrong password came within the last minute.
    Guesser(AddressKey),
}

/// Hashes, and returns whether the password was wrong.
type Job = Box<dyn FnOnce(&mut Memory) -> bool + Send>;
type Strangers = FairBlocks<Block, AddressKey, Job>;

#[derive(Default)]
struct Waiting {
    known: FairQueue<UserId, Job>,
    strangers: Strangers,
    guessers: Strangers,
    count: usize,
    /// Number of jobs taken; decides when a later class goes first.
    served: usize,
    ended: bool,
}

impl Waiting {
    fn push(&mut self, asker: Asker, job: Job) -> bool {
        let own = match asker {
            Asker::Known(user) => self.known.of(user),
            Asker::Stranger(network) => self.strangers.of(network.block(), network),
            Asker::Guesser(network) => self.guessers.of(network.block(), network),
        };
        if own >= WAITING_OF_ONE {
            return false;
        }
        if self.count >= WAITING {
            // Anybody displaces those of a later class, and of their own only somebody with more requests.
            let room = match asker {
                Asker::Known(_) => {
                    self.guessers.drop_of_most()
                        || self.strangers.drop_of_most()
                        || self.known.drop_of_most(own + 1)
                }
                Asker::Stranger(network) => {
                    self.guessers.drop_of_most() || self.strangers.make_room(network.block(), network)
                }
                Asker::Guesser(network) => self.guessers.make_room(network.block(), network),
            };
            if !room {
                return false;
            }
            self.count -= 1;
        }
        self.count += 1;
        match asker {
            Asker::Known(user) => self.known.push(user, job),
            Asker::Stranger(network) => self.strangers.push(network.block(), network, job),
            Asker::Guesser(network) => self.guessers.push(network.block(), network, job),
        }
        true
    }

    /// The next job, and whether it is a stranger's.
    fn pop(&mut self) -> Option<(Job, bool)> {
        self.served = self.served.wrapping_add(1);
        // Each class has a share, so that none waits for ever.
        let next = match self.served % 8 {
            0 => self.pop_guesser().or_else(|| self.pop_stranger()).or_else(|| self.pop_known()),
            4 => self.pop_stranger().or_else(|| self.pop_known()).or_else(|| self.pop_guesser()),
            _ => self.pop_known().or_else(|| self.pop_stranger()).or_else(|| self.pop_guesser()),
        }?;
        self.count -= 1;
        Some(next)
    }

    fn pop_known(&mut self) -> Option<(Job, bool)> {
        self.known.pop().map(|job| (job, false))
    }

    fn pop_stranger(&mut self) -> Option<(Job, bool)> {
        self.strangers.pop(CROWD).map(|job| (job, true))
    }

    fn pop_guesser(&mut self) -> Option<(Job, bool)> {
        self.guessers.pop(CROWD).map(|job| (job, true))
    }
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Wakes an idle thread.
    wake: Condvar,
    /// Ends the pause of a thread, because somebody known waits.
    hurry: Condvar,
}

/// Handle to the hashing threads, which end when it is dropped.
pub struct Hashing {
    cost: Argon2Cost,
    /// The highest cost of any hash seen so far: every refusal takes as long.
    work: Arc<AtomicU64>,
    shared: Arc<Shared>,
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.shared.wake.notify_all();
        self.shared.hurry.notify_all();
    }
}

impl Hashing {
    /// Starts the threads. They allocate memory only when there is something to hash.
    pub fn start(cost: Argon2Cost, pulse: &Arc<Pulse>) -> Result<Self, String> {
        let shared: Arc<Shared> = Arc::default();
        let cores = thread::available_parallelism().map_or(2, usize::from).min(4);
        for number in 0..cores {
            let (shared, pulse) = (shared.clone(), pulse.clone());
            let builder = thread::Builder::new().name(format!("hash-{number}")).stack_size(256 * 1024);
            builder
                .spawn(move || {
                    parlour_storage::database::step_back();
                    run(&shared, &pulse);
                })
                .map_err(|error| error.to_string())?;
        }
        Ok(Self { cost, work: Arc::new(AtomicU64::new(cost.work())), shared })
    }

    async fn ask<T: Send + 'static>(
        &self,
        asker: Asker,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
        is_wrong: impl FnOnce(&T) -> bool + Send + 'static,
    ) -> Result<T, ApiError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            // The caller has gone away and no longer needs it.
            if reply.is_closed() {
                return false;
            }
            let done = work(memory);
            let wrong = is_wrong(&done);
            let _ = reply.send(done);
            wrong
        });
        if !self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(asker, job) {
            return Err(ApiError::busy(1000));
        }
        self.shared.wake.notify_one();
        if matches!(asker, Asker::Known(_)) {
            self.shared.hurry.notify_one();
        }
        answer.await.map_err(|_| ApiError::busy(1000))
    }

    /// Hashes a password.
    pub async fn hash(&self, asker: Asker, password: String) -> Result<String, ApiError> {
        let cost = self.cost;
        self.ask(asker, move |memory| passwords::hash(cost, &password, &random::bytes(), memory), |_| false)
            .await?
            .map_err(ApiError::fault)
    }

    /// Whether the password matches the hash. A refusal takes equally long with any hash, or none.
    pub async fn verify(
        &self,
        asker: Asker,
        password: String,
        hash: Option<String>,
    ) -> Result<Verdict, ApiError> {
        let (cost, work) = (self.cost, self.work.clone());
        let verify = move |memory: &mut Memory| {
            let stored = hash.as_deref().map_or(0, passwords::work_of);
            let most = work.fetch_max(stored, Ordering::Relaxed).max(stored);
            passwords::verify_alike(cost, most, &password, hash.as_deref(), memory)
        };
        self.ask(asker, verify, |verdict| !verdict.is_right()).await
    }
}

fn run(shared: &Shared, pulse: &Pulse) {
    let mut memory = Memory::default();
    let mut waiting = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if waiting.ended {
            return;
        }
        if let Some((job, is_strangers)) = waiting.pop() {
            drop(waiting);
            let began = Instant::now();
            // A panic costs one reply, not the thread.
            let wrong = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut memory)));
            let times = if wrong.unwrap_or(false) { PAUSE.1 } else { PAUSE.0 };
            let paused = is_strangers && pulse.beats();
            let pause = if paused { began.elapsed() * times } else { Duration::ZERO };
            waiting = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let (guard, _) = shared
                .hurry
                .wait_timeout_while(waiting, pause, |waiting| !waiting.ended && waiting.known.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            waiting = guard;
        } else if memory.is_empty() {
            waiting = shared.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        } else {
            let (guard, timeout) =
                shared.wake.wait_timeout(waiting, KEEP_MEMORY).unwrap_or_else(PoisonError::into_inner);
            waiting = guard;
            if timeout.timed_out() {
                memory = Memory::default();
            }
        }
    }
}

#[cfg(test)]
mod tests;
