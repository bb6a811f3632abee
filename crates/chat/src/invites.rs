//! Invites: creating, listing and revoking them.
//!
//! Invariant: a code is used in the transaction that registers, so it never admits more people than it allows.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::{InviteId, UserId};
use parlour_protocol::invites::{CreateInvite, Invite};
use parlour_protocol::limits;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{DAY, Timestamp};
use parlour_storage::invites::InviteRow;
use parlour_storage::{Connection, invites};

use crate::audit::{Note, note};
use crate::outcome::{Done, Outcome};
use crate::rights::demand_inviter;
use crate::rooms::Listed;
use crate::{Refusal, cut_page};

fn view(row: &InviteRow) -> Invite {
    Invite {
        id: row.id,
        created_by: row.created_by,
        created_at: Timestamp(row.created_at),
        expires_at: Timestamp(row.expires_at),
        uses: row.uses,
        used: row.used,
    }
}

/// Creates an invite from the hash of its code.
pub fn create(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    members_may: bool,
    id: InviteId,
    code_hash: &[u8],
    request: &CreateInvite,
) -> Done<Invite> {
    let admin = demand_inviter(conn, user, members_may)?;
    let (uses, days) = (request.uses.unwrap_or(1), request.days.unwrap_or(7));
    if !(1..=1000).contains(&uses) {
        return Err(Refusal::field("uses", "From 1 to 1000."));
    }
    if !(1..=365).contains(&days) {
        return Err(Refusal::field("days", "From 1 to 365."));
    }
    let most = if admin { limits::INVITES_PER_ADMIN } else { limits::INVITES_PER_USER };
    if invites::list_open(conn, Some(user), now.0, None, most)?.len() as i64 >= most {
        return Err(Refusal::because(ErrorCode::LimitReached, "You have too many open invites."));
    }
    let row = InviteRow {
        id,
        code_hash: code_hash.to_vec(),
        created_by: user,
        created_at: now.0,
        expires_at: now.0 + days * DAY,
        uses,
        used: 0,
        revoked_at: None,
    };
    invites::insert(conn, &row)?;
    note(conn, now, Note::by(AuditKind::InviteCreated, user))?;
    Ok(Outcome::without_events(view(&row)))
}

/// A page of invites that can still be used, newest first: the user's own, or all for administrators.
pub fn list(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    members_may: bool,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Listed<Invite>, Refusal> {
    let admin = demand_inviter(conn, user, members_may)?;
    let mut rows = invites::list_open(conn, (!admin).then_some(user), now.0, after, limit + 1)?;
    let next = cut_page(&mut rows, limit, |row| (row.created_at, row.id.0));
    Ok((rows.iter().map(view).collect(), next))
}

/// Revokes an invite: one of the user's own, or anyone's for administrators.
pub fn revoke(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    members_may: bool,
    id: InviteId,
) -> Done<()> {
    let admin = demand_inviter(conn, user, members_may)?;
    if !invites::revoke(conn, id, (!admin).then_some(user), now.0)? {
        return Err(ErrorCode::NotFound.into());
    }
    note(conn, now, Note::by(AuditKind::InviteRevoked, user))?;
    Ok(Outcome::without_events(()))
}
