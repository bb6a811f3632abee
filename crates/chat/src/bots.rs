//! Bots: accounts without a password that belong to a user.
//!
//! Invariant: a bot is never more than its owner: its tokens end when the owner is suspended, and it is deleted with
//! the owner. It never gets a password or rights over the server.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::bots::{Bot, CreateBot};
use parlour_protocol::ids::UserId;
use parlour_protocol::limits;
use parlour_protocol::own_data::Erased;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::Timestamp;
use parlour_protocol::validation::{self, Violations};
use parlour_storage::users::UserRow;
use parlour_storage::{Connection, sessions, users};

use crate::audit::{Note, note};
use crate::identity::sessions::ended;
use crate::identity::{account_erasure, accounts};
use crate::outcome::{Done, Outcome};
use crate::{Effect, Refusal};

/// Validates a new bot.
pub fn check_create(request: &CreateBot) -> Result<(), Refusal> {
    Violations::default()
        .check("handle", validation::handle(&request.handle))
        .check_opt("display_name", request.display_name.as_deref(), validation::display_name)
        .finish()
        .map_err(Refusal::from)
}

/// Creates a bot that belongs to a user.
pub fn create(
    conn: &mut Connection,
    now: Timestamp,
    owner: UserId,
    id: UserId,
    request: &CreateBot,
) -> Done<Bot> {
    // Counted against the limit under the owner's lock.
    users::lock_pair(conn, owner, owner)?;
    users::find(conn, owner)?
        .filter(|row| row.is_active() && !row.is_bot())
        .ok_or(ErrorCode::Unauthenticated)?;
    if users::list_bots(conn, owner)?.len() as i64 >= limits::BOTS_PER_USER {
        return Err(Refusal::because(ErrorCode::LimitReached, "You have too many bots."));
    }
    let row = accounts::new_row(conn, now, id, (&request.handle, request.display_name.as_deref()))?;
    let row = UserRow { owner_id: Some(owner), ..row };
    users::insert(conn, &row)?;
    note(conn, now, Note::by(AuditKind::BotCreated, owner).about(id))?;
    Ok(Outcome::without_events(view(&row, owner)))
}

/// A user's bots, oldest first.
pub fn list(conn: &mut Connection, owner: UserId) -> Result<Vec<Bot>, Refusal> {
    Ok(users::list_bots(conn, owner)?.iter().map(|row| view(row, owner)).collect())
}

/// A bot of this user; for anyone else it doesn't exist.
pub(crate) fn own(conn: &mut Connection, owner: UserId, bot: UserId) -> Result<UserRow, Refusal> {
    let found = users::find(conn, bot)?;
    let own = found.filter(|row| row.owner_id == Some(owner) && row.deleted_at.is_none());
    Ok(own.ok_or(ErrorCode::NotFound)?)
}

/// Deletes a bot, like an account that its user deletes.
pub fn delete(
    conn: &mut Connection,
    now: Timestamp,
    owner: UserId,
    bot: UserId,
    address: &str,
) -> Done<Erased> {
    own(conn, owner, bot)?;
    note(conn, now, Note::by(AuditKind::BotDeleted, owner).about(bot).from(address))?;
    account_erasure::end_account(conn, now, bot)
}

/// Ends the tokens of a user's bots, because the user is no longer active.
pub(crate) fn stop_all(conn: &mut Connection, now: Timestamp, owner: UserId) -> Result<Vec<Effect>, Refusal> {
    let mut effects = Vec::new();
    for bot in users::list_bots(conn, owner)? {
        let revoked = sessions::revoke(conn, bot.id, None, None, now.0)?;
        effects.extend(ended(now, bot.id, &revoked));
    }
    Ok(effects)
}

fn view(row: &UserRow, owner: UserId) -> Bot {
    Bot { user: row.summary(), owner, created_at: Timestamp(row.created_at) }
}
