//! The connections of a thread that have something to write. One task of the thread writes for all of them: waking
//! one task per connection would be a large part of the cost of a delivery.
//!
//! Invariant: a connection is on the list at most once, so the list is never longer than the number of connections.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;

/// How long a patient reply waits for another frame to the same connection; at most twice this.
pub const LATER: Duration = Duration::from_millis(200);

/// Identifies a connection among those of its thread.
pub type Token = usize;

/// The ready list of one thread.
#[derive(Default)]
pub struct ReadyList {
    now: List,
    later: List,
}

#[derive(Default)]
struct List {
    tokens: Mutex<Vec<Token>>,
    waker: AtomicWaker,
}

impl ReadyList {
    /// Adds a connection, which must not be on the list already.
    pub(crate) fn add(&self, token: Token) {
        self.now.add(token);
    }

    /// Adds a connection to the list that is written after [`LATER`]; it must not be on that list already.
    pub(crate) fn add_later(&self, token: Token) {
        self.later.add(token);
    }

    /// Swaps the list with `empty` as soon as it has an entry.
    pub fn poll_take(&self, cx: &mut Context<'_>, empty: &mut Vec<Token>) -> Poll<()> {
        self.now.poll_take(cx, empty)
    }

    /// Like [`Self::poll_take`], for the list that is written after [`LATER`].
    pub fn poll_take_later(&self, cx: &mut Context<'_>, empty: &mut Vec<Token>) -> Poll<()> {
        self.later.poll_take(cx, empty)
    }
}

impl List {
    fn tokens(&self) -> MutexGuard<'_, Vec<Token>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, token: Token) {
        let first = {
            let mut tokens = self.tokens();
            tokens.push(token);
            tokens.len() == 1
        };
        if first {
            self.waker.wake();
        }
    }

    fn poll_take(&self, cx: &mut Context<'_>, empty: &mut Vec<Token>) -> Poll<()> {
        self.waker.register(cx.waker());
        let mut tokens = self.tokens();
        if tokens.is_empty() {
            return Poll::Pending;
        }
        std::mem::swap(&mut *tokens, empty);
        Poll::Ready(())
    }
}
