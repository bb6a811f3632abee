//! Accounts of an OpenID Connect provider: whom they log in, and who can link which.
//!
//! Invariant: issuer and subject together belong to at most one account here. An email address, which a provider may
//! report wrongly, never joins accounts. Nobody can remove the last way to log in to their account.

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

/// Maximum number of provider accounts that one user can link.
const MOST: usize = 5;

/// Validates a registration.
pub fn check_registration(request: &CreateProviderAccount) -> Result<(), Refusal> {
    Violations::default()
        .check("handle", validation::handle(&request.handle))
        .check_opt("display_name", request.display_name.as_deref(), validation::display_name)
        .check_opt("device", request.device.as_deref(), validation::device)
        .check_opt("invite", request.invite.as_deref(), validation::invite)
        .finish()
        .map_err(Refusal::from)
}

/// The user who logs in with it, if it is linked. Suspended accounts get the same error as a wrong password.
pub fn log_in(
    conn: &mut Connection,
    now: Timestamp,
    issuer: &str,
    subject: &str,
) -> Result<Option<UserRow>, Refusal> {
    let Some(identity) = identities::find(conn, issuer, subject)? else {
        return Ok(None);
    };
    let row = users::find(conn, identity.user_id)?
        .filter(|row| row.suspended_at.is_none() && row.deleted_at.is_none())
        .ok_or(ErrorCode::BadCredentials)?;
    if row.pending_since.is_some() {
        return Err(ErrorCode::ApprovalPending.into());
    }
    identities::touch(conn, identity.id, now.0)?;
    Ok(Some(row))
}

/// Links it to a user's account. Linking the same one again changes nothing.
pub fn add(
    conn: &mut Connection,
    now: Timestamp,
    id: IdentityId,
    user: UserId,
    issuer: &str,
    subject: &str,
) -> Done<Identity> {
    match identities::find(conn, issuer, subject)? {
        Some(row) if row.user_id == user => return Ok(Outcome::without_events(shown(row))),
        Some(_) => {
            return Err(Refusal::because(ErrorCode::Conflict, "It belongs to another account here."));
        }
        None => {}
    }
    if identities::list(conn, user)?.len() >= MOST {
        return Err(Refusal::because(ErrorCode::LimitReached, format!("You can connect {MOST} at most.")));
    }
    let row = IdentityRow {
        id,
        user_id: user,
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        created_at: now.0,
        last_used_at: None,
    };
    identities::insert(conn, &row)?;
    note(conn, now, Note::by(AuditKind::IdentityAdded, user))?;
    Ok(Outcome::without_events(shown(row)))
}

/// The user's linked accounts.
pub fn list(conn: &mut Connection, user: UserId) -> Result<Vec<Identity>, Refusal> {
    Ok(identities::list(conn, user)?.into_iter().map(shown).collect())
}

/// Unlinks one of them.
pub fn remove(conn: &mut Connection, now: Timestamp, user: UserId, id: IdentityId) -> Done<()> {
    let row = crate::identity::accounts::find(conn, user)?;
    if !identities::delete(conn, user, id)? {
        return Err(ErrorCode::NotFound.into());
    }
    if !row.has_password() && identities::list(conn, user)?.is_empty() {
        return Err(Refusal::because(ErrorCode::Conflict, "Set a password first, or you couldn't log in."));
    }
    note(conn, now, Note::by(AuditKind::IdentityRemoved, user))?;
    Ok(Outcome::without_events(()))
}

fn shown(row: IdentityRow) -> Identity {
    Identity {
        id: row.id,
        issuer: row.issuer,
        created_at: Timestamp(row.created_at),
        last_used_at: row.last_used_at.map(Timestamp),
    }
}
