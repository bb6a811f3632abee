//! Friends, friend requests, and blocked users.

use leptos::task::spawn_local;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::users::User;

use crate::context::Context;
use crate::state::bidi;
use crate::stores::settle;
use crate::texts::{chat, friends as texts};

impl Context {
    /// Reloads the friends and the friend requests.
    pub(crate) fn load_friends(&self) {
        let context = *self;
        spawn_local(async move {
            let answer = context.api.list_friends().await.map(|page| page.items);
            for friend in answer.iter().flatten() {
                context.people.learn([&friend.user].into_iter());
                context.people.set_online(friend.user.id, friend.online);
            }
            settle(context.friends.list, answer);
        });
        spawn_local(async move {
            settle(context.friends.requests, context.api.list_friend_requests().await);
        });
    }

    /// Reloads the blocked users.
    pub(crate) fn load_blocks(&self) {
        let context = *self;
        spawn_local(async move {
            let answer = context.api.list_blocks().await.map(|page| page.items);
            context.people.learn(answer.iter().flatten().map(|block| &block.user));
            settle(context.friends.blocks, answer);
        });
    }

    /// Asks for confirmation, then blocks a user.
    pub(crate) fn block(self, id: UserId) {
        let name = self.people.name(id);
        let name = name.map_or_else(|| chat::this_one().to_owned(), |name| bidi::isolated(&name));
        self.ui.ask(chat::block_title(&name), chat::block_text(), chat::block(), move || {
            self.attempt(async move { self.api.block(id).await }, move |block| {
                self.ui.toast(chat::is_blocked(&bidi::isolated(&block.user.display_name)), false);
                self.load_blocks();
                self.load_friends();
            });
        });
    }

    /// Unblocks a user.
    pub(crate) fn unblock(self, id: UserId) {
        let name = self.people.name(id);
        let name = name.map_or_else(|| chat::this_person().to_owned(), |name| bidi::isolated(&name));
        self.attempt(async move { self.api.unblock(id).await }, move |()| {
            self.ui.toast(chat::is_unblocked(&name), false);
            self.load_blocks();
        });
    }

    /// Sends a request.
    pub(crate) fn request_friendship(self, handle: String) {
        self.attempt(async move { self.api.create_friend_request(handle).await }, move |answer| {
            self.ui.toast(texts::request_sent(&bidi::isolated(&answer.user.display_name)), false);
            self.load_friends();
        });
    }

    /// Accepts a request.
    pub(crate) fn accept_request(self, id: UserId) {
        self.attempt(async move { self.api.accept_friend_request(id).await }, move |answer| {
            self.ui.toast(texts::now_friends(&bidi::isolated(&answer.user.display_name)), false);
            self.load_friends();
            self.load_notices();
        });
    }

    /// Declines an incoming request, or withdraws an outgoing one.
    pub(crate) fn drop_request(self, id: UserId) {
        self.attempt(async move { self.api.delete_friend_request(id).await }, move |()| {
            self.load_friends();
            self.load_notices();
        });
    }

    /// Asks for confirmation, then ends a friendship.
    pub(crate) fn unfriend(self, user: &User) {
        let id = user.id;
        let title = texts::remove_title(&bidi::isolated(&user.display_name));
        self.ui.ask(title, texts::remove_text(), texts::remove_friend(), move || {
            self.attempt(async move { self.api.end_friendship(id).await }, move |()| self.load_friends());
        });
    }

    /// Opens the direct chat with a friend; `then` gets its id.
    pub(crate) fn open_direct(self, id: UserId, then: impl FnOnce(ConversationId) + 'static) {
        self.attempt(async move { self.api.open_direct(id).await }, move |conversation| {
            let id = conversation.id;
            if self.conversations.entry(id).is_none() {
                self.put_entry(conversation);
            }
            then(id);
        });
    }
}
