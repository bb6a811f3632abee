//! Accounts with a provider of OpenID Connect, by issuer and subject.

use diesel::prelude::*;
use parlour_protocol::ids::{IdentityId, UserId};

use crate::Connection;
use crate::schema::identities;

/// An account with a provider.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = identities)]
#[diesel(treat_none_as_default_value = false)]
pub struct IdentityRow {
    /// Random id.
    pub id: i64,
    /// Whose account here it opens.
    pub user_id: i64,
    /// The provider's address.
    pub issuer: String,
    /// The provider's name for the person.
    pub subject: String,
    /// When it was added.
    pub created_at: i64,
    /// When somebody last logged in with it.
    pub last_used_at: Option<i64>,
}

/// Adds an account with a provider.
pub fn insert(conn: &mut Connection, row: &IdentityRow) -> QueryResult<usize> {
    diesel::insert_into(identities::table).values(row.clone()).execute(conn)
}

/// The account with a provider, if somebody here has it.
pub fn find(conn: &mut Connection, issuer: &str, subject: &str) -> QueryResult<Option<IdentityRow>> {
    identities::table
        .filter(identities::issuer.eq(issuer).and(identities::subject.eq(subject)))
        .select(IdentityRow::as_select())
        .first(conn)
        .optional()
}

/// A person's accounts with providers, oldest first.
pub fn list(conn: &mut Connection, user: UserId) -> QueryResult<Vec<IdentityRow>> {
    identities::table
        .filter(identities::user_id.eq(user.0))
        .order((identities::created_at.asc(), identities::id.asc()))
        .select(IdentityRow::as_select())
        .load(conn)
}

/// Notes that somebody logged in with it.
pub fn touch(conn: &mut Connection, id: IdentityId, now: i64) -> QueryResult<usize> {
    diesel::update(identities::table.find(id.0)).set(identities::last_used_at.eq(Some(now))).execute(conn)
}

/// Removes one of a person's; answers whether it was there.
pub fn delete(conn: &mut Connection, user: UserId, id: IdentityId) -> QueryResult<bool> {
    diesel::delete(identities::table.find(id.0).filter(identities::user_id.eq(user.0)))
        .execute(conn)
        .map(|count| count == 1)
}

/// Removes all of a person's.
pub fn delete_all(conn: &mut Connection, user: UserId) -> QueryResult<usize> {
    diesel::delete(identities::table.filter(identities::user_id.eq(user.0))).execute(conn)
}
