//! Rooms, friends and direct chats: lists them and enters them.

use parlour_protocol::conversations::Conversation;
use parlour_protocol::ids::ConversationId;

use super::Trouble;
use super::chat::Chat;
use crate::operations::{ListMessages, ListNamed, MessagesAt, calls};

/// Number of earlier messages shown on entering a conversation.
pub(super) const HISTORY: i64 = 20;
/// Number of rooms listed, and the page size when searching for a room by name.
const ROOMS: i64 = 50;

impl Chat<'_> {
    /// The display name of a conversation; its id if it cannot be fetched.
    pub(super) async fn place(&mut self, id: ConversationId) -> String {
        if !self.places.contains_key(&id)
            && let Ok(conversation) = self.api.show_conversation(id).await
        {
            self.places.insert(id, name(&conversation));
        }
        self.places.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// Makes this the conversation that typed lines are sent to, and shows its latest messages.
    async fn enter(&mut self, conversation: Conversation) -> Result<(), Trouble> {
        let id = conversation.id;
        let newest = ListMessages { authors: Some(true), ..MessagesAt::Newest.limit(HISTORY) };
        let page = self.api.list_messages(id, &newest).await?;
        self.here = Some(id);
        self.places.insert(id, name(&conversation));
        self.follower.focus(vec![id]).await?;
        let topic = conversation.topic.as_deref().filter(|topic| !topic.is_empty());
        let topic = topic.map(|topic| format!(": {topic}")).unwrap_or_default();
        self.screen.note(&format!("You are in {}{topic}", name(&conversation)))?;
        self.people.learn(&page.authors);
        for message in &page.items {
            self.show_message("", message).await?;
        }
        self.shown.insert(id, page.head);
        Ok(())
    }

    /// Lists the user's conversations and the server's rooms.
    pub(super) async fn rooms(&mut self) -> Result<(), Trouble> {
        let mine = self.api.every(calls::list_conversations).await?;
        let some = self.api.list_rooms(&ListNamed { limit: Some(ROOMS), ..ListNamed::default() }).await?;
        for conversation in mine.items {
            let here = if self.here == Some(conversation.id) { " (you are here)" } else { "" };
            let unread = match conversation.unread {
                0 => String::new(),
                unread => format!(", {unread} unread"),
            };
            let name = name(&conversation);
            self.screen.line(&format!("  {name}{here}{unread}"))?;
            self.places.insert(conversation.id, name);
        }
        for room in some.items.iter().filter(|room| room.role.is_none()) {
            let people = if room.member_count == 1 { "person" } else { "people" };
            self.screen.line(&format!("  #{0} ({1} {people}; /join {0})", room.name, room.member_count))?;
        }
        if some.next.is_some() {
            self.screen.line("  … and more")?;
        }
        Ok(())
    }

    /// Joins the room with this name, ignoring case.
    pub(super) async fn join(&mut self, wanted: &str) -> Result<(), Trouble> {
        let mut query =
            ListNamed { search: Some(wanted.to_owned()), limit: Some(ROOMS), ..ListNamed::default() };
        loop {
            let page = self.api.list_rooms(&query).await?;
            let same = |name: &str| name.to_lowercase() == wanted.to_lowercase();
            if let Some(room) = page.items.iter().find(|room| same(&room.name)) {
                let conversation = self.api.join_room(room.id).await?;
                return self.enter(conversation).await;
            }
            query.after = page.next;
            if query.after.is_none() {
                return Err(Trouble::Refused(format!("There is no room #{wanted}.")));
            }
        }
    }

    /// Lists the user's friends.
    pub(super) async fn friends(&mut self) -> Result<(), Trouble> {
        let friends = self.api.every(calls::list_friends).await?.items;
        if friends.is_empty() {
            self.screen.note("You have no friends here yet.")?;
        }
        for friend in friends {
            let online = if friend.online { " (online)" } else { "" };
            self.screen.line(&format!("  @{} {}{online}", friend.user.handle, friend.user.display_name))?;
        }
        Ok(())
    }

    /// Opens the direct chat with a friend.
    pub(super) async fn direct(&mut self, handle: &str) -> Result<(), Trouble> {
        let profile = self.api.show_user(handle).await?;
        let conversation = self.api.open_direct(profile.user.id).await?;
        self.enter(conversation).await
    }
}

fn name(conversation: &Conversation) -> String {
    match (&conversation.name, &conversation.peer) {
        (Some(name), _) => format!("#{name}"),
        (None, Some(peer)) => format!("@{}", peer.handle),
        (None, None) => conversation.id.to_string(),
    }
}
