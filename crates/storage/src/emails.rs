//! Email addresses of accounts: a confirmed one and a pending one.

use diesel::prelude::*;
use parlour_protocol::ids::UserId;

use crate::on_backend;
use crate::schema::emails;
use crate::{Connection, Result};

/// The addresses of an account.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = emails)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(treat_none_as_null = true)]
pub struct EmailRow {
    /// Id of the user.
    pub user_id: UserId,
    /// The confirmed address.
    pub address: Option<String>,
    /// The confirmed address in lower case.
    pub address_key: Option<String>,
    /// When it was confirmed, in microseconds since 1970.
    pub verified_at: Option<i64>,
    /// The pending address.
    pub pending: Option<String>,
    /// Hash of the token that confirms the pending address.
    pub pending_hash: Option<Vec<u8>>,
    /// When that token expires, in microseconds since 1970.
    pub pending_until: Option<i64>,
}

/// The addresses of a user.
pub fn find(conn: &mut Connection, user: UserId) -> Result<Option<EmailRow>> {
    Ok(emails::table.find(user).select(EmailRow::as_select()).first(conn).optional()?)
}

/// The addresses of a user, locked until the transaction ends. Creates the row if it doesn't exist.
pub fn lock(conn: &mut Connection, user: UserId) -> Result<EmailRow> {
    on_backend!(conn, inner => diesel::insert_into(emails::table)
        .values(emails::user_id.eq(user))
        .on_conflict(emails::user_id)
        .do_update()
        .set(emails::user_id.eq(user))
        .execute(inner))?;
    Ok(emails::table.find(user).select(EmailRow::as_select()).first(conn)?)
}

/// Replaces the addresses of a user.
pub fn replace(conn: &mut Connection, row: EmailRow) -> Result<usize> {
    Ok(diesel::update(emails::table.find(row.user_id)).set(row).execute(conn)?)
}

/// The addresses of the user whose pending address this token confirms, unless the token has expired.
pub fn find_by_token(conn: &mut Connection, token_hash: &[u8], now: i64) -> Result<Option<EmailRow>> {
    Ok(emails::table
        .filter(emails::pending_hash.eq(token_hash))
        .filter(emails::pending_until.gt(now))
        .select(EmailRow::as_select())
        .first(conn)
        .optional()?)
}

/// Uses up a token and clears the pending address; returns whether the token still existed.
pub fn take_token(conn: &mut Connection, token_hash: &[u8]) -> Result<bool> {
    let count = diesel::update(emails::table.filter(emails::pending_hash.eq(token_hash)))
        .set((
            emails::pending.eq(None::<String>),
            emails::pending_hash.eq(None::<Vec<u8>>),
            emails::pending_until.eq(None::<i64>),
        ))
        .execute(conn)?;
    Ok(count == 1)
}

/// Up to `limit` users who confirmed this address (in lower case), most recent confirmation first.
pub fn list_by_address(conn: &mut Connection, address_key: &str, limit: i64) -> Result<Vec<UserId>> {
    Ok(emails::table
        .filter(emails::address_key.eq(address_key))
        .order(emails::verified_at.desc())
        .limit(limit)
        .select(emails::user_id)
        .load(conn)?)
}

/// Deletes the addresses of a user.
pub fn delete(conn: &mut Connection, user: UserId) -> Result<usize> {
    Ok(diesel::delete(emails::table.find(user)).execute(conn)?)
}

/// Deletes pending addresses whose token expired before `moment`.
pub fn delete_pending_before(conn: &mut Connection, moment: i64) -> Result<()> {
    let over = emails::pending_until.lt(moment);
    diesel::delete(emails::table.filter(over).filter(emails::address.is_null())).execute(conn)?;
    diesel::update(emails::table.filter(over))
        .set((
            emails::pending.eq(None::<String>),
            emails::pending_hash.eq(None::<Vec<u8>>),
            emails::pending_until.eq(None::<i64>),
        ))
        .execute(conn)?;
    Ok(())
}
