//! Admission in turns, for new connections and requests. A few begin in each round of a thread's event loop, and
//! blocks of addresses take turns, and networks within a block, so that thousands arriving at once delay neither
//! existing clients nor those from elsewhere.
//!
//! While people write to each other, rounds for strangers are also spaced by a pause: a message passes through a
//! database and other processes, which need the processor too.
//!
//! Invariant: anyone who waits is admitted after at most as many rounds as there are others, even if some of them
//! have gone.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeMetrics};
use tokio::sync::oneshot;

use super::addresses::{AddressKey, Block};
use super::pace::Pace;
use super::queue::FairBlocks;

/// How many begin in one round of the loop. More when many blocks wait, so that each gets its turn within a few times
/// [`ROUNDS`].
const AT_ONCE: usize = 4;
/// See [`AT_ONCE`].
const ROUNDS: usize = 100;
/// Pause between rounds for strangers while people write to each other.
const PAUSE: Duration = Duration::from_millis(2);
/// How often message activity is checked, and for how many checks it is assumed to continue.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// See [`LOOK_EVERY`].
const BELIEVED: u32 = 5;

/// Whether people are writing to each other on this node.
#[derive(Default)]
pub struct Pulse(AtomicBool);

impl Pulse {
    /// One that beats for ever.
    #[cfg(test)]
    pub(super) fn beating() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    /// Whether they are, as far as is known.
    pub fn beats(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Runs forever and watches a counter that grows with every message.
    pub async fn watch(self: Arc<Self>, messages: impl Fn() -> u64) {
        let (mut before, mut believed) = (messages(), 0u32);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = messages();
            believed = if now == before { believed.saturating_sub(1) } else { BELIEVED };
            before = now;
            self.0.store(believed > 0, Ordering::Relaxed);
        }
    }
}

#[derive(Default)]
struct Waiting {
    /// How many more may begin in this round.
    left: usize,
    /// The thread's park count when the round began.
    slept: u64,
    /// Whether a task is counting rounds because somebody waits.
    counting: bool,
    queue: FairBlocks<Block, AddressKey, oneshot::Sender<()>>,
}

impl Waiting {
    fn next_round(&mut self) {
        self.left = AT_ONCE.max(self.queue.blocks() / ROUNDS);
        while self.left > 0 {
            let Some(next) = self.queue.pop(usize::MAX) else { break };
            // A waiter that has gone leaves its turn to the next one.
            self.left -= usize::from(next.send(()).is_ok());
        }
    }
}

/// The admission queue of one thread; cheap to clone.
#[derive(Clone)]
pub struct Gate {
    waiting: Rc<RefCell<Waiting>>,
    thread: RuntimeMetrics,
    /// While it is active, rounds are spaced by [`PAUSE`].
    pulse: Option<Arc<Pulse>>,
}

/// The gates of one thread.
pub struct Gates {
    /// For connections, and for requests of strangers and of clients that exceeded a rate limit.
    pub strangers: Gate,
    /// For requests of authenticated people.
    pub known: Gate,
    /// For reads of connections on which nobody has authenticated.
    pub reads: Pace,
}

impl Gates {
    /// Creates the gates of the current thread.
    pub fn new(pulse: Arc<Pulse>) -> Self {
        Self { reads: Pace::new(pulse.clone()), strangers: Gate::new(Some(pulse)), known: Gate::new(None) }
    }
}

impl Gate {
    fn new(pulse: Option<Arc<Pulse>>) -> Self {
        let waiting = Waiting { left: AT_ONCE, ..Waiting::default() };
        Self { waiting: Rc::new(RefCell::new(waiting)), thread: Handle::current().metrics(), pulse }
    }

    /// Waits until the caller may begin.
    pub async fn pass(&self, network: AddressKey) {
        let mine = {
            let mut waiting = self.waiting.borrow_mut();
            let slept = self.thread.worker_park_count(0);
            if !waiting.counting && waiting.slept != slept {
                // The thread has been idle since: everything that was ready has had its turn.
                (waiting.slept, waiting.left) = (slept, AT_ONCE);
            }
            if waiting.left > 0 {
                waiting.left -= 1;
                return;
            }
            if !std::mem::replace(&mut waiting.counting, true) {
                tokio::task::spawn_local(self.clone().count_rounds());
            }
            let (sender, mine) = oneshot::channel();
            waiting.queue.push(network.block(), network, sender);
            mine
        };
        // The sender is dropped only when the thread ends.
        let _ = mine.await;
    }

    async fn count_rounds(self) {
        let in_haste = || !self.pulse.as_ref().is_some_and(|pulse| pulse.beats());
        loop {
            if in_haste() {
                // Resumes after everything that is ready, and after the I/O driver was polled.
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(PAUSE).await;
            }
            let mut waiting = self.waiting.borrow_mut();
            waiting.next_round();
            if waiting.queue.is_empty() {
                waiting.counting = false;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn a_few_begin_in_each_round_and_networks_take_turns() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let network = |last: u8| AddressKey::of([192, 0, 2, last].into());
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let gate = Gate::new(None);
            let began: Rc<RefCell<Vec<&str>>> = Rc::default();
            let begin = |name, from| {
                let (gate, began) = (gate.clone(), began.clone());
                tokio::task::spawn_local(async move {
                    gate.pass(network(from)).await;
                    began.borrow_mut().push(name);
                })
            };
            let others: Vec<_> = (0..AT_ONCE * 3).map(|_| begin("many", 1)).collect();
            let gone = begin("gone", 2);
            let one = begin("one", 3);
            tokio::task::yield_now().await;
            assert_eq!(*began.borrow(), vec!["many"; AT_ONCE], "the others wait");
            gone.abort();
            one.await.unwrap();
            assert!(began.borrow().len() <= AT_ONCE * 2, "only one round later");
            for other in others {
                other.await.unwrap();
            }
            assert_eq!(began.borrow().len(), AT_ONCE * 3 + 1);
            while gate.waiting.borrow().counting {
                tokio::task::yield_now().await;
            }
            assert!(gate.waiting.borrow().queue.is_empty());
        });
    }

    #[test]
    fn thousands_of_blocks_do_not_make_one_wait_for_long() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let gate = Gate::new(None);
            let mut passing: Vec<_> = (0..20 * ROUNDS as u32)
                .map(|number| {
                    let (gate, network) = (gate.clone(), AddressKey::of((number << 16).to_be_bytes().into()));
                    tokio::task::spawn_local(async move { gate.pass(network).await })
                })
                .collect();
            let last = passing.pop().unwrap();
            let mut rounds = 0;
            while !last.is_finished() {
                tokio::task::yield_now().await;
                rounds += 1;
            }
            assert!(rounds <= 4 * ROUNDS, "{rounds} rounds");
        });
    }

    #[tokio::test(start_paused = true)]
    async fn a_pulse_beats_while_there_are_messages_and_a_little_longer() {
        let (pulse, messages) = (Arc::new(Pulse::default()), Arc::new(AtomicU64::new(7)));
        let counted = messages.clone();
        tokio::spawn(pulse.clone().watch(move || counted.load(Ordering::Relaxed)));
        let after = async |looks: u32| {
            tokio::time::sleep(LOOK_EVERY * looks).await;
            pulse.beats()
        };
        // Wait until halfway between two checks.
        tokio::time::sleep(LOOK_EVERY / 2).await;
        assert!(!after(2).await, "those of before do not count");
        messages.store(8, Ordering::Relaxed);
        assert!(after(1).await);
        assert!(after(BELIEVED - 1).await);
        assert!(!after(1).await);
    }
}
