//! Entries of the audit log about requests that changed nothing, written in the background.
//!
//! Invariant: they are bounded, since strangers can cause any number of them. Whatever changes something is noted in the
//! transaction that changes it.

use std::sync::Arc;

use parlour_chat::Outcome;
use parlour_chat::audit::{self, Note};
use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::UserId;
use parlour_storage::users::UserRow;
use parlour_storage::{Lane, users};

use super::App;

impl App {
    /// Writes an audit log entry in the background, in a transaction of its own. A few may be queued; more are
    /// dropped.
    pub fn note(self: &Arc<Self>, line: Note) {
        self.note_if(line, |_| true);
    }

    /// Like [`Self::note`], but only if the stored actor matches `applies`, or there is no actor.
    fn note_if(
        self: &Arc<Self>,
        line: Note,
        applies: impl Fn(&UserRow) -> bool + Clone + Send + Sync + 'static,
    ) {
        let Ok(place) = self.notes.clone().try_acquire_owned() else {
            tracing::warn!(kind = line.kind.as_str(), "the audit log cannot keep up; a line was left out");
            return;
        };
        let app = self.clone();
        tokio::spawn(async move {
            let lane = Lane::Person(line.actor.unwrap_or(UserId(0)));
            let done = app
                .commit(lane, move |conn, now| {
                    let actor = match line.actor {
                        Some(user) => users::find(conn, user)?,
                        None => None,
                    };
                    if actor.as_ref().is_none_or(&applies) {
                        audit::note(conn, now, line.clone())?;
                    }
                    Ok(Outcome::without_events(()))
                })
                .await;
            if let Err(error) = done {
                tracing::warn!(%error, "a line of the audit log was lost");
            }
            drop(place);
        });
    }

    /// Audits a denied request; of many in a row, only some.
    pub fn note_denied(self: &Arc<Self>, user: UserId, operation: String, address: Option<String>) {
        if self.budgets.denials.take(user).is_ok() {
            let line = Note::by(AuditKind::Denied, user);
            let line = Note { operation: Some(operation), address, ..line };
            // An administrator whose request below `/admin/` finds nothing was not denied anything.
            let for_admins = line.operation.as_ref().is_some_and(|text| text.contains("/admin/"));
            self.note_if(line, move |row| !(for_admins && row.is_admin));
        }
    }
}
