//! Keeps the list of conversations as the server describes it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_client::engine::Input;
use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::ids::ConversationId;

use crate::context::Context;
use crate::state::load::Load;
use crate::stores::settle;

impl Context {
    /// Adds or replaces an entry. Returns false if it is older than what is already known.
    pub(crate) fn put_entry(&self, conversation: Conversation) -> bool {
        let (id, head) = (conversation.id, conversation.head);
        let direct = conversation.kind == ConversationKind::Direct;
        if self.conversations.entry(id).is_some() && self.live.cursor(id) > Some(head) {
            return false;
        }
        self.live.was_read(id);
        self.people.learn(conversation.peer.iter());
        if let (Some(peer), Some(online)) = (&conversation.peer, conversation.online) {
            self.people.set_online(peer.id, online);
        }
        self.conversations.put(conversation);
        self.feed(Input::Entry { conversation: id, head, direct });
        true
    }

    /// Removes a conversation that the user is not in any more.
    pub(crate) fn drop_conversation(&self, id: ConversationId) {
        self.live.forget(id);
        self.conversations.remove(id);
    }

    /// Loads the list of conversations and removes entries that are no longer in it.
    pub(crate) async fn load_conversations(self) {
        let answer = self.api.list_conversations().await;
        let outcome = answer.map(|page| {
            let mut gone = self.conversations.ids.get_untracked();
            gone.retain(|id| !page.items.iter().any(|one| one.id == *id));
            gone.into_iter().for_each(|id| self.drop_conversation(id));
            for conversation in page.items {
                let id = conversation.id;
                if !self.put_entry(conversation) {
                    // The log has moved on while the request was in flight.
                    self.reread_later(id);
                }
            }
        });
        settle(self.conversations.listed, outcome);
    }

    /// Loads the list of conversations again after a failure.
    pub(crate) fn retry_conversations(&self) {
        self.conversations.listed.set(Load::Pending);
        spawn_local(self.load_conversations());
    }
}
