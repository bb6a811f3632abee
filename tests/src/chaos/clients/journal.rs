//! Where clients record what they do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use parlour_protocol::ids::{ConversationId, Seq, UserId};

use crate::chaos::checker::{Attempt, Mutation};

/// See the module.
pub struct Journal {
    began: Instant,
    attempts: Mutex<Vec<Attempt>>,
    mutations: Mutex<Vec<Mutation>>,
    /// The furthest acknowledged read marker of each person.
    marks: Mutex<BTreeMap<(UserId, ConversationId), Seq>>,
    strange: Mutex<Vec<String>>,
    over: AtomicBool,
}

impl Journal {
    /// An empty journal; its clock starts now.
    pub fn start() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            attempts: Mutex::default(),
            mutations: Mutex::default(),
            marks: Mutex::default(),
            strange: Mutex::default(),
            over: AtomicBool::new(false),
        })
    }

    /// Time since the beginning.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Tells writers to finish what they began and stop.
    pub fn stop(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether writers are to stop.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Records an attempt to send.
    pub fn attempted(&self, attempt: Attempt) {
        self.attempts.lock().unwrap().push(attempt);
    }

    /// Records an attempt to change a message.
    pub fn mutated(&self, mutation: Mutation) {
        self.mutations.lock().unwrap().push(mutation);
    }

    /// Records an acknowledged read marker.
    pub fn marked(&self, user: UserId, conversation: ConversationId, seq: Seq) {
        let mut marks = self.marks.lock().unwrap();
        let mark = marks.entry((user, conversation)).or_default();
        *mark = seq.max(*mark);
    }

    /// Records something that cannot be explained.
    pub fn strange(&self, what: String) {
        self.strange.lock().unwrap().push(what);
    }

    /// All attempts so far.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }

    /// All attempts to change messages so far.
    pub fn mutations(&self) -> Vec<Mutation> {
        self.mutations.lock().unwrap().clone()
    }

    /// The furthest acknowledged read markers.
    pub fn marks(&self) -> BTreeMap<(UserId, ConversationId), Seq> {
        self.marks.lock().unwrap().clone()
    }

    /// Everything that could not be explained.
    pub fn strange_things(&self) -> Vec<String> {
        self.strange.lock().unwrap().clone()
    }
}
