//! Replies to commands.
//!
//! Invariant: the size of a reply is charged to the person, unless it is small by nature.

use std::sync::Arc;

use parlour_protocol::ids::UserId;
use parlour_protocol::socket::{ClientFrame, OkFrame, ServerFrame};
use parlour_realtime::{Outbox, Urgency, frames};
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::problems::ApiError;

/// A command in progress, with what is needed to reply to it.
pub(super) struct Replying {
    pub app: Arc<App>,
    pub outbox: Arc<Outbox>,
    pub user: Option<UserId>,
    pub command: &'static str,
    pub id: u64,
    /// Its place among the concurrent commands of the connection.
    pub _place: OwnedSemaphorePermit,
}

impl Replying {
    pub fn with(self, outcome: Result<OkFrame, ApiError>) {
        if let (Err(error), Some(user)) = (&outcome, self.user)
            && error.problem.status == 403
        {
            self.app.note_denied(user, format!("socket {}", self.command), None);
        }
        let size = reply(&self.outbox, Some(self.id), outcome, Urgency::Now);
        if let Some(user) = self.user {
            self.app.budgets.charge_for_size(user, size);
        }
    }
}

/// Queues a reply and returns its length in bytes.
pub(super) fn reply(
    outbox: &Outbox,
    id: Option<u64>,
    outcome: Result<OkFrame, ApiError>,
    urgency: Urgency,
) -> usize {
    let frame = match outcome {
        Ok(ok) => ServerFrame::Ok(Box::new(ok)),
        Err(error) => {
            if let Some(cause) = &error.cause {
                tracing::error!(cause, "command failed");
            }
            ServerFrame::Error(error.frame(id))
        }
    };
    let frame = frames::encode(&frame);
    let size = frame.len();
    outbox.reply(frame, urgency);
    size
}

/// The id of a command; `None` for `typing`, which gets no reply.
pub(super) fn id_of(frame: &ClientFrame) -> Option<u64> {
    match frame {
        ClientFrame::Start(start) => Some(start.id),
        ClientFrame::Send { id, .. }
        | ClientFrame::Edit { id, .. }
        | ClientFrame::Delete { id, .. }
        | ClientFrame::React { id, .. }
        | ClientFrame::Read { id, .. }
        | ClientFrame::Focus { id, .. }
        | ClientFrame::Sync { id, .. }
        | ClientFrame::Ping { id } => Some(*id),
        ClientFrame::Typing { .. } => None,
    }
}
