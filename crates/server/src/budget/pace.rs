//! The pace at which bytes of unauthenticated connections are read. Thousands of them may become readable at the same
//! moment, and each read runs a request's code: without a pace, everybody else would wait for all of them. Blocks of
//! addresses take turns, and networks within a block. The first read of a connection mostly goes before further ones: a
//! small request has been read with it, whatever else its network sends. While nobody writes to anybody, nobody waits: the
//! pace would only make connecting slower.
//!
//! Invariant: a connection that was told to wait is woken exactly once, after at most as many rounds as there are
//! others.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::addresses::{AddressKey, Block};
use super::gate::Pulse;
use super::queue::FairBlocks;

/// Reads per round.
const AT_ONCE: usize = 8;
/// Length of a round.
const ROUND: Duration = Duration::from_millis(2);

#[derive(Default)]
struct Waiting {
    /// How many more may read in this round.
    left: usize,
    /// When the round began.
    since: Option<Instant>,
    /// Whether a task is counting rounds because somebody waits.
    counting: bool,
    first: Readers,
    further: Readers,
    /// Turns given; decides when a further read goes before a first one.
    given: usize,
}

type Readers = FairBlocks<Block, AddressKey, (Rc<Cell<Turn>>, Waker)>;

/// Of this many turns, one is for a further read, so that none waits for ever.
const SHARE: usize = 4;

impl Waiting {
    fn next(&mut self) -> Option<(Rc<Cell<Turn>>, Waker)> {
        self.given = self.given.wrapping_add(1);
        if self.given.is_multiple_of(SHARE) {
            self.further.pop(usize::MAX).or_else(|| self.first.pop(usize::MAX))
        } else {
            self.first.pop(usize::MAX).or_else(|| self.further.pop(usize::MAX))
        }
    }
}

/// The pace of one thread; cheap to clone.
#[derive(Clone)]
pub struct Pace {
    pulse: Arc<Pulse>,
    waiting: Rc<RefCell<Waiting>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Turn {
    #[default]
    None,
    Waiting,
    Granted,
}

/// A reader at a pace.
pub struct Paced {
    pace: Pace,
    network: AddressKey,
    turn: Rc<Cell<Turn>>,
}

impl Pace {
    /// A pace that is kept while people write to each other.
    pub fn new(pulse: Arc<Pulse>) -> Self {
        Self { pulse, waiting: Rc::default() }
    }

    /// A reader that keeps this pace, for a connection from a network.
    pub fn reader(&self, network: AddressKey) -> Paced {
        Paced { pace: self.clone(), network, turn: Rc::default() }
    }

    async fn count_rounds(self) {
        loop {
            if self.pulse.beats() {
                tokio::time::sleep(ROUND).await;
            } else {
                tokio::task::yield_now().await;
            }
            let mut waiting = self.waiting.borrow_mut();
            (waiting.left, waiting.since) = (AT_ONCE, Some(Instant::now()));
            while waiting.left > 0 {
                let Some((turn, waker)) = waiting.next() else { break };
                // One whose connection has gone leaves its turn to the next.
                if Rc::strong_count(&turn) > 1 {
                    waiting.left -= 1;
                    turn.set(Turn::Granted);
                    waker.wake();
                }
            }
            if waiting.first.is_empty() && waiting.further.is_empty() {
                waiting.counting = false;
                return;
            }
        }
    }
}

impl Paced {
    /// Ready when a read may be tried; `first` says that nothing has been read yet. A read that found nothing gives its
    /// turn back with [`Self::give_back`].
    pub fn poll(&self, cx: &Context<'_>, first: bool) -> Poll<()> {
        match self.turn.get() {
            Turn::Waiting => return Poll::Pending,
            Turn::Granted => {
                self.turn.set(Turn::None);
                return Poll::Ready(());
            }
            Turn::None => {}
        }
        let mut waiting = self.pace.waiting.borrow_mut();
        if !waiting.counting && !self.pace.pulse.beats() {
            return Poll::Ready(());
        }
        if !waiting.counting && waiting.since.is_none_or(|since| since.elapsed() >= ROUND) {
            (waiting.left, waiting.since) = (AT_ONCE, Some(Instant::now()));
        }
        if waiting.left > 0 {
            waiting.left -= 1;
            return Poll::Ready(());
        }
        self.turn.set(Turn::Waiting);
        let readers = if first { &mut waiting.first } else { &mut waiting.further };
        readers.push(self.network.block(), self.network, (self.turn.clone(), cx.waker().clone()));
        if !std::mem::replace(&mut waiting.counting, true) {
            drop(waiting);
            tokio::task::spawn_local(self.pace.clone().count_rounds());
        }
        Poll::Pending
    }

    /// There was nothing to read: somebody else may.
    pub fn give_back(&self) {
        self.pace.waiting.borrow_mut().left += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn network(last: u8) -> AddressKey {
        AddressKey::of([192, 0, 2, last].into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_does_not_wait_behind_all_of_another() {
        tokio::task::LocalSet::new()
            .run_until(async {
                let pace = Pace::new(Pulse::beating());
                let began = Instant::now();
                let read = |from| {
                    let reader = pace.reader(network(from));
                    tokio::task::spawn_local(async move { poll_fn(|cx| reader.poll(cx, false)).await })
                };
                let many: Vec<_> = (0..AT_ONCE * 50).map(|_| read(1)).collect();
                let one = read(2);
                one.await.unwrap();
                assert!(began.elapsed() < ROUND * 3);
                assert!(!many.last().unwrap().is_finished());
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_read_goes_before_further_ones_of_its_network() {
        tokio::task::LocalSet::new()
            .run_until(async {
                let pace = Pace::new(Pulse::beating());
                let began = Instant::now();
                let read = |first| {
                    let reader = pace.reader(network(1));
                    tokio::task::spawn_local(async move { poll_fn(|cx| reader.poll(cx, first)).await })
                };
                let further: Vec<_> = (0..AT_ONCE * 50).map(|_| read(false)).collect();
                read(true).await.unwrap();
                assert!(began.elapsed() < ROUND * 3);
                let all: Vec<_> = (0..AT_ONCE * 50).map(|_| read(true)).collect();
                tokio::time::sleep(ROUND * 20).await;
                let done = further.iter().filter(|one| one.is_finished()).count();
                assert!(done > AT_ONCE * 20 / SHARE, "they have a share: {done}");
                drop(all);
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_read_in_each_round_in_order_and_the_gone_cost_nothing() {
        tokio::task::LocalSet::new()
            .run_until(async {
                let pace = Pace::new(Pulse::beating());
                let order: Rc<RefCell<Vec<(usize, Duration)>>> = Rc::default();
                let began = Instant::now();
                let reading: Vec<_> = (0..AT_ONCE * 3)
                    .map(|number| {
                        let (reader, order) = (pace.reader(network(1)), order.clone());
                        tokio::task::spawn_local(async move {
                            poll_fn(|cx| reader.poll(cx, false)).await;
                            order.borrow_mut().push((number, began.elapsed()));
                        })
                    })
                    .collect();
                tokio::task::yield_now().await;
                assert_eq!(order.borrow().len(), AT_ONCE, "the others wait");
                reading[AT_ONCE].abort();
                for (number, one) in reading.into_iter().enumerate() {
                    assert_eq!(one.await.is_ok(), number != AT_ONCE);
                }
                let order = order.borrow();
                let numbers: Vec<usize> = order.iter().map(|(number, _)| *number).collect();
                assert!(numbers.is_sorted());
                let at = |number: usize| order.iter().find(|(one, _)| *one == number).unwrap().1;
                assert!(at(AT_ONCE - 1) < ROUND && at(AT_ONCE + 1) >= ROUND);
                assert_eq!(at(AT_ONCE + 1), at(AT_ONCE * 2), "the turn of the one that went was used");
                assert!(at(AT_ONCE * 3 - 1) >= ROUND * 2);
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn while_nobody_writes_nobody_waits() {
        let pace = Pace::new(Arc::default());
        for _ in 0..AT_ONCE * 50 {
            let reader = pace.reader(network(1));
            poll_fn(|cx| reader.poll(cx, true)).await;
        }
        assert!(!pace.waiting.borrow().counting);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_finds_nothing_gives_its_turn_back() {
        tokio::task::LocalSet::new()
            .run_until(async {
                let pace = Pace::new(Pulse::beating());
                for _ in 0..AT_ONCE * 3 {
                    let reader = pace.reader(network(1));
                    poll_fn(|cx| reader.poll(cx, false)).await;
                    reader.give_back();
                }
                assert!(!pace.waiting.borrow().counting);
            })
            .await;
    }
}
