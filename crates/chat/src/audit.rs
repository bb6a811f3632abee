//! Noting what happens to accounts and rights, in the transaction in which it happens.
//!
//! Invariant: a line never holds what people wrote, a password or a token.

use parlour_protocol::audit::{AuditEntry, AuditKind};
use parlour_protocol::ids::UserId;
use parlour_protocol::time::Timestamp;
use parlour_storage::audit_log::{AuditRow, NewAuditRow};
use parlour_storage::{Connection, audit_log};

use crate::admin::demand_admin;
use crate::{Refusal, cut_page};

/// Longest address or operation that is kept, in bytes.
const LONGEST: usize = 120;

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Note {
    /// What.
    pub kind: AuditKind,
    /// Who did it.
    pub actor: Option<UserId>,
    /// To whom.
    pub subject: Option<UserId>,
    /// From which address, where a request is at hand.
    pub address: Option<String>,
    /// With which operation.
    pub operation: Option<String>,
}

impl Note {
    /// Something that a person did, to nobody in particular.
    pub fn by(kind: AuditKind, actor: UserId) -> Self {
        Self { kind, actor: Some(actor), subject: None, address: None, operation: None }
    }

    /// Something that was done by nobody who is known.
    pub fn nobody(kind: AuditKind) -> Self {
        Self { kind, actor: None, subject: None, address: None, operation: None }
    }

    /// Something that happened to a person.
    pub fn about(self, subject: UserId) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// Where it came from.
    pub fn from(self, address: &str) -> Self {
        Self { address: Some(address.to_owned()), ..self }
    }
}

/// Adds a line.
pub fn note(conn: &mut Connection, now: Timestamp, note: Note) -> Result<(), Refusal> {
    let short = |text: String| text.chars().take(LONGEST).collect::<String>();
    audit_log::insert(
        conn,
        NewAuditRow {
            at: now.0,
            kind: note.kind.as_str().to_owned(),
            actor_id: note.actor.map(|user| user.0),
            subject_id: note.subject.map(|user| user.0),
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
        actor: row.actor_id.map(UserId),
        subject: row.subject_id.map(UserId),
        address: row.address,
        operation: row.operation,
    }
}

/// A page of the log, newest first, and the cursor of the next one; for administrators.
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
