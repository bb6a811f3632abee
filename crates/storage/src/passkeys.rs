//! Passkeys, and the state of ceremonies between their two halves.

use diesel::prelude::*;
use parlour_protocol::ids::{PasskeyId, UserId};

use crate::schema::{passkey_ceremonies, passkeys};
use crate::{Connection, Result};

/// A passkey.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = passkeys)]
#[diesel(treat_none_as_default_value = false)]
pub struct PasskeyRow {
    /// Random id.
    pub id: PasskeyId,
    /// Id of the owner.
    pub user_id: UserId,
    /// The authenticator's credential id.
    pub credential_id: Vec<u8>,
    /// Public key and signature counter, as JSON.
    pub passkey: String,
    /// Name given by the owner.
    pub name: String,
    /// When it was added, in microseconds since 1970.
    pub created_at: i64,
    /// When it was last used; `None` before the first use.
    pub last_used_at: Option<i64>,
}

/// State of a started ceremony.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = passkey_ceremonies)]
#[diesel(treat_none_as_default_value = false)]
pub struct CeremonyRow {
    /// Random, so that nobody can use up another user's ceremony.
    pub id: Vec<u8>,
    /// The user, if known.
    pub user_id: Option<UserId>,
    /// What the ceremony is for, as `parlour-chat` numbers it.
    pub kind: i16,
    /// What completing it requires, as JSON.
    pub state: String,
    /// When it expires, in microseconds since 1970.
    pub expires_at: i64,
}

/// Inserts a passkey.
pub fn insert(conn: &mut Connection, row: &PasskeyRow) -> Result<usize> {
    Ok(diesel::insert_into(passkeys::table).values(row.clone()).execute(conn)?)
}

/// A user's passkeys, oldest first.
pub fn list(conn: &mut Connection, user: UserId) -> Result<Vec<PasskeyRow>> {
    Ok(passkeys::table
        .filter(passkeys::user_id.eq(user))
        .order((passkeys::created_at.asc(), passkeys::id.asc()))
        .select(PasskeyRow::as_select())
        .load(conn)?)
}

/// Number of a user's passkeys.
pub fn count(conn: &mut Connection, user: UserId) -> Result<i64> {
    Ok(passkeys::table.filter(passkeys::user_id.eq(user)).count().get_result(conn)?)
}

/// One of a user's passkeys by id.
pub fn find(conn: &mut Connection, user: UserId, id: PasskeyId) -> Result<Option<PasskeyRow>> {
    Ok(passkeys::table
        .find(id)
        .filter(passkeys::user_id.eq(user))
        .select(PasskeyRow::as_select())
        .first(conn)
        .optional()?)
}

/// The passkey with this credential id, regardless of its owner.
pub fn find_by_credential(conn: &mut Connection, credential: &[u8]) -> Result<Option<PasskeyRow>> {
    Ok(passkeys::table
        .filter(passkeys::credential_id.eq(credential))
        .select(PasskeyRow::as_select())
        .first(conn)
        .optional()?)
}

/// Records a use and the new counter; returns false if the row has changed since it was read.
pub fn mark_used(conn: &mut Connection, row: &PasskeyRow, passkey: &str, now: i64) -> Result<bool> {
    let count = diesel::update(passkeys::table.find(row.id).filter(passkeys::passkey.eq(&row.passkey)))
        .set((passkeys::passkey.eq(passkey), passkeys::last_used_at.eq(Some(now))))
        .execute(conn)?;
    Ok(count == 1)
}

/// Renames a passkey; returns whether the user has it.
pub fn rename(conn: &mut Connection, user: UserId, id: PasskeyId, name: &str) -> Result<bool> {
    let count = diesel::update(passkeys::table.find(id).filter(passkeys::user_id.eq(user)))
        .set(passkeys::name.eq(name))
        .execute(conn)?;
    Ok(count == 1)
}

/// Deletes a passkey; returns whether the user had it.
pub fn delete(conn: &mut Connection, user: UserId, id: PasskeyId) -> Result<bool> {
    let count = diesel::delete(passkeys::table.find(id).filter(passkeys::user_id.eq(user))).execute(conn)?;
    Ok(count == 1)
}

/// Deletes a user's passkeys and started ceremonies; returns how many passkeys there were.
pub fn delete_all(conn: &mut Connection, user: UserId) -> Result<usize> {
    let begun = passkey_ceremonies::table.filter(passkey_ceremonies::user_id.eq(user));
    diesel::delete(begun).execute(conn)?;
    Ok(diesel::delete(passkeys::table.filter(passkeys::user_id.eq(user))).execute(conn)?)
}

/// Stores a started ceremony. Of earlier ones of the same user (or of unidentified users), only the newest are kept, so
/// that there are never more than `most`.
pub fn begin(conn: &mut Connection, row: &CeremonyRow, most: i64) -> Result<()> {
    let mut same = passkey_ceremonies::table.select(passkey_ceremonies::id).into_boxed();
    same = match row.user_id {
        Some(user) => same.filter(passkey_ceremonies::user_id.eq(user)),
        None => same.filter(passkey_ceremonies::user_id.is_null()),
    };
    let newest_first = same.order(passkey_ceremonies::expires_at.desc());
    let many: Vec<Vec<u8>> = newest_first.offset(most - 1).limit(100).load(conn)?;
    for id in many {
        diesel::delete(passkey_ceremonies::table.find(id)).execute(conn)?;
    }
    diesel::insert_into(passkey_ceremonies::table).values(row.clone()).execute(conn)?;
    Ok(())
}

/// Uses up a ceremony. Deletes it in any case, but returns it only if it is of this kind and hasn't expired.
pub fn take_ceremony(conn: &mut Connection, id: &[u8], kind: i16, now: i64) -> Result<Option<CeremonyRow>> {
    let found = passkey_ceremonies::table
        .find(id)
        .filter(passkey_ceremonies::kind.eq(kind))
        .filter(passkey_ceremonies::expires_at.gt(now))
        .select(CeremonyRow::as_select())
        .first(conn)
        .optional()?;
    // If several transactions read it, only one deletes it.
    let taken = diesel::delete(passkey_ceremonies::table.find(id)).execute(conn)? == 1;
    Ok(found.filter(|_| taken))
}

/// Deletes ceremonies that expired before `moment`.
pub fn delete_before(conn: &mut Connection, moment: i64) -> Result<usize> {
    Ok(diesel::delete(passkey_ceremonies::table.filter(passkey_ceremonies::expires_at.lt(moment)))
        .execute(conn)?)
}
