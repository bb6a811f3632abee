//! Logging in: whom a handle means, what is required before a session is opened, and opening it.
//!
//! Invariant: sessions are opened only here, and never before a second factor that is required.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::{SessionId, UserId};
use parlour_protocol::second_factors::FactorMethod;
use parlour_protocol::time::Timestamp;
use parlour_protocol::validation;
use parlour_storage::Connection;
use parlour_storage::users::{self, UserRow};

use crate::audit::{Note, note};
use crate::identity::{accounts, second_factors, sessions};
use crate::{Outcome, Refusal};

/// A session about to be opened.
pub struct NewSession<'a> {
    /// Id of the session.
    pub id: SessionId,
    /// The device that it is opened from.
    pub device: &'a sessions::Device,
    /// Hash of its refresh token, as stored.
    pub token_hash: &'a [u8],
}

/// The user who must present a second factor, and the methods they have.
pub type SecondStep = (UserRow, Vec<FactorMethod>);

/// Who has a handle (folded), and whether they have logged in from a network before. Runs the same queries for every
/// valid handle.
pub fn find(
    conn: &mut Connection,
    handle_key: &str,
    network: &[u8],
) -> Result<(Option<UserRow>, bool), Refusal> {
    // Nobody has an invalid handle; PostgreSQL would not even accept every text as a parameter.
    if validation::handle(handle_key).is_err() {
        return Ok((None, false));
    }
    let found = users::find_by_handle(conn, handle_key)?;
    let user = found.as_ref().map_or(UserId(0), |row| row.id);
    Ok((found, sessions::knows_network(conn, user, network)?))
}

/// The second factor that is required before a session is opened, if any. `passkeys` says whether passkeys may be
/// offered for it.
pub fn find_second_step(
    conn: &mut Connection,
    user: UserId,
    passkeys: bool,
) -> Result<Option<SecondStep>, Refusal> {
    if !second_factors::is_on(conn, user)? {
        return Ok(None);
    }
    let methods = second_factors::methods(conn, user, passkeys)?;
    Ok(Some((accounts::find(conn, user)?, methods)))
}

/// Opens a session for an authenticated user, unless a second factor is still required.
pub fn open_or_ask(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    session: &NewSession<'_>,
    address: &str,
    passkeys: bool,
) -> Result<Option<SecondStep>, Refusal> {
    let step = find_second_step(conn, user, passkeys)?;
    if step.is_none() {
        open(conn, now, user, session, (AuditKind::LoggedIn, address))?;
    }
    Ok(step)
}

/// Opens a session, and records in the audit log how and from which address.
pub fn open(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    session: &NewSession<'_>,
    (how, address): (AuditKind, &str),
) -> Result<(), Refusal> {
    sessions::open(conn, now, session.id, user, session.device, session.token_hash)?;
    note(conn, now, Note::by(how, user).from(address))?;
    Ok(())
}

/// Opens the first session of an account that was just created, unless it waits for approval. Returns whether it did.
pub fn open_first(
    conn: &mut Connection,
    now: Timestamp,
    row: &UserRow,
    session: &NewSession<'_>,
) -> Result<Outcome<bool>, Refusal> {
    if row.is_active() {
        sessions::open(conn, now, session.id, row.id, session.device, session.token_hash)?;
    }
    Ok(Outcome::without_events(row.is_active()))
}
