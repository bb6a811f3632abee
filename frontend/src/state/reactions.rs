//! The displayed reactions: the stored ones plus the user's own pending changes.

use parlour_protocol::ids::UserId;
use parlour_protocol::messages::Reaction;

/// The reactions to a message after applying the user's pending changes in order: emoji, and true to add or false to
/// remove.
pub(crate) fn shown(stored: &[Reaction], waiting: &[(String, bool)], me: UserId) -> Vec<Reaction> {
    let mut all = stored.to_vec();
    for (emoji, on) in waiting {
        match all.iter_mut().find(|one| one.emoji == *emoji) {
            Some(one) => {
                one.users.retain(|user| *user != me);
                if *on {
                    one.users.push(me);
                }
            }
            None if *on => all.push(Reaction { emoji: emoji.clone(), users: vec![me] }),
            None => {}
        }
    }
    all.retain(|one| !one.users.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_reactions_are_shown_before_the_server_has_answered() {
        let (me, other) = (UserId(1), UserId(2));
        let one = |emoji: &str, users: &[UserId]| Reaction { emoji: emoji.into(), users: users.into() };
        let stored = [one("👍", &[me, other]), one("🎉", &[me])];
        let waiting = [("👍".to_owned(), false), ("🎉".to_owned(), false), ("👀".to_owned(), true)];
        assert_eq!(shown(&stored, &waiting, me), [one("👍", &[other]), one("👀", &[me])]);
        // Already stored, if only the answer was lost.
        assert_eq!(shown(&stored, &[("🎉".to_owned(), true)], me), stored);
        assert_eq!(shown(&[], &[("🎉".to_owned(), false)], me), []);
    }
}
