//! Turns of connections that have just come: a few at a time are looked at, and networks take turns, so that thousands
//! of one network delay neither those who are here already nor those from elsewhere.
//!
//! Invariant: a turn is given back when it is dropped, also by a connection that is gone before it had it.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use tokio::sync::oneshot;

use super::addresses::AddressKey;

/// New connections that are looked at before others of the thread have their turn.
const AT_ONCE: usize = 16;

#[derive(Default)]
struct Waiting {
    taken: usize,
    queues: HashMap<AddressKey, VecDeque<oneshot::Sender<Turn>>>,
    networks: VecDeque<AddressKey>,
}

/// The turns of one thread; cheap to clone.
#[derive(Clone, Default)]
pub struct Gate(Rc<RefCell<Waiting>>);

/// A turn.
pub struct Turn(Option<Gate>);

impl Gate {
    /// Waits for a turn.
    pub async fn wait(&self, network: AddressKey) -> Turn {
        let mine = {
            let mut waiting = self.0.borrow_mut();
            if waiting.taken < AT_ONCE {
                waiting.taken += 1;
                return Turn(Some(self.clone()));
            }
            let (sender, mine) = oneshot::channel();
            let Waiting { queues, networks, .. } = &mut *waiting;
            let queue = queues.entry(network).or_default();
            if queue.is_empty() {
                networks.push_back(network);
            }
            queue.push_back(sender);
            mine
        };
        mine.await.unwrap_or(Turn(None))
    }

    fn pass_on(&self) {
        loop {
            let next = {
                let mut waiting = self.0.borrow_mut();
                let Some(network) = waiting.networks.pop_front() else {
                    waiting.taken -= 1;
                    return;
                };
                let queue = waiting.queues.get_mut(&network);
                let (next, more) =
                    queue.map_or((None, false), |queue| (queue.pop_front(), !queue.is_empty()));
                if more {
                    waiting.networks.push_back(network);
                } else {
                    waiting.queues.remove(&network);
                }
                next
            };
            // A caller that is gone by now leaves the turn to the next one.
            let Some(next) = next else { continue };
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                Err(mut unused) => unused.0 = None,
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(gate) = self.0.take() {
            gate.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_take_turns_and_no_turn_is_lost() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let network = |last: u8| AddressKey::of([192, 0, 2, last].into());
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let gate = Gate::default();
            let mut held = Vec::new();
            for _ in 0..AT_ONCE {
                held.push(gate.wait(network(1)).await);
            }
            let order: Rc<RefCell<Vec<&str>>> = Rc::default();
            let mut tasks = Vec::new();
            for (name, from) in [("a1", 1), ("a2", 1), ("a3", 1), ("gone", 2), ("b1", 3)] {
                let (gate, order) = (gate.clone(), order.clone());
                tasks.push(tokio::task::spawn_local(async move {
                    let _turn = gate.wait(network(from)).await;
                    order.borrow_mut().push(name);
                }));
                tokio::task::yield_now().await;
            }
            tasks.remove(3).abort();
            tokio::task::yield_now().await;
            held.pop();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(*order.borrow(), ["a1", "b1", "a2", "a3"]);
            drop(held);
            assert_eq!(gate.0.borrow().taken, 0);
            assert!(gate.0.borrow().queues.is_empty() && gate.0.borrow().networks.is_empty());
        });
    }
}
