//! What administrators do.
//!
//! Invariant: everyone else gets `not_found`, so that nothing here reveals that it exists.

use parlour_protocol::accounts::ServerRole;
use parlour_protocol::admin::{AdminUser, Statistics};
use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::Timestamp;
use parlour_protocol::validation;
use parlour_storage::users::{UserChanges, UserRow};
use parlour_storage::{Connection, admin, second_factors, sessions, users};

use crate::audit::{Note, note};
use crate::identity::sessions::ended;
use crate::outcome::{Done, Outcome};
use crate::rights::demand_admin;
use crate::rooms::Listed;
use crate::{Effect, Refusal, bots, cut_page};

/// An account that isn't deleted.
fn living(conn: &mut Connection, who: UserId) -> Result<UserRow, Refusal> {
    Ok(users::find(conn, who)?.filter(|row| row.deleted_at.is_none()).ok_or(ErrorCode::NotFound)?)
}

/// Accounts as administrators see them. Nobody else can see whether a user has a second factor.
fn views(conn: &mut Connection, rows: &[UserRow]) -> Result<Vec<AdminUser>, Refusal> {
    let ids: Vec<UserId> = rows.iter().map(|row| row.id).collect();
    let protected = second_factors::list_protected(conn, &ids)?;
    Ok(rows.iter().map(|row| view(row, protected.contains(&row.id))).collect())
}

fn view_one(conn: &mut Connection, row: &UserRow) -> Result<AdminUser, Refusal> {
    let protected = second_factors::list_protected(conn, &[row.id])?;
    Ok(view(row, !protected.is_empty()))
}

fn view(row: &UserRow, second_factor: bool) -> AdminUser {
    AdminUser {
        second_factor,
        user: row.summary(),
        role: if row.is_admin { ServerRole::Admin } else { ServerRole::Member },
        created_at: Timestamp(row.created_at),
        suspended_at: row.suspended_at.map(Timestamp),
        pending_since: row.pending_since.map(Timestamp),
        owner: row.owner_id,
    }
}

/// A page of accounts in the order of their handles, and the cursor of the next page.
pub fn list_users(
    conn: &mut Connection,
    user: UserId,
    search: &str,
    after: &str,
    limit: i64,
) -> Result<(Vec<AdminUser>, Option<String>), Refusal> {
    demand_admin(conn, user)?;
    let mut rows = admin::list_users(conn, &validation::fold(search), after, limit + 1)?;
    let next = cut_page(&mut rows, limit, |row| row.handle_key.clone());
    Ok((views(conn, &rows)?, next))
}

/// Suspends an account. All its sessions and tokens end at once, and so do those of its bots; logging in fails as if
/// the password were wrong.
pub fn suspend(conn: &mut Connection, now: Timestamp, user: UserId, who: UserId) -> Done<AdminUser> {
    demand_admin(conn, user)?;
    if who == user {
        return Err(Refusal::because(ErrorCode::Conflict, "You can't suspend yourself."));
    }
    let row = living(conn, who)?;
    if row.is_admin && admin::count_other_admins(conn, who)? == 0 {
        return Err(Refusal::because(ErrorCode::Conflict, "The last administrator can't be suspended."));
    }
    if row.suspended_at.is_some() {
        return Ok(Outcome::without_events(view_one(conn, &row)?));
    }
    users::update(conn, who, UserChanges { suspended_at: Some(Some(now.0)), ..UserChanges::default() })?;
    note(conn, now, Note::by(AuditKind::Suspended, user).about(who))?;
    let revoked = sessions::revoke(conn, who, None, None, now.0)?;
    let mut effects: Vec<Effect> = ended(now, who, &revoked);
    effects.extend(bots::stop_all(conn, now, who)?);
    let row = users::find(conn, who)?.ok_or(ErrorCode::NotFound)?;
    Ok(Outcome { value: view_one(conn, &row)?, effects })
}

/// Lifts a suspension.
pub fn reinstate(conn: &mut Connection, now: Timestamp, user: UserId, who: UserId) -> Done<AdminUser> {
    demand_admin(conn, user)?;
    if living(conn, who)?.suspended_at.is_some() {
        note(conn, now, Note::by(AuditKind::Reinstated, user).about(who))?;
    }
    users::update(conn, who, UserChanges { suspended_at: Some(None), ..UserChanges::default() })?;
    let row = users::find(conn, who)?.ok_or(ErrorCode::NotFound)?;
    Ok(Outcome::without_events(view_one(conn, &row)?))
}

/// A page of accounts that wait for approval, longest wait first.
pub fn list_pending(
    conn: &mut Connection,
    user: UserId,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Listed<AdminUser>, Refusal> {
    demand_admin(conn, user)?;
    let mut rows = admin::list_pending(conn, after, limit + 1)?;
    let next = cut_page(&mut rows, limit, |row| Some((row.pending_since?, row.id.0))).flatten();
    Ok((views(conn, &rows)?, next))
}

/// Approves a waiting account. Doing it twice changes nothing.
pub fn approve(conn: &mut Connection, now: Timestamp, user: UserId, who: UserId) -> Done<AdminUser> {
    demand_admin(conn, user)?;
    if living(conn, who)?.pending_since.is_some() {
        note(conn, now, Note::by(AuditKind::Approved, user).about(who))?;
    }
    users::update(conn, who, UserChanges { pending_since: Some(None), ..UserChanges::default() })?;
    let row = users::find(conn, who)?.ok_or(ErrorCode::NotFound)?;
    Ok(Outcome::without_events(view_one(conn, &row)?))
}

/// Rejects a waiting account: deletes it and frees its handle.
pub fn reject(conn: &mut Connection, now: Timestamp, user: UserId, who: UserId) -> Done<()> {
    demand_admin(conn, user)?;
    if !admin::delete_pending(conn, who)? {
        return Err(ErrorCode::NotFound.into());
    }
    note(conn, now, Note::by(AuditKind::Rejected, user).about(who))?;
    Ok(Outcome::without_events(()))
}

/// Statistics of the whole server. The caller fills in the connections.
pub fn statistics(conn: &mut Connection, user: UserId) -> Result<Statistics, Refusal> {
    demand_admin(conn, user)?;
    let (users, rooms, directs, events) = admin::count_all(conn)?;
    Ok(Statistics { users, rooms, directs, events, online: 0, sockets: 0 })
}

/// Makes an existing account an administrator; for the command line.
pub fn promote(conn: &mut Connection, now: Timestamp, handle: &str) -> Done<bool> {
    let Some(row) = users::find_by_handle(conn, &validation::fold(handle))? else {
        return Ok(Outcome::without_events(false));
    };
    if row.is_bot() {
        return Err(Refusal::because(ErrorCode::Conflict, "A bot can't be an administrator."));
    }
    let id = row.id;
    note(conn, now, Note { actor: None, ..Note::by(AuditKind::Promoted, id).about(id) })?;
    users::update(
        conn,
        id,
        UserChanges { is_admin: Some(true), pending_since: Some(None), ..UserChanges::default() },
    )?;
    Ok(Outcome::without_events(true))
}
