//! The user's conversations as the sidebar lists them, and who is typing in them.

use std::collections::BTreeMap;

use leptos::prelude::*;
use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::rights::Permission;

use crate::state::conversations::{Counted, Effect};
use crate::state::load::Load;
use crate::state::order;
use crate::state::typing::Typing;

/// The conversations.
#[derive(Clone, Copy)]
pub(crate) struct Conversations {
    /// Whether the list was loaded.
    pub(crate) listed: RwSignal<Load<()>>,
    pub(crate) ids: RwSignal<Vec<ConversationId>>,
    entries: StoredValue<BTreeMap<ConversationId, ArcRwSignal<Conversation>>>,
    /// Per conversation: which unread messages arrived live.
    counted: StoredValue<Vec<(ConversationId, Counted)>>,
    pub(crate) typing: RwSignal<Typing>,
}

impl Conversations {
    /// An empty list that is not loaded yet.
    pub(crate) fn new() -> Self {
        Self {
            listed: RwSignal::new(Load::Pending),
            ids: RwSignal::new(Vec::new()),
            entries: StoredValue::new(BTreeMap::new()),
            counted: StoredValue::new(Vec::new()),
            typing: RwSignal::new(Typing::default()),
        }
    }

    /// Forgets all conversations.
    pub(crate) fn clear(&self) {
        self.listed.set(Load::Pending);
        self.ids.set(Vec::new());
        self.entries.set_value(BTreeMap::new());
        self.counted.set_value(Vec::new());
        self.typing.set(Typing::default());
    }

    /// The entry of a conversation, if the user is in it. Does not track changes of the list; see [`Self::ids`].
    pub(crate) fn entry(&self, id: ConversationId) -> Option<ArcRwSignal<Conversation>> {
        self.entries.with_value(|entries| entries.get(&id).cloned())
    }

    /// All entries. Tracks the list, but not the entries.
    pub(crate) fn all(&self) -> Vec<ArcRwSignal<Conversation>> {
        self.ids.get().into_iter().filter_map(|id| self.entry(id)).collect()
    }

    /// Whether the user is in a conversation. Tracks the list.
    pub(crate) fn contains(&self, id: ConversationId) -> bool {
        self.ids.with(|ids| ids.contains(&id))
    }

    /// Adds or replaces an entry, as the server describes it.
    pub(crate) fn put(&self, conversation: Conversation) {
        let id = conversation.id;
        self.counted.update_value(|counted| {
            counted.retain(|(one, _)| *one != id);
            counted.push((id, Counted::new(&conversation)));
        });
        match self.entry(id) {
            Some(entry) => entry.set(conversation),
            None => {
                self.entries.update_value(|entries| {
                    entries.insert(id, ArcRwSignal::new(conversation));
                });
                self.ids.update(|ids| ids.push(id));
            }
        }
    }

    /// Changes an entry together with its unread bookkeeping.
    pub(crate) fn change(
        &self,
        id: ConversationId,
        change: impl FnOnce(&mut Conversation, &mut Counted) -> Effect,
    ) -> Effect {
        let Some(entry) = self.entry(id) else { return Effect::default() };
        let before = entry.get_untracked();
        let mut after = before.clone();
        let mut effect = Effect::default();
        self.counted.update_value(|counted| {
            if let Some((_, counted)) = counted.iter_mut().find(|(one, _)| *one == id) {
                effect = change(&mut after, counted);
            }
        });
        if after != before {
            entry.set(after);
        }
        effect
    }

    /// Removes an entry.
    pub(crate) fn remove(&self, id: ConversationId) {
        self.entries.update_value(|entries| {
            entries.remove(&id);
        });
        self.ids.maybe_update(|ids| {
            let before = ids.len();
            ids.retain(|one| *one != id);
            ids.len() != before
        });
    }

    /// The conversations of one kind, in the order of the sidebar: rooms by name, direct chats by activity.
    pub(crate) fn ordered(&self, kind: ConversationKind) -> Vec<ConversationId> {
        let mut found: Vec<(String, i64, ConversationId)> = Vec::new();
        for entry in self.all() {
            entry.with(|entry| {
                if entry.kind == kind {
                    let name = entry.name.as_deref().unwrap_or_default().to_lowercase();
                    let at = if kind == ConversationKind::Direct { -entry.last_activity_at.0 } else { 0 };
                    found.push((name, at, entry.id));
                }
            });
        }
        order::sort_by(&mut found, Ord::cmp);
        found.into_iter().map(|(_, _, id)| id).collect()
    }

    /// The other person of a direct chat.
    pub(crate) fn peer(&self, id: ConversationId) -> Option<UserId> {
        self.entry(id)?.with_untracked(|entry| entry.peer.as_ref().map(|peer| peer.id))
    }

    /// The direct chat with a user, if there is one.
    pub(crate) fn direct_with(&self, user: UserId) -> Option<ConversationId> {
        self.ids.get_untracked().into_iter().find(|id| self.peer(*id) == Some(user))
    }

    /// Whether a conversation is of this kind, as far as it is known.
    pub(crate) fn is(&self, id: ConversationId, kind: ConversationKind) -> bool {
        self.entry(id).is_some_and(|entry| entry.with_untracked(|entry| entry.kind == kind))
    }

    /// Whether the user may write in a conversation.
    pub(crate) fn writable(&self, id: ConversationId) -> bool {
        self.entry(id).is_some_and(|entry| entry.with_untracked(|entry| entry.writable))
    }

    /// Whether the user may do this in a conversation of theirs.
    pub(crate) fn allows(&self, id: ConversationId, permission: Permission) -> bool {
        self.entry(id).is_some_and(|entry| entry.with_untracked(|entry| entry.can.contains(&permission)))
    }
}
