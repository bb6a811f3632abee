//! What happened to accounts and rights.
//!
//! Invariant: rows are added and, when they are old, removed. Nothing here changes one.

use diesel::prelude::*;

use crate::Connection;
use crate::schema::audit_log;

/// A line of the log.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_log)]
pub struct AuditRow {
    /// Position; later lines have larger ones, with holes.
    pub id: i64,
    /// When.
    pub at: i64,
    /// What.
    pub kind: String,
    /// Who did it.
    pub actor_id: Option<i64>,
    /// To whom.
    pub subject_id: Option<i64>,
    /// From which address.
    pub address: Option<String>,
    /// With which operation.
    pub operation: Option<String>,
}

/// A line to add.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = audit_log)]
pub struct NewAuditRow {
    /// When.
    pub at: i64,
    /// What.
    pub kind: String,
    /// Who did it.
    pub actor_id: Option<i64>,
    /// To whom.
    pub subject_id: Option<i64>,
    /// From which address.
    pub address: Option<String>,
    /// With which operation.
    pub operation: Option<String>,
}

/// Adds a line.
pub fn insert(conn: &mut Connection, row: NewAuditRow) -> QueryResult<usize> {
    diesel::insert_into(audit_log::table).values(row).execute(conn)
}

/// Lines before a position, newest first.
pub fn list(
    conn: &mut Connection,
    before: i64,
    kind: Option<&str>,
    limit: i64,
) -> QueryResult<Vec<AuditRow>> {
    let mut query =
        audit_log::table.filter(audit_log::id.lt(before)).select(AuditRow::as_select()).into_boxed();
    if let Some(kind) = kind {
        query = query.filter(audit_log::kind.eq(kind.to_owned()));
    }
    query.order(audit_log::id.desc()).limit(limit).load(conn)
}

/// Removes what is older than a moment.
pub fn delete_before(conn: &mut Connection, moment: i64) -> QueryResult<usize> {
    diesel::delete(audit_log::table.filter(audit_log::at.lt(moment))).execute(conn)
}
