//! Friends, friend requests, and blocked users.

use leptos::prelude::*;
use parlour_protocol::blocks::Block;
use parlour_protocol::friends::{Friend, FriendRequest, FriendRequests};
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::User;

use crate::state::friendships;
use crate::state::load::Load;

/// The user's relations to others.
#[derive(Clone, Copy)]
pub(crate) struct Friends {
    pub(crate) list: RwSignal<Load<Vec<Friend>>>,
    pub(crate) requests: RwSignal<Load<FriendRequests>>,
    /// Users blocked by the current user; their messages are collapsed.
    pub(crate) blocks: RwSignal<Load<Vec<Block>>>,
}

impl Friends {
    /// Nothing is loaded yet.
    pub(crate) fn new() -> Self {
        Self {
            list: RwSignal::new(Load::Pending),
            requests: RwSignal::new(Load::Pending),
            blocks: RwSignal::new(Load::Pending),
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.list.set(Load::Pending);
        self.requests.set(Load::Pending);
        self.blocks.set(Load::Pending);
    }

    /// Whether a user is a friend.
    pub(crate) fn is_friend(&self, id: UserId) -> bool {
        self.list.with(|load| {
            load.ready().is_some_and(|friends| friends.iter().any(|friend| friend.user.id == id))
        })
    }

    /// Whether the current user blocks a user.
    pub(crate) fn is_blocked(&self, id: UserId) -> bool {
        self.blocks
            .with(|load| load.ready().is_some_and(|blocks| blocks.iter().any(|block| block.user.id == id)))
    }

    /// The number of incoming requests.
    pub(crate) fn incoming(&self) -> usize {
        self.requests.with(|load| load.ready().map_or(0, |requests| requests.incoming.len()))
    }

    /// Whether a user's request waits for an answer.
    pub(crate) fn is_asked_by(&self, id: UserId) -> bool {
        self.requests.with(|load| {
            load.ready().is_some_and(|requests| requests.incoming.iter().any(|request| request.user.id == id))
        })
    }

    /// The user's outgoing requests.
    pub(crate) fn outgoing(&self) -> Vec<FriendRequest> {
        self.requests.with(|load| load.ready().map(|requests| requests.outgoing.clone())).unwrap_or_default()
    }

    /// Adds a request, if the others are loaded.
    pub(crate) fn ask(&self, user: User, at: Timestamp, incoming: bool) {
        self.change_requests(|requests| friendships::ask(requests, user, at, incoming));
    }

    /// Removes the request between the current user and another one, in both directions.
    pub(crate) fn end_request(&self, user: UserId) {
        self.change_requests(|requests| friendships::end_request(requests, user));
    }

    /// Adds a friend, if the others are loaded.
    pub(crate) fn befriend(
        &self,
        user: User,
        online: bool,
        since: Timestamp,
        direct: Option<ConversationId>,
    ) {
        self.change(|friends| friendships::befriend(friends, user, online, since, direct));
    }

    /// Removes a friend, and any request between the two.
    pub(crate) fn remove(&self, user: UserId) {
        self.end_request(user);
        self.change(|friends| friends.retain(|one| one.user.id != user));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Friend>)) {
        self.list.maybe_update(|load| load.change(change));
    }

    fn change_requests(&self, change: impl FnOnce(&mut FriendRequests)) {
        self.requests.maybe_update(|load| load.change(change));
    }
}
