//! Formats messages and other events as lines.

use chrono::{Local, TimeZone};
use parlour_protocol::events::{Change, Event, UserChange};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::Message;
use parlour_protocol::time::Timestamp;

use super::Trouble;
use super::chat::Chat;
use super::places::HISTORY;
use crate::operations::MessagesAt;

impl Chat<'_> {
    /// Shows a message from the history.
    pub(super) async fn show_message(&mut self, place: &str, message: &Message) -> Result<(), Trouble> {
        let Some(body) = &message.body else { return Ok(()) };
        let author = self.people.name(&self.api, message.author).await;
        let edited = if message.edited_at.is_some() { " (edited)" } else { "" };
        Ok(self.screen.line(&format!("{} {place}<{author}> {body}{edited}", time(message.at)))?)
    }

    /// Shows the unread messages of a conversation that is new to the user, up to the position from which it is
    /// followed: for example when someone opens a direct chat and writes at once.
    pub(super) async fn show_missed(&mut self, id: ConversationId, up_to: Seq) -> Result<(), Trouble> {
        // The user may have left it again; then there is nothing to show.
        let Ok(conversation) = self.api.show_conversation(id).await else { return Ok(()) };
        if conversation.unread == 0 || self.here == Some(id) {
            return Ok(());
        }
        let newest = MessagesAt::Newest.limit(conversation.unread.min(HISTORY));
        let Ok(page) = self.api.list_messages(id, &newest).await else { return Ok(()) };
        let place = self.place(id).await;
        let missed = page.items.iter().filter(|one| one.seq > conversation.read_seq && one.seq <= up_to);
        for message in missed {
            self.show_message(&format!("[{place}] "), message).await?;
        }
        Ok(())
    }

    /// Shows an event of a conversation, unless it was already shown as history.
    pub(super) async fn show(&mut self, event: Event) -> Result<(), Trouble> {
        if self.shown.get(&event.conversation).is_some_and(|shown| event.seq <= *shown) {
            return Ok(());
        }
        let Some((who, what)) = told(&event.change) else { return Ok(()) };
        let who = self.people.name(&self.api, who).await;
        let place = match self.here == Some(event.conversation) {
            true => String::new(),
            false => format!("[{}] ", self.place(event.conversation).await),
        };
        let said = match what {
            What::Said(body) => format!("<{who}> {body}"),
            What::Did(did) => format!("* {who} {did}"),
        };
        Ok(self.screen.line(&format!("{} {place}{said}", time(event.at)))?)
    }

    /// Shows an event of the user's own stream.
    pub(super) async fn concerns(&mut self, change: UserChange) -> Result<(), Trouble> {
        let (user, what) = match change {
            UserChange::FriendRequested { user } => (user, "asks to be your friend."),
            UserChange::FriendAdded { user, accepted: true } => (user, "is your friend now."),
            _ => return Ok(()),
        };
        let who = self.people.name(&self.api, user).await;
        Ok(self.screen.note(&format!("@{who} {what}"))?)
    }
}

enum What<'e> {
    Said(&'e str),
    Did(String),
}

/// Who did what; `None` for changes that do not get a line.
fn told(change: &Change) -> Option<(UserId, What<'_>)> {
    Some(match change {
        Change::MessageCreated { author, body: Some(body), .. } => (*author, What::Said(body)),
        Change::MessageEdited { author, body: Some(body), .. } => {
            (*author, What::Did(format!("corrects: {body}")))
        }
        Change::MessageDeleted { actor, .. } => (*actor, What::Did("deleted a message".into())),
        Change::ReactionAdded { user, emoji, .. } => (*user, What::Did(format!("reacts with {emoji}"))),
        Change::MemberJoined { user, .. } => (*user, What::Did("came in".into())),
        Change::MemberLeft { user } => (*user, What::Did("went".into())),
        Change::RoomChanged { actor, name, topic } => {
            (*actor, What::Did(format!("changed the room: #{name}: {topic}")))
        }
        Change::RoomDeleted { actor } => (*actor, What::Did("deleted the room".into())),
        _ => return None,
    })
}

/// The time of day in the reader's time zone.
fn time(at: Timestamp) -> String {
    Local.timestamp_micros(at.0).single().map(|at| at.format("%H:%M").to_string()).unwrap_or_default()
}
