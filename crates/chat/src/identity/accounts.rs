//! The caller's own account: registering, reading and changing it.

use parlour_protocol::accounts::{Account, CreateAccount, UpdateAccount};
use parlour_protocol::audit::AuditKind;
use parlour_protocol::events::UserChange;
use parlour_protocol::ids::{AvatarId, SessionId, UserId};
use parlour_protocol::limits;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{DAY, Timestamp};
use parlour_protocol::validation::{self, Violations};
use parlour_storage::users::{AvatarRow, UserChanges, UserRow};
use parlour_storage::{Connection, admin, invites, password_resets, sessions, users};

use crate::audit::{Note, note};
use crate::identity::passwords;
use crate::identity::sessions::ended;
use crate::mail_queue::{self, MailKind};
use crate::outcome::{Done, Outcome, tell};
use crate::{Effect, Refusal, names};

/// A chosen handle can't be changed again for this long, so that nobody can hop between names.
const HANDLE_STAYS: i64 = 7 * DAY;

/// Validates a registration, before the expensive password hash.
pub fn check_registration(request: &CreateAccount) -> Result<(), Refusal> {
    Violations::default()
        .check("handle", validation::handle(&request.handle))
        .check_opt("display_name", request.display_name.as_deref(), validation::display_name)
        .check("password", passwords::check(&request.password))
        .check_opt("device", request.device.as_deref(), validation::device)
        .check_opt("invite", request.invite.as_deref(), validation::invite)
        .finish()
        .map_err(Refusal::from)
}

/// What admits a new user.
#[derive(Debug, Clone, Copy)]
pub enum Admission<'a> {
    /// Nothing is required.
    Open,
    /// Created on the command line; becomes an administrator.
    Administrator,
    /// An invite, by the hash of its code.
    Invite(&'a [u8]),
    /// An administrator approves later; or an invite admits right away.
    Approval(Option<&'a [u8]>),
}

/// Registers a user. The caller opens the first session in the same transaction.
pub fn register(
    conn: &mut Connection,
    now: Timestamp,
    id: UserId,
    request: &CreateAccount,
    password_hash: &str,
    admission: Admission<'_>,
) -> Result<UserRow, Refusal> {
    let (is_admin, pending) = match admission {
        Admission::Open => (false, false),
        Admission::Administrator => (true, false),
        Admission::Invite(code_hash) | Admission::Approval(Some(code_hash)) => {
            if !invites::take(conn, code_hash, now.0)? {
                return Err(ErrorCode::InviteNeeded.into());
            }
            (false, false)
        }
        Admission::Approval(None) => {
            if admin::count_pending(conn)? >= limits::PENDING_ACCOUNTS {
                return Err(Refusal::because(
                    ErrorCode::LimitReached,
                    "Too many accounts are waiting for approval.",
                ));
            }
            (false, true)
        }
    };
    let row = UserRow {
        password_hash: password_hash.to_owned(),
        is_admin,
        pending_since: pending.then_some(now.0),
        ..new_row(conn, now, id, (&request.handle, request.display_name.as_deref()))?
    };
    users::insert(conn, &row)?;
    note(conn, now, Note::by(AuditKind::Registered, id))?;
    Ok(row)
}

/// Builds a new account without a password, from handle and display name. Doesn't store it.
pub(crate) fn new_row(
    conn: &mut Connection,
    now: Timestamp,
    id: UserId,
    (handle, display_name): (&str, Option<&str>),
) -> Result<UserRow, Refusal> {
    let handle_key = validation::fold(handle);
    if users::find_by_handle(conn, &handle_key)?.is_some() {
        return Err(taken());
    }
    Ok(UserRow {
        id,
        handle: handle.to_owned(),
        handle_key,
        display_name: names::kept(display_name.unwrap_or(handle)),
        bio: String::new(),
        avatar_id: None,
        password_hash: String::new(),
        is_admin: false,
        created_at: now.0,
        handle_changed_at: now.0,
        suspended_at: None,
        last_useq: 0,
        notifications_read: 0,
        findable_by: Default::default(),
        requests_from: Default::default(),
        presence_to: Default::default(),
        asked_since: 0,
        asked_count: 0,
        pending_since: None,
        deleted_at: None,
        owner_id: None,
    })
}

fn taken() -> Refusal {
    Refusal::because(ErrorCode::Taken, "That username is taken.")
}

/// The caller's own account.
pub fn find(conn: &mut Connection, user: UserId) -> Result<UserRow, Refusal> {
    // A request that was in flight when the account was deleted finds nothing.
    Ok(users::find(conn, user)?.filter(|row| row.deleted_at.is_none()).ok_or(ErrorCode::NotFound)?)
}

/// Validates a change to the profile.
pub fn check_update(request: &UpdateAccount) -> Result<(), Refusal> {
    Violations::default()
        .check_opt("handle", request.handle.as_deref(), validation::handle)
        .check_opt("display_name", request.display_name.as_deref(), validation::display_name)
        .check_opt("bio", request.bio.as_deref(), validation::bio)
        .finish()
        .map_err(Refusal::from)
}

/// Changes the caller's profile.
pub fn update(conn: &mut Connection, now: Timestamp, user: UserId, request: &UpdateAccount) -> Done<Account> {
    let before = find(conn, user)?;
    let mut changes = UserChanges {
        display_name: request.display_name.as_deref().map(names::kept),
        bio: request.bio.as_deref().map(names::kept),
        ..UserChanges::default()
    };
    if let Some(handle) = request.handle.as_deref().filter(|handle| **handle != before.handle) {
        let handle_key = validation::fold(handle);
        if handle_key != before.handle_key {
            let first = before.handle_changed_at == before.created_at;
            if !first && now.0 < before.handle_changed_at + HANDLE_STAYS {
                return Err(Refusal::because(
                    ErrorCode::Conflict,
                    "You can change your username once a week.",
                ));
            }
            if users::find_by_handle(conn, &handle_key)?.is_some() {
                return Err(taken());
            }
            changes.handle_changed_at = Some(now.0);
        }
        changes.handle = Some(handle.to_owned());
        changes.handle_key = Some(handle_key);
    }
    if changes.display_name.is_some() || changes.bio.is_some() || changes.handle.is_some() {
        users::update(conn, user, changes)?;
    }
    changed(conn, now, user)
}

/// Sets or removes the caller's profile picture.
pub fn set_avatar(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    avatar: Option<&AvatarRow>,
) -> Done<Account> {
    match avatar {
        Some(row) => users::replace_avatar(conn, row)?,
        None => users::delete_avatars(conn, user)?,
    };
    let changes = UserChanges { avatar_id: Some(avatar.map(|row| row.id)), ..UserChanges::default() };
    users::update(conn, user, changes)?;
    changed(conn, now, user)
}

fn changed(conn: &mut Connection, now: Timestamp, user: UserId) -> Done<Account> {
    let effects = tell(now, vec![(user, UserChange::AccountChanged {}, false)]);
    Ok(Outcome { value: find(conn, user)?.account(), effects })
}

/// Stores a new password hash, and ends every session and token except the current session.
pub fn set_password(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    current: Option<SessionId>,
    password_hash: &str,
) -> Done<()> {
    let changes = UserChanges { password_hash: Some(password_hash.to_owned()), ..UserChanges::default() };
    users::update(conn, user, changes)?;
    password_resets::delete(conn, user)?;
    note(conn, now, Note::by(AuditKind::PasswordChanged, user))?;
    mail_queue::notify(conn, now, user, MailKind::PasswordChanged)?;
    let others = sessions::revoke(conn, user, None, current, now.0)?;
    let effects: Vec<Effect> = ended(now, user, &others);
    Ok(Outcome { value: (), effects })
}

/// Replaces a hash made with other parameters or from an old form of the password; ends no session.
pub fn rehash(conn: &mut Connection, user: UserId, password_hash: &str) -> Done<()> {
    let changes = UserChanges { password_hash: Some(password_hash.to_owned()), ..UserChanges::default() };
    users::update(conn, user, changes)?;
    Ok(Outcome::without_events(()))
}

/// Media type and bytes of a picture. Anyone who knows its random id can see it.
pub fn find_avatar(conn: &mut Connection, id: AvatarId, large: bool) -> Result<(String, Vec<u8>), Refusal> {
    Ok(users::find_avatar(conn, id, large)?.ok_or(ErrorCode::NotFound)?)
}
