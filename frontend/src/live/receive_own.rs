//! Handles the user's own stream: friends, notifications, memberships, read markers, the end of a session.
//!
//! Invariant: the user's own stream has no pages; after missed events, everything it covers is reloaded.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::accounts::Account;
use parlour_protocol::events::{UserChange, UserEvent};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::notifications::NotificationKind;
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::User;

use crate::context::Context;
use crate::state::conversations;
use crate::state::history::Place;
use crate::state::members::Move;
use crate::state::notifications::About;
use crate::stores::open_conversation::Wish;

impl Context {
    /// Reloads everything that the user's own stream covers, because it has no pages.
    pub(super) fn load_own(&self) {
        self.load_friends();
        self.load_notices();
        self.load_blocks();
        spawn_local((*self).load_conversations());
    }

    /// Applies the next event of the user's own stream.
    pub(super) fn apply_user_event(&self, event: &UserEvent) {
        let context = *self;
        match &event.change {
            UserChange::FriendRequested { user } => {
                let (seq, at) = (event.seq, event.at);
                self.with_person(*user, move |user| {
                    context.friends.ask(user.clone(), at, true);
                    let about = About { kind: NotificationKind::FriendRequested, actor: user, message: None };
                    context.notify(seq, at, about);
                });
            }
            UserChange::FriendAsked { user } => {
                let at = event.at;
                self.with_person(*user, move |user| context.friends.ask(user, at, false));
            }
            UserChange::FriendAdded { user, accepted } => {
                let (seq, at, accepted) = (event.seq, event.at, *accepted);
                self.friends.end_request(*user);
                self.with_person(*user, move |user| {
                    let online = context.people.online(user.id).get_untracked();
                    let direct = context.conversations.direct_with(user.id);
                    context.friends.befriend(user.clone(), online, at, direct);
                    if accepted {
                        let about =
                            About { kind: NotificationKind::FriendAccepted, actor: user, message: None };
                        context.notify(seq, at, about);
                    }
                });
            }
            UserChange::FriendRemoved { user } => {
                self.people.set_online(*user, false);
                self.friends.remove(*user);
            }
            UserChange::BlockAdded { .. } | UserChange::BlockRemoved { .. } => {
                self.load_blocks();
                // Messages by blocked users are not counted.
                spawn_local((*self).load_conversations());
            }
            UserChange::ConversationJoined { conversation } | UserChange::RightsChanged { conversation } => {
                self.reread(*conversation);
            }
            UserChange::ConversationLeft { conversation } => {
                self.members.hear_move(*conversation, Move::Left(self.session.me()));
            }
            UserChange::ReadMoved { conversation, seq } => self.read_elsewhere(*conversation, *seq),
            UserChange::Mentioned { conversation, seq, author } => {
                self.mentioned(event, NotificationKind::Mentioned, *conversation, *seq, *author);
            }
            UserChange::Answered { conversation, seq, author } => {
                self.mentioned(event, NotificationKind::Answered, *conversation, *seq, *author);
            }
            UserChange::MentionRemoved { conversation, seq } => {
                self.load_notices();
                let effect = self.conversations.change(*conversation, |entry, counted| {
                    conversations::not_mentioned(entry, counted, *seq)
                });
                if effect.doubt {
                    self.reread_later(*conversation);
                }
            }
            UserChange::NotificationsRead { .. } => self.load_notices(),
            UserChange::AccountChanged {} => spawn_local(async move {
                if let Ok(account) = context.api.read_account().await {
                    context.account_changed(account);
                }
            }),
            UserChange::SessionEnded { session } => {
                if self.session.id.get_untracked() == Some(*session) {
                    spawn_local(context.session_over());
                }
            }
            UserChange::Unknown(_) => {}
        }
    }

    /// Handles a mention of the user or a reply to one of their messages.
    fn mentioned(
        &self,
        event: &UserEvent,
        kind: NotificationKind,
        conversation: ConversationId,
        message: Seq,
        author: UserId,
    ) {
        if !self.open.is(conversation) {
            let effect = self
                .conversations
                .change(conversation, |entry, counted| conversations::mentioned(entry, counted, message));
            if effect.doubt {
                self.reread_later(conversation);
            }
        }
        let (context, seq, at) = (*self, event.seq, event.at);
        let room = self
            .conversations
            .entry(conversation)
            .and_then(|entry| entry.with_untracked(|entry| entry.name.clone()));
        self.with_person(author, move |actor| {
            context.notify(seq, at, About { kind, actor, message: Some((conversation, message, room)) });
        });
    }

    /// Runs `then` with a user, who is requested first if unknown. If the user cannot be loaded, friends and
    /// notifications are reloaded instead.
    fn with_person(&self, id: UserId, then: impl FnOnce(User) + 'static) {
        let (context, generation) = (*self, self.live.generation());
        spawn_local(async move {
            context.know([id].into_iter()).await;
            if context.live.generation() != generation {
                return;
            }
            match context.people.user(id).get_untracked() {
                Some(user) => then(user),
                None => {
                    context.load_friends();
                    context.load_notices();
                }
            }
        });
    }

    /// Adds a notification, unless its actor is blocked.
    fn notify(&self, seq: Seq, at: Timestamp, about: About) {
        if untrack(|| self.friends.is_blocked(about.actor.id)) {
            return;
        }
        self.notices.add(seq, at, about);
    }

    /// The server has a new epoch: reloads everything.
    pub(crate) fn reload_all(&self) {
        self.load_own();
        self.members.stale.update(|count| *count += 1);
        self.open.start_over();
        if let Some(id) = self.open.id.get_untracked() {
            self.open_at(id, Place::Newest, Wish::Resume);
        }
    }

    /// Applies a new state of the user's own account.
    pub(crate) fn account_changed(&self, account: Account) {
        let user = User {
            id: account.id,
            handle: account.handle.clone(),
            display_name: account.display_name.clone(),
            avatar: account.avatar,
            bot: false,
        };
        self.people.learn([&user].into_iter());
        self.session.account.set(Some(account));
    }
}
