//! The e-mail addresses of accounts: one that was confirmed, and one that waits for it.

use diesel::prelude::*;
use parlour_protocol::ids::UserId;

use crate::Connection;
use crate::on_backend;
use crate::schema::emails;

/// The addresses of an account.
#[derive(Debug, Clone, Default, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = emails)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(treat_none_as_null = true)]
pub struct EmailRow {
    /// Whose.
    pub user_id: i64,
    /// The address that was confirmed.
    pub address: Option<String>,
    /// The same in lower case.
    pub address_key: Option<String>,
    /// When it was confirmed.
    pub verified_at: Option<i64>,
    /// The address that waits.
    pub pending: Option<String>,
    /// Hash of the token that confirms it.
    pub pending_hash: Option<Vec<u8>>,
    /// Until when the token is good.
    pub pending_until: Option<i64>,
}

/// The addresses of a person.
pub fn find(conn: &mut Connection, user: UserId) -> QueryResult<Option<EmailRow>> {
    emails::table.find(user.0).select(EmailRow::as_select()).first(conn).optional()
}

/// The addresses of a person, which nobody else changes before the transaction ends. There is a row from then on.
pub fn lock(conn: &mut Connection, user: UserId) -> QueryResult<EmailRow> {
    on_backend!(conn, inner => diesel::insert_into(emails::table)
        .values(emails::user_id.eq(user.0))
        .on_conflict(emails::user_id)
        .do_update()
        .set(emails::user_id.eq(user.0))
        .execute(inner))?;
    emails::table.find(user.0).select(EmailRow::as_select()).first(conn)
}

/// Puts these in the place of the addresses of a person.
pub fn replace(conn: &mut Connection, row: EmailRow) -> QueryResult<usize> {
    diesel::update(emails::table.find(row.user_id)).set(row).execute(conn)
}

/// The addresses of the person whose pending one a token confirms, unless it has run out.
pub fn find_by_token(conn: &mut Connection, token_hash: &[u8], now: i64) -> QueryResult<Option<EmailRow>> {
    emails::table
        .filter(emails::pending_hash.eq(token_hash))
        .filter(emails::pending_until.gt(now))
        .select(EmailRow::as_select())
        .first(conn)
        .optional()
}

/// Uses a token up; answers whether it was still there.
pub fn take_token(conn: &mut Connection, token_hash: &[u8]) -> QueryResult<bool> {
    diesel::update(emails::table.filter(emails::pending_hash.eq(token_hash)))
        .set((
            emails::pending.eq(None::<String>),
            emails::pending_hash.eq(None::<Vec<u8>>),
            emails::pending_until.eq(None::<i64>),
        ))
        .execute(conn)
        .map(|count| count == 1)
}

/// Whose confirmed address it is, in lower case: the first few.
pub fn list_by_address(conn: &mut Connection, address_key: &str, limit: i64) -> QueryResult<Vec<UserId>> {
    let ids: Vec<i64> = emails::table
        .filter(emails::address_key.eq(address_key))
        .order(emails::verified_at.desc())
        .limit(limit)
        .select(emails::user_id)
        .load(conn)?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// Forgets the addresses of a person.
pub fn delete(conn: &mut Connection, user: UserId) -> QueryResult<usize> {
    diesel::delete(emails::table.find(user.0)).execute(conn)
}

/// Forgets addresses that were not confirmed before a moment.
pub fn delete_pending_before(conn: &mut Connection, moment: i64) -> QueryResult<()> {
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
