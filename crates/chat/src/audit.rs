//! Records what happens to accounts and rights, in the transaction in which it happens.
//!
//! Invariant: an entry never contains text that users wrote, a password or a token.

use parlour_protocol::audit::{AuditEntry, AuditKind};
use parlour_protocol::ids::UserId;
use parlour_protocol::time::Timestamp;
use parlour_storage::audit_log::{AuditRow, NewAuditRow};
use parlour_storage::{Connection, audit_log};

use crate::rights::demand_admin;
use crate::{Refusal, cut_page};

/// Maximum length of an address or operation, in characters.
const LONGEST: usize = 120;

/// An entry to record.
#[derive(Debug, Clone)]
pub struct Note {
    /// What happened.
    pub kind: AuditKind,
    /// Who did it.
    pub actor: Option<UserId>,
    /// The account it was done to, if any.
    pub subject: Option<UserId>,
    /// IP address of the client, if a request caused it.
    pub address: Option<String>,
    /// Operation id, for denied requests.
    pub operation: Option<String>,
}

impl Note {
    /// Something a user did, without a subject.
    pub fn by(kind: AuditKind, actor: UserId) -> Self {
        Self { kind, actor: Some(actor), subject: None, address: None, operation: None }
    }

    /// Something done by someone unknown.
    pub fn nobody(kind: AuditKind) -> Self {
        Self { kind, actor: None, subject: None, address: None, operation: None }
    }

    /// Sets the account it was done to.
    pub fn about(self, subject: UserId) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// Sets the IP address it came from.
    pub fn from(self, address: &str) -> Self {
        Self { address: Some(address.to_owned()), ..self }
    }
}

/// Adds an entry.
pub fn note(conn: &mut Connection, now: Timestamp, note: Note) -> Result<(), Refusal> {
    let short = |text: String| text.chars().take(LONGEST).collect::<String>();
    audit_log::insert(
        conn,
        NewAuditRow {
            at: now.0,
            kind: note.kind.as_str().to_owned(),
            actor_id: note.actor,
            subject_id: note.subject,
            address: note.address.map(short),
            operation: note.operation.map(short),
        },
    )?;
    Ok(())
}

fn view(row: AuditRow) -> AuditEntry {
    AuditEntry {
        id: row.id,
        at: Timestamp(row.at),
        kind: AuditKind::of(&row.kind),
        actor: row.actor_id,
        subject: row.subject_id,
        address: row.address,
        operation: row.operation,
    }
}

/// A page of the log, newest first, and the cursor of the next page; for administrators.
pub fn list(
    conn: &mut Connection,
    user: UserId,
    before: i64,
    kind: Option<AuditKind>,
    limit: i64,
) -> Result<(Vec<AuditEntry>, Option<i64>), Refusal> {
    demand_admin(conn, user)?;
    let mut rows = audit_log::list(conn, before, kind.map(AuditKind::as_str), limit + 1)?;
    let next = cut_page(&mut rows, limit, |row| row.id);
    Ok((rows.into_iter().map(view).collect(), next))
}
