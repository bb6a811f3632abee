//! What concerns oneself alone: friends, notifications, memberships, read markers, the end of a session.
//!
//! Invariant: one's own stream has no pages; whatever was missed of it is read again from its sources.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_client::engine::Verdict;
use parlour_protocol::ids::Seq;
use parlour_protocol::socket::{UserChange, UserEvent};

use crate::api::calls::Place;
use crate::context::Context;
use crate::open::Wish;
use crate::state::conversations;

impl Context {
    /// Applies an event of one's own stream, if it is the next one.
    pub(crate) fn receive_user_event(&self, event: &UserEvent) {
        let verdict = self
            .live
            .0
            .try_update_value(|inner| inner.cursors.observe_user(event.seq))
            .unwrap_or(Verdict::Ignore);
        match verdict {
            Verdict::Apply => self.apply_user_event(&event.change),
            Verdict::Ignore => {}
            Verdict::Fetch { .. } => self.catch_up_user(event.seq),
        }
    }

    /// One's own stream has no pages: what it is about is read again.
    pub(crate) fn catch_up_user(&self, head: Seq) {
        self.live.change(|inner| inner.cursors.follow_user(head));
        self.load_friends();
        self.load_notices();
        self.load_blocks();
        spawn_local((*self).load_conversations());
    }

    fn apply_user_event(&self, change: &UserChange) {
        let context = *self;
        match change {
            UserChange::FriendRequested { .. } | UserChange::FriendAdded { .. } => {
                self.load_friends();
                self.load_notices();
            }
            UserChange::FriendRemoved { user } => {
                self.set_online(*user, false);
                self.load_friends();
                self.load_notices();
            }
            UserChange::FriendAsked { .. } => self.load_friends(),
            UserChange::BlockAdded { .. } | UserChange::BlockRemoved { .. } => {
                self.load_blocks();
                // What blocked people wrote is not counted.
                spawn_local((*self).load_conversations());
            }
            UserChange::ConversationJoined { conversation } => self.reread(*conversation),
            UserChange::ConversationLeft { conversation } => {
                self.live.forget(*conversation);
                self.remove_entry(*conversation);
                self.members_changed.update(|count| *count += 1);
            }
            UserChange::ReadMoved { conversation, seq } => {
                let effect = self.change_entry(*conversation, |entry, counted| {
                    conversations::mark_read(entry, counted, *seq)
                });
                if effect.doubt {
                    self.reread(*conversation);
                }
            }
            UserChange::Mentioned { conversation, .. }
            | UserChange::Answered { conversation, .. }
            | UserChange::MentionRemoved { conversation, .. } => {
                self.load_notices();
                if !self.open.is(*conversation) {
                    self.reread(*conversation);
                }
            }
            UserChange::NotificationsRead { .. } => self.load_notices(),
            UserChange::AccountChanged {} => spawn_local(async move {
                if let Ok(account) = context.api.read_account().await {
                    context.account_changed(account);
                }
            }),
            UserChange::SessionEnded { session } => {
                if self.session.get_untracked() == Some(*session) {
                    spawn_local(async move {
                        context.session_over(crate::texts::auth::logged_out()).await;
                    });
                }
            }
            UserChange::Unknown(_) => {}
        }
    }

    /// The server's history is another one than before: everything is read again.
    pub(crate) fn reload_all(&self) {
        self.load_friends();
        self.load_notices();
        self.load_blocks();
        spawn_local((*self).load_conversations());
        self.open.start_over();
        if let Some(id) = self.open.id.get_untracked() {
            self.open_at(id, Place::Newest, Wish::Resume);
        }
    }

    /// Notes a new state of one's own account.
    pub(crate) fn account_changed(&self, account: parlour_protocol::accounts::Account) {
        let user = parlour_protocol::users::User {
            id: account.id,
            handle: account.handle.clone(),
            display_name: account.display_name.clone(),
            avatar: account.avatar,
        };
        self.learn([&user].into_iter());
        self.account.set(Some(account));
    }
}
