//! Users whose data is needed but not known: which of them are to be requested, and which are being requested.
//!
//! Invariant: a user is in at most one of the two sets, so that nobody is requested twice at the same time.

use std::collections::BTreeSet;

use parlour_protocol::ids::UserId;

/// The users that are not known yet.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    wanted: BTreeSet<UserId>,
    asked: BTreeSet<UserId>,
}

impl Wanted {
    /// Adds a user that is needed. Returns whether that is news.
    pub(crate) fn want(&mut self, id: UserId) -> bool {
        id.0 != 0 && !self.is_asked(id) && self.wanted.insert(id)
    }

    /// All users to request.
    pub(crate) fn all(&self) -> Vec<UserId> {
        self.wanted.iter().copied().collect()
    }

    /// Whether a user is being requested.
    pub(crate) fn is_asked(&self, id: UserId) -> bool {
        self.asked.contains(&id)
    }

    /// Notes that these users are being requested.
    pub(crate) fn ask(&mut self, ids: &[UserId]) {
        self.wanted.retain(|id| !ids.contains(id));
        self.asked.extend(ids);
    }

    /// Notes that a request has ended. After a failure its users are still wanted.
    pub(crate) fn answered(&mut self, ids: &[UserId], failed: bool) {
        self.asked.retain(|id| !ids.contains(id));
        if failed {
            self.wanted.extend(ids);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_requested_once_and_again_after_a_failure() {
        let (ada, bob) = (UserId(1), UserId(2));
        let mut wanted = Wanted::default();
        assert!(wanted.want(ada));
        assert!(!wanted.want(ada));
        assert!(wanted.want(bob));
        assert!(!wanted.want(UserId(0)), "nobody has this id");
        assert_eq!(wanted.all(), [ada, bob]);
        wanted.ask(&[ada, bob]);
        assert!(wanted.is_asked(ada) && wanted.all().is_empty());
        assert!(!wanted.want(ada), "the answer is on its way");
        wanted.answered(&[ada], false);
        wanted.answered(&[bob], true);
        assert_eq!(wanted.all(), [bob]);
        assert!(!wanted.is_asked(bob));
    }
}
