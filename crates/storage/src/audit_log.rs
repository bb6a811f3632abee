//! The audit log: what happened to accounts and rights.
//!
//! Invariant: rows are added and, once they are old, deleted. Nothing here changes a row.

use diesel::prelude::*;
use parlour_protocol::ids::UserId;

use crate::schema::audit_log;
use crate::{Connection, Result};

/// An entry of the log.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_log)]
pub struct AuditRow {
    /// Position; increases with every entry, with gaps.
    pub id: i64,
    /// When it happened, in microseconds since 1970.
    pub at: i64,
    /// What happened; see [`parlour_protocol::audit::AuditKind`].
    pub kind: String,
    /// Who did it, if known.
    pub actor_id: Option<UserId>,
    /// The account it was done to, if any.
    pub subject_id: Option<UserId>,
    /// IP address of the client, if a request caused it.
    pub address: Option<String>,
    /// Operation id, for denied requests.
    pub operation: Option<String>,
}

/// An entry to add.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = audit_log)]
pub struct NewAuditRow {
    /// When it happened, in microseconds since 1970.
    pub at: i64,
    /// What happened; see [`parlour_protocol::audit::AuditKind`].
    pub kind: String,
    /// Who did it, if known.
    pub actor_id: Option<UserId>,
    /// The account it was done to, if any.
    pub subject_id: Option<UserId>,
    /// IP address of the client, if a request caused it.
    pub address: Option<String>,
    /// Operation id, for denied requests.
    pub operation: Option<String>,
}

/// Adds an entry.
pub fn insert(conn: &mut Connection, row: NewAuditRow) -> Result<usize> {
    Ok(diesel::insert_into(audit_log::table).values(row).execute(conn)?)
}

/// Entries before a position, newest first; of one kind if given.
pub fn list(conn: &mut Connection, before: i64, kind: Option<&str>, limit: i64) -> Result<Vec<AuditRow>> {
    let mut query =
        audit_log::table.filter(audit_log::id.lt(before)).select(AuditRow::as_select()).into_boxed();
    if let Some(kind) = kind {
        query = query.filter(audit_log::kind.eq(kind.to_owned()));
    }
    Ok(query.order(audit_log::id.desc()).limit(limit).load(conn)?)
}

/// Deletes entries older than `moment`.
pub fn delete_before(conn: &mut Connection, moment: i64) -> Result<usize> {
    Ok(diesel::delete(audit_log::table.filter(audit_log::at.lt(moment))).execute(conn)?)
}
