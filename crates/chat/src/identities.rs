//! Accounts with a provider of OpenID Connect: whom they log in, and who may have which.
//!
//! Invariant: issuer and subject together belong to one account here at most; an address of e-mail, which a provider may
//! tell wrongly, never joins accounts. Nobody removes the last way into their account.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::identities::{CreateProviderAccount, Identity};
use parlour_protocol::ids::{IdentityId, UserId};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::Timestamp;
use parlour_protocol::validation::{self, Violations};
use parlour_storage::identities::IdentityRow;
use parlour_storage::users::UserRow;
use parlour_storage::{Connection, identities, users};

use crate::Refusal;
use crate::audit::{Note, note};
use crate::outcome::{Done, Outcome};

/// Accounts with providers that one person may add.
const MOST: usize = 5;

/// Checks a registration.
pub fn check_registration(request: &CreateProviderAccount) -> Result<(), Refusal> {
    Violations::default()
        .check("handle", validation::handle(&request.handle))
        .check_opt("display_name", request.display_name.as_deref(), validation::display_name)
        .check_opt("device", request.device.as_deref(), validation::device)
        .check_opt("invite", request.invite.as_deref(), validation::invite)
        .finish()
        .map_err(Refusal::from)
}

/// Who logs in with it, if anybody here does. Suspended accounts answer like wrong passwords.
pub fn log_in(
    conn: &mut Connection,
    now: Timestamp,
    issuer: &str,
    subject: &str,
) -> Result<Option<UserRow>, Refusal> {
    let Some(identity) = identities::find(conn, issuer, subject)? else {
        return Ok(None);
    };
    let row = users::find(conn, UserId(identity.user_id))?
        .filter(|row| row.suspended_at.is_none() && row.deleted_at.is_none())
        .ok_or(ErrorCode::BadCredentials)?;
    if row.pending_since.is_some() {
        return Err(ErrorCode::ApprovalPending.into());
    }
    identities::touch(conn, IdentityId(identity.id), now.0)?;
    Ok(Some(row))
}

/// Adds one to somebody's account. The same one again changes nothing.
pub fn add(
    conn: &mut Connection,
    now: Timestamp,
    id: IdentityId,
    user: UserId,
    issuer: &str,
    subject: &str,
) -> Done<Identity> {
    match identities::find(conn, issuer, subject)? {
        Some(row) if row.user_id == user.0 => return Ok(Outcome::quiet(shown(row))),
        Some(_) => {
            return Err(Refusal::because(ErrorCode::Conflict, "It belongs to another account here."));
        }
        None => {}
    }
    if identities::list(conn, user)?.len() >= MOST {
        return Err(Refusal::because(ErrorCode::LimitReached, format!("You can connect {MOST} at most.")));
    }
    let row = IdentityRow {
        id: id.0,
        user_id: user.0,
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        created_at: now.0,
        last_used_at: None,
    };
    identities::insert(conn, &row)?;
    note(conn, now, Note::by(AuditKind::IdentityAdded, user))?;
    Ok(Outcome::quiet(shown(row)))
}

/// One's own.
pub fn list(conn: &mut Connection, user: UserId) -> Result<Vec<Identity>, Refusal> {
    Ok(identities::list(conn, user)?.into_iter().map(shown).collect())
}

/// Removes one of one's own.
pub fn remove(conn: &mut Connection, now: Timestamp, user: UserId, id: IdentityId) -> Done<()> {
    let row = crate::accounts::find(conn, user)?;
    if !identities::delete(conn, user, id)? {
        return Err(ErrorCode::NotFound.into());
    }
    if !row.has_password() && identities::list(conn, user)?.is_empty() {
        return Err(Refusal::because(ErrorCode::Conflict, "Set a password first, or you couldn't log in."));
    }
    note(conn, now, Note::by(AuditKind::IdentityRemoved, user))?;
    Ok(Outcome::quiet(()))
}

fn shown(row: IdentityRow) -> Identity {
    Identity {
        id: IdentityId(row.id),
        issuer: row.issuer,
        created_at: Timestamp(row.created_at),
        last_used_at: row.last_used_at.map(Timestamp),
    }
}
