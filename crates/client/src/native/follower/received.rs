//! Handles the server's frames: applies events, settles pending commands, and fetches the log where events are missing.

use std::time::Duration;

use parlour_protocol::conversations::EventPage;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::socket::{ClientFrame, ErrorFrame, Event, OkFrame, ServerFrame, UserChange, UserEvent};
use tokio::time::Instant;

use super::Update;
use super::connection::{Connection, End, Waiting};
use crate::engine::Verdict;
use crate::native::api::ApiError;
use crate::native::socket::Socket;

/// Delay before a refused command that may succeed later is retried, unless the server gives another.
const RETRY: Duration = Duration::from_secs(1);

impl Connection {
    pub(super) async fn receive(&mut self, socket: &mut Socket, frame: ServerFrame) -> Result<(), End> {
        match frame {
            ServerFrame::Ok(answer) => self.answered(socket, *answer).await,
            ServerFrame::Error(error) => self.refused(error).await,
            ServerFrame::Event(event) => self.event(socket, event).await,
            ServerFrame::UserEvent(event) => self.user_event(event).await,
            ServerFrame::Ephemeral(ephemeral) => self.tell(Update::Ephemeral(ephemeral)).await,
            ServerFrame::Heads { conversations, .. } => {
                for (conversation, head) in conversations {
                    self.learn(socket, conversation, head).await?;
                }
                Ok(())
            }
            ServerFrame::Resync { conversations, user } => {
                for (conversation, head) in conversations {
                    self.learn(socket, conversation, head).await?;
                }
                match user {
                    // The user's own stream is read only at `start`.
                    Some(head) if self.cursors.user().is_some_and(|cursor| cursor < head) => Err(End::Again),
                    _ => Ok(()),
                }
            }
            ServerFrame::Hello(_) | ServerFrame::Unknown => Ok(()),
        }
    }

    async fn event(&mut self, socket: &mut Socket, event: Event) -> Result<(), End> {
        match self.cursors.observe(event.conversation, event.seq) {
            Verdict::Apply => self.tell(Update::Event(event)).await,
            Verdict::Ignore => Ok(()),
            Verdict::Fetch { .. } => self.learn(socket, event.conversation, event.seq).await,
        }
    }

    async fn user_event(&mut self, event: UserEvent) -> Result<(), End> {
        match self.cursors.observe_user(event.seq) {
            Verdict::Ignore => return Ok(()),
            Verdict::Fetch { .. } => return Err(End::Again),
            Verdict::Apply => {}
        }
        let change = event.change.clone();
        self.tell(Update::UserEvent(event)).await?;
        match change {
            UserChange::ConversationJoined { conversation } if self.cursors.get(conversation).is_none() => {
                // Its head is fetched by REST, because the socket sends only what comes after.
                match self.api().show_conversation(conversation).await {
                    Ok(found) => {
                        self.cursors.follow(conversation, found.head);
                        self.tell(Update::Following { conversation, after: found.head }).await
                    }
                    // The user has already left it again.
                    Err(ApiError::Problem(_)) => Ok(()),
                    Err(ApiError::Transport(_)) => Err(End::Again),
                }
            }
            UserChange::ConversationLeft { conversation } => {
                self.cursors.forget(conversation);
                self.wanted.remove(&conversation);
                self.tell(Update::Left(conversation)).await
            }
            _ => Ok(()),
        }
    }

    /// Notes a head and fetches the log up to it, unless a fetch is already running.
    pub(super) async fn learn(
        &mut self,
        socket: &mut Socket,
        conversation: ConversationId,
        head: Seq,
    ) -> Result<(), End> {
        let Verdict::Fetch { after } = self.cursors.observe_head(conversation, head) else {
            return Ok(());
        };
        if let Some(wanted) = self.wanted.get_mut(&conversation) {
            *wanted = head.max(*wanted);
            return Ok(());
        }
        self.wanted.insert(conversation, head);
        self.sync(socket, conversation, after).await
    }

    async fn sync(
        &mut self,
        socket: &mut Socket,
        conversation: ConversationId,
        after: Seq,
    ) -> Result<(), End> {
        let id = self.id(Waiting::Sync(conversation));
        Ok(socket.send(&ClientFrame::Sync { id, conversation, after, limit: None }).await?)
    }

    async fn answered(&mut self, socket: &mut Socket, answer: OkFrame) -> Result<(), End> {
        match self.waiting.remove(&answer.id) {
            Some(Waiting::Send(cid)) => {
                self.outbox.settled(&cid);
                let (seq, duplicate) = (answer.seq.unwrap_or(0), answer.duplicate.unwrap_or(false));
                self.tell(Update::Sent { cid, seq, duplicate }).await
            }
            Some(Waiting::Sync(conversation)) => {
                let items = answer.events.unwrap_or_default();
                let page = EventPage::after(0, items, answer.head.unwrap_or(0));
                self.page(socket, conversation, page).await
            }
            Some(Waiting::Other) | None => Ok(()),
        }
    }

    async fn page(
        &mut self,
        socket: &mut Socket,
        conversation: ConversationId,
        page: EventPage,
    ) -> Result<(), End> {
        let empty = page.items.is_empty();
        for event in page.items {
            if self.cursors.observe(event.conversation, event.seq) == Verdict::Apply {
                self.tell(Update::Event(event)).await?;
            }
        }
        let wanted = self.wanted.remove(&conversation).unwrap_or(0).max(page.head);
        match self.cursors.observe_head(conversation, wanted) {
            Verdict::Fetch { after } if !empty => {
                self.wanted.insert(conversation, wanted);
                self.sync(socket, conversation, after).await
            }
            // The log ends before the announced head: another epoch. Reconnecting resolves it.
            Verdict::Fetch { .. } => Err(End::Again),
            _ => Ok(()),
        }
    }

    async fn refused(&mut self, error: ErrorFrame) -> Result<(), End> {
        let detail = error.detail.unwrap_or_else(|| error.code.title().to_owned());
        match error.id.and_then(|id| self.waiting.remove(&id)) {
            Some(Waiting::Send(cid)) if error.retry => {
                let wait = error.retry_after_ms.map_or(RETRY, Duration::from_millis);
                self.again.push((Instant::now() + wait, cid));
                Ok(())
            }
            Some(Waiting::Send(cid)) => {
                self.outbox.settled(&cid);
                self.tell(Update::Refused { cid, code: error.code, detail }).await
            }
            Some(Waiting::Sync(conversation)) => {
                self.wanted.remove(&conversation);
                if error.retry {
                    // The new connection fetches the log again.
                    return Err(End::Again);
                }
                self.cursors.forget(conversation);
                self.tell(Update::Left(conversation)).await
            }
            Some(Waiting::Other) | None => Ok(()),
        }
    }
}
