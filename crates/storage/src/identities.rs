//! Links to accounts of an OpenID Connect provider, by issuer and subject.

use diesel::prelude::*;
use parlour_protocol::ids::{IdentityId, UserId};

use crate::schema::identities;
use crate::{Connection, Result};

/// A link to an account of the provider.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = identities)]
#[diesel(treat_none_as_default_value = false)]
pub struct IdentityRow {
    /// Random id.
    pub id: IdentityId,
    /// The account here that it logs in to.
    pub user_id: UserId,
    /// The provider's issuer URL.
    pub issuer: String,
    /// The provider's id of the user.
    pub subject: String,
    /// When it was linked, in microseconds since 1970.
    pub created_at: i64,
    /// When it was last used to log in; `None` before the first time.
    pub last_used_at: Option<i64>,
}

/// Inserts a link.
pub fn insert(conn: &mut Connection, row: &IdentityRow) -> Result<usize> {
    Ok(diesel::insert_into(identities::table).values(row.clone()).execute(conn)?)
}

/// The link with this issuer and subject, if there is one.
pub fn find(conn: &mut Connection, issuer: &str, subject: &str) -> Result<Option<IdentityRow>> {
    Ok(identities::table
        .filter(identities::issuer.eq(issuer).and(identities::subject.eq(subject)))
        .select(IdentityRow::as_select())
        .first(conn)
        .optional()?)
}

/// A user's links, oldest first.
pub fn list(conn: &mut Connection, user: UserId) -> Result<Vec<IdentityRow>> {
    Ok(identities::table
        .filter(identities::user_id.eq(user))
        .order((identities::created_at.asc(), identities::id.asc()))
        .select(IdentityRow::as_select())
        .load(conn)?)
}

/// Records that a link was used to log in.
pub fn touch(conn: &mut Connection, id: IdentityId, now: i64) -> Result<usize> {
    Ok(diesel::update(identities::table.find(id))
        .set(identities::last_used_at.eq(Some(now)))
        .execute(conn)?)
}

/// Deletes one of a user's links; returns whether there was one.
pub fn delete(conn: &mut Connection, user: UserId, id: IdentityId) -> Result<bool> {
    let count =
        diesel::delete(identities::table.find(id).filter(identities::user_id.eq(user))).execute(conn)?;
    Ok(count == 1)
}

/// Deletes all of a user's links.
pub fn delete_all(conn: &mut Connection, user: UserId) -> Result<usize> {
    Ok(diesel::delete(identities::table.filter(identities::user_id.eq(user))).execute(conn)?)
}
