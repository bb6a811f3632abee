//! Passkeys: adding them, logging in with them, and using them as the second step of a log-in.
//!
//! Invariant: a ceremony is used up in the transaction that verifies its response, whatever the outcome, so a response
//! never works twice, on whatever nodes it is tried. Operations that verify a response return a refusal as a value,
//! because an error would roll back and restore the ceremony. The authenticator always verifies the user, so a passkey
//! counts as two factors.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::{PasskeyId, UserId};
use parlour_protocol::limits::PASSKEYS_PER_USER;
use parlour_protocol::passkeys::Passkey;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{MINUTE, Timestamp};
use parlour_protocol::validation;
use parlour_storage::passkeys::{CeremonyRow, PasskeyRow};
use parlour_storage::users::UserRow;
use parlour_storage::{Connection, passkeys, users};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use webauthn_rs::prelude::{
    self as webauthn, DiscoverableAuthentication, PasskeyRegistration, Uuid, WebauthnError,
};

use crate::audit::{Note, note};
use crate::identity::accounts;
use crate::identity::relying_party::RelyingParty;
use crate::outcome::{Done, Outcome};
use crate::secrets::MasterKey;
use crate::{Refusal, names};

/// An authenticator's response when it creates a passkey.
pub type NewCredential = webauthn::RegisterPublicKeyCredential;
/// An authenticator's response at a log-in.
pub type Answer = webauthn::PublicKeyCredential;

/// Lifetime of a ceremony.
pub const LIFETIME: i64 = 5 * MINUTE;
/// Maximum number of open ceremonies per user, and of all unidentified users together; the oldest are dropped. The
/// second number is what 34 addresses can start in five minutes.
const MOST: (i64, i64) = (5, 10_000);

/// What a ceremony is for.
#[derive(Debug, Clone, Copy)]
enum Kind {
    New = 1,
    LogIn = 2,
    SecondStep = 3,
}

/// The result of verifying a response.
pub type Judged<T> = Result<T, Refusal>;

/// The WebAuthn user handle: a keyed hash, so it reveals nothing elsewhere. It is the same for all passkeys of a user,
/// so an authenticator keeps only one of them.
fn user_handle(key: &MasterKey, user: UserId) -> Uuid {
    let whole = key.derive("passkey user", &[&user.0.to_be_bytes()]);
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(whole).for_each(|(byte, from)| *byte = from);
    Uuid::from_bytes(bytes)
}

fn gone() -> Refusal {
    Refusal::because(ErrorCode::Gone, "This took too long or was already done. Start again.")
}

fn wrong() -> Refusal {
    Refusal::because(ErrorCode::BadCredentials, "This passkey doesn't match.")
}

fn fault(error: impl std::fmt::Display) -> Refusal {
    parlour_storage::StorageError::Fault(format!("passkeys: {error}")).into()
}

fn view(row: PasskeyRow) -> Passkey {
    Passkey {
        id: row.id,
        name: row.name,
        created_at: Timestamp(row.created_at),
        last_used_at: row.last_used_at.map(Timestamp),
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(fault)
}

fn write(value: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string(value).map_err(fault)
}

fn keep(
    conn: &mut Connection,
    now: Timestamp,
    id: &[u8],
    (user, kind): (Option<UserId>, Kind),
    state: &impl Serialize,
) -> Result<(), Refusal> {
    passkeys::delete_before(conn, now.0)?;
    let row = CeremonyRow {
        id: id.to_vec(),
        user_id: user,
        kind: kind as i16,
        state: write(state)?,
        expires_at: now.0 + LIFETIME,
    };
    let most = if user.is_some() { MOST.0 } else { MOST.1 };
    Ok(passkeys::begin(conn, &row, most)?)
}

fn take<T: DeserializeOwned>(
    conn: &mut Connection,
    now: Timestamp,
    id: &[u8],
    (user, kind): (Option<UserId>, Kind),
) -> Result<Option<T>, Refusal> {
    let row = passkeys::take_ceremony(conn, id, kind as i16, now.0)?;
    row.filter(|row| row.user_id == user).map(|row| read(&row.state)).transpose()
}

fn full() -> Refusal {
    Refusal::because(ErrorCode::LimitReached, format!("You have {PASSKEYS_PER_USER} passkeys already."))
}

/// The user's passkeys, oldest first.
pub fn list(conn: &mut Connection, user: UserId) -> Result<Vec<Passkey>, Refusal> {
    Ok(passkeys::list(conn, user)?.into_iter().map(view).collect())
}

/// Whether a user has a passkey.
pub fn has_any(conn: &mut Connection, user: UserId) -> Result<bool, Refusal> {
    Ok(passkeys::count(conn, user)? > 0)
}

/// Starts adding a passkey; returns the options for the authenticator.
pub fn begin(
    conn: &mut Connection,
    now: Timestamp,
    party: &RelyingParty,
    key: &MasterKey,
    user: UserId,
    ceremony: &[u8],
) -> Done<Value> {
    let row = accounts::find(conn, user)?;
    let known = passkeys::list(conn, user)?;
    if known.len() as i64 >= PASSKEYS_PER_USER {
        return Err(full());
    }
    let exclude = known.into_iter().map(|row| row.credential_id).collect();
    let names = (row.handle.as_str(), row.display_name.as_str());
    let (options, state) = party.register(user_handle(key, user), names, exclude).map_err(fault)?;
    keep(conn, now, ceremony, (Some(user), Kind::New), &state)?;
    Ok(Outcome::without_events(options))
}

/// Adds the passkey that an authenticator created.
pub fn add(
    conn: &mut Connection,
    now: Timestamp,
    party: &RelyingParty,
    (user, id): (UserId, PasskeyId),
    ceremony: &[u8],
    credential: &NewCredential,
    name: &str,
) -> Done<Judged<Passkey>> {
    let name = names::kept(name);
    validation::passkey_name(&name).map_err(|message| Refusal::field("name", message))?;
    let Some(state) = take::<PasskeyRegistration>(conn, now, ceremony, (Some(user), Kind::New))? else {
        return Ok(Outcome::without_events(Err(gone())));
    };
    let made = match party.finish_registration(credential, &state) {
        Ok(made) => made,
        Err(error) => {
            let why =
                Refusal::field("credential", format!("This passkey cannot be added: {}.", plain(&error)));
            return Ok(Outcome::without_events(Err(why)));
        }
    };
    // Locks the user, so that two concurrent additions can't exceed the limit.
    users::lock_pair(conn, user, user)?;
    if passkeys::count(conn, user)? >= PASSKEYS_PER_USER {
        return Ok(Outcome::without_events(Err(full())));
    }
    if passkeys::find_by_credential(conn, made.cred_id())?.is_some() {
        let why = Refusal::because(ErrorCode::Conflict, "This passkey was already added.");
        return Ok(Outcome::without_events(Err(why)));
    }
    let row = PasskeyRow {
        id,
        user_id: user,
        credential_id: made.cred_id().to_vec(),
        passkey: write(&made)?,
        name,
        created_at: now.0,
        last_used_at: None,
    };
    passkeys::insert(conn, &row)?;
    note(conn, now, Note::by(AuditKind::PasskeyAdded, user))?;
    Ok(Outcome::without_events(Ok(view(row))))
}

/// Renames one of the user's passkeys.
pub fn rename(conn: &mut Connection, user: UserId, id: PasskeyId, name: &str) -> Done<Passkey> {
    let name = names::kept(name);
    validation::passkey_name(&name).map_err(|message| Refusal::field("name", message))?;
    if !passkeys::rename(conn, user, id, &name)? {
        return Err(ErrorCode::NotFound.into());
    }
    let row = passkeys::find(conn, user, id)?.ok_or(ErrorCode::NotFound)?;
    Ok(Outcome::without_events(view(row)))
}

/// Removes one of the user's passkeys. Sessions opened with it stay.
pub fn remove(conn: &mut Connection, now: Timestamp, user: UserId, id: PasskeyId) -> Done<()> {
    if !passkeys::delete(conn, user, id)? {
        return Err(ErrorCode::NotFound.into());
    }
    note(conn, now, Note::by(AuditKind::PasskeyRemoved, user))?;
    Ok(Outcome::without_events(()))
}

/// Starts a log-in of an unidentified user; returns the options for the authenticator. They name no passkey, so they
/// reveal nothing.
pub fn begin_log_in(
    conn: &mut Connection,
    now: Timestamp,
    party: &RelyingParty,
    ceremony: &[u8],
) -> Done<Value> {
    let (options, state) = party.request(&[]).map_err(fault)?;
    keep(conn, now, ceremony, (None, Kind::LogIn), &state)?;
    Ok(Outcome::without_events(options))
}

/// Identifies who logs in with a passkey alone. Suspended, waiting and deleted accounts, unknown passkeys and wrong
/// responses all get the same refusal.
pub fn log_in(
    conn: &mut Connection,
    now: Timestamp,
    (party, key): (&RelyingParty, &MasterKey),
    ceremony: &[u8],
    credential: &Answer,
    address: &str,
) -> Done<Judged<UserRow>> {
    let Some(state) = take::<DiscoverableAuthentication>(conn, now, ceremony, (None, Kind::LogIn))? else {
        return Ok(Outcome::without_events(Err(gone())));
    };
    let found = passkeys::find_by_credential(conn, credential.get_credential_id())?;
    let Some(row) = found else {
        let line = Note::nobody(AuditKind::PasskeyRefused).from(address);
        note(conn, now, line)?;
        return Ok(Outcome::without_events(Err(wrong())));
    };
    let user = row.user_id;
    let owner = users::find(conn, user)?.filter(UserRow::is_active);
    let named = credential.get_user_unique_id() == Some(user_handle(key, user).as_bytes());
    let judged = judge(conn, now, &row, address, |passkey| {
        if owner.is_none() || !named {
            return Err(WebauthnError::InvalidUserUniqueId);
        }
        party.finish(credential, state, passkey)
    })?;
    Ok(Outcome::without_events(judged.and_then(|()| owner.ok_or_else(wrong))))
}

/// Starts the second step of a log-in with one of the account's passkeys; returns the options for the authenticator.
pub fn begin_second_step(
    conn: &mut Connection,
    now: Timestamp,
    party: &RelyingParty,
    user: UserId,
    ceremony: &[u8],
) -> Done<Value> {
    let rows = passkeys::list(conn, user)?;
    if rows.is_empty() {
        return Err(Refusal::because(ErrorCode::Conflict, "This account has no passkey."));
    }
    let known: Vec<webauthn::Passkey> =
        rows.iter().map(|row| read(&row.passkey)).collect::<Result<_, _>>()?;
    let (options, state) = party.request(&known).map_err(fault)?;
    keep(conn, now, ceremony, (Some(user), Kind::SecondStep), &state)?;
    Ok(Outcome::without_events(options))
}

/// Verifies the second step of a log-in with a passkey.
pub fn second_step(
    conn: &mut Connection,
    now: Timestamp,
    party: &RelyingParty,
    user: UserId,
    ceremony: &[u8],
    credential: &Answer,
    address: &str,
) -> Done<Judged<()>> {
    let kind = (Some(user), Kind::SecondStep);
    let Some(state) = take::<DiscoverableAuthentication>(conn, now, ceremony, kind)? else {
        return Ok(Outcome::without_events(Err(gone())));
    };
    let found = passkeys::find_by_credential(conn, credential.get_credential_id())?;
    let Some(row) = found.filter(|row| row.user_id == user) else {
        let line = Note::nobody(AuditKind::PasskeyRefused).about(user).from(address);
        note(conn, now, line)?;
        return Ok(Outcome::without_events(Err(wrong())));
    };
    let judged = judge(conn, now, &row, address, |passkey| party.finish(credential, state, passkey))?;
    Ok(Outcome::without_events(judged))
}

/// Verifies the response of a known passkey, and records that it was used or refused.
fn judge(
    conn: &mut Connection,
    now: Timestamp,
    row: &PasskeyRow,
    address: &str,
    verify: impl FnOnce(&webauthn::Passkey) -> Result<webauthn::AuthenticationResult, WebauthnError>,
) -> Result<Judged<()>, Refusal> {
    let mut passkey: webauthn::Passkey = read(&row.passkey)?;
    let refused = |kind| Note::nobody(kind).about(row.user_id).from(address);
    match verify(&passkey) {
        Ok(used) => {
            passkey.update_credential(&used);
            if passkeys::mark_used(conn, row, &write(&passkey)?, now.0)? {
                return Ok(Ok(()));
            }
            // Used concurrently with another counter, or just removed.
            note(conn, now, refused(AuditKind::PasskeyRefused))?;
        }
        Err(WebauthnError::CredentialPossibleCompromise) => {
            note(conn, now, refused(AuditKind::PasskeyCopied))?;
        }
        Err(_) => note(conn, now, refused(AuditKind::PasskeyRefused))?,
    }
    Ok(Err(wrong()))
}

/// What is wrong with a new passkey, in words for its owner.
fn plain(error: &WebauthnError) -> &'static str {
    match error {
        WebauthnError::UserNotVerified => "the authenticator did not check that it is you",
        WebauthnError::InvalidRPOrigin | WebauthnError::InvalidRPIDHash => "it was made for another page",
        WebauthnError::MismatchedChallenge => "it is the answer to another question",
        _ => "its answer does not fit",
    }
}
