//! The users known by now, and who of them is online.
//!
//! Invariant: each user has a signal of their own. Users whose data is not known are noted; `actions/people.rs` requests
//! them.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::ids::UserId;
use parlour_protocol::users::User;

use super::session::Session;
use crate::state::conversations::title;
use crate::state::mentions;
use crate::state::wanted::Wanted;

#[derive(Clone)]
struct Person {
    user: ArcRwSignal<Option<User>>,
    online: ArcRwSignal<bool>,
}

/// The users.
#[derive(Clone, Copy)]
pub(crate) struct People {
    session: Session,
    known: StoredValue<BTreeMap<UserId, Person>>,
    wanted: StoredValue<Wanted>,
    /// Whether there are users to be requested.
    pub(crate) missing: RwSignal<bool>,
}

impl People {
    /// Nobody is known.
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            known: StoredValue::new(BTreeMap::new()),
            wanted: StoredValue::new(Wanted::default()),
            missing: RwSignal::new(false),
        }
    }

    /// Forgets all users.
    pub(crate) fn clear(&self) {
        self.known.set_value(BTreeMap::new());
        self.wanted.set_value(Wanted::default());
    }

    fn person(&self, id: UserId) -> Person {
        if let Some(person) = self.known.with_value(|known| known.get(&id).cloned()) {
            return person;
        }
        let person = Person { user: ArcRwSignal::new(None), online: ArcRwSignal::new(false) };
        self.known.update_value(|known| {
            known.insert(id, person.clone());
        });
        person
    }

    /// The signal of a user's data. Unknown users will be requested.
    pub(crate) fn user(&self, id: UserId) -> ArcRwSignal<Option<User>> {
        let person = self.person(id);
        if person.user.with_untracked(Option::is_none)
            && self.wanted.try_update_value(|wanted| wanted.want(id)) == Some(true)
            && !self.missing.get_untracked()
        {
            self.missing.set(true);
        }
        person.user
    }

    /// The display name of a user, if they are known. Does not track changes.
    pub(crate) fn name(&self, id: UserId) -> Option<String> {
        self.user(id).with_untracked(|user| user.as_ref().map(|user| user.display_name.clone()))
    }

    /// The name of a conversation; for a direct chat the current one of the other person.
    pub(crate) fn title(&self, entry: &Conversation) -> String {
        let peer = entry.peer.as_ref().filter(|_| entry.kind == ConversationKind::Direct);
        let user = peer.map(|peer| self.user(peer.id));
        let name =
            user.and_then(|user| user.with(|user| user.as_ref().map(|user| user.display_name.clone())));
        name.unwrap_or_else(|| title(entry))
    }

    /// Whether a user is online, as far as it is known.
    pub(crate) fn online(&self, id: UserId) -> ArcRwSignal<bool> {
        self.person(id).online
    }

    /// Sets a user's presence as reported by the server. Ignored for the current user, for whom the report may be
    /// outdated.
    pub(crate) fn set_online(&self, id: UserId, online: bool) {
        if id != self.session.me() {
            self.note_online(id, online);
        }
    }

    /// Sets the current user's own presence.
    pub(crate) fn set_online_myself(&self, online: bool) {
        self.note_online(self.session.me(), online);
    }

    fn note_online(&self, id: UserId, online: bool) {
        let person = self.person(id);
        if person.online.get_untracked() != online {
            person.online.set(online);
        }
    }

    /// Stores user data received from the server.
    pub(crate) fn learn<'a>(&self, users: impl Iterator<Item = &'a User>) {
        for user in users {
            let person = self.person(user.id);
            if person.user.with_untracked(|known| known.as_ref() != Some(user)) {
                person.user.set(Some(user.clone()));
            }
        }
    }

    /// The ids among these whose users are not known yet.
    pub(crate) fn unknown(&self, ids: impl Iterator<Item = UserId>) -> Vec<UserId> {
        let ids: BTreeSet<UserId> = ids.collect();
        let known = |id: &UserId| {
            let person = self.known.with_value(|known| known.get(id).cloned());
            person.is_some_and(|person| person.user.with_untracked(Option::is_some))
        };
        ids.into_iter().filter(|id| id.0 != 0 && !known(id)).collect()
    }

    /// Changes which users are to be requested.
    pub(crate) fn change_wanted<T: Default>(&self, change: impl FnOnce(&mut Wanted) -> T) -> T {
        self.wanted.try_update_value(change).unwrap_or_default()
    }

    /// Whether a user's data is being requested.
    pub(crate) fn is_asked(&self, id: UserId) -> bool {
        self.wanted.with_value(|wanted| wanted.is_asked(id))
    }

    /// A few known users other than the current one whose handle or name starts with `prefix`, those `inside` first;
    /// `prefix` is case-folded.
    pub(crate) fn matching(&self, prefix: &str, inside: impl Fn(UserId) -> bool) -> Vec<(UserId, String)> {
        let me = self.session.me();
        let found = self.known.with_value(|known| {
            let others = known.iter().filter(|(id, _)| **id != me);
            let matching = others.filter_map(|(id, person)| {
                let inside = inside(*id);
                person.user.with_untracked(|user| mentions::candidate(user.as_ref()?, prefix, inside))
            });
            matching.collect()
        });
        mentions::best(found)
    }
}
