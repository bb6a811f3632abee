//! Invites, by the hashes of their codes.

use diesel::prelude::*;
use parlour_protocol::ids::{InviteId, UserId};

use crate::schema::invites;
use crate::{Connection, Result};

/// An invite.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = invites)]
#[diesel(treat_none_as_default_value = false)]
pub struct InviteRow {
    /// Random id.
    pub id: InviteId,
    /// SHA-256 of the code.
    pub code_hash: Vec<u8>,
    /// Who created it.
    pub created_by: UserId,
    /// When it was created, in microseconds since 1970.
    pub created_at: i64,
    /// When it expires, in microseconds since 1970.
    pub expires_at: i64,
    /// How many people can register with it.
    pub uses: i64,
    /// How many people have registered with it.
    pub used: i64,
    /// When it was revoked; `None` if it wasn't.
    pub revoked_at: Option<i64>,
}

/// Inserts an invite.
pub fn insert(conn: &mut Connection, row: &InviteRow) -> Result<usize> {
    Ok(diesel::insert_into(invites::table).values(row.clone()).execute(conn)?)
}

/// A page of invites that can still be used, newest first, starting after a position in that order: of one user, or
/// all.
pub fn list_open(
    conn: &mut Connection,
    of: Option<UserId>,
    now: i64,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Vec<InviteRow>> {
    let mut query = invites::table
        .filter(invites::revoked_at.is_null())
        .filter(invites::expires_at.gt(now))
        .filter(invites::used.lt(invites::uses))
        .select(InviteRow::as_select())
        .into_boxed();
    if let Some(user) = of {
        query = query.filter(invites::created_by.eq(user));
    }
    if let Some((created, id)) = after {
        query = query.filter(
            invites::created_at.lt(created).or(invites::created_at.eq(created).and(invites::id.lt(id))),
        );
    }
    Ok(query.order((invites::created_at.desc(), invites::id.desc())).limit(limit).load(conn)?)
}

/// Uses an invite once; returns whether it could be used.
pub fn take(conn: &mut Connection, code_hash: &[u8], now: i64) -> Result<bool> {
    let count = diesel::update(
        invites::table
            .filter(invites::code_hash.eq(code_hash))
            .filter(invites::revoked_at.is_null())
            .filter(invites::expires_at.gt(now))
            .filter(invites::used.lt(invites::uses)),
    )
    .set(invites::used.eq(invites::used + 1))
    .execute(conn)?;
    Ok(count == 1)
}

/// Revokes an invite of one user, or of anyone if `of` is `None`. Returns whether there was one.
pub fn revoke(conn: &mut Connection, id: InviteId, of: Option<UserId>, now: i64) -> Result<bool> {
    let creators = of.map_or(UserId(i64::MIN)..=UserId(i64::MAX), |user| user..=user);
    let count = diesel::update(
        invites::table
            .find(id)
            .filter(invites::created_by.between(*creators.start(), *creators.end()))
            .filter(invites::revoked_at.is_null()),
    )
    .set(invites::revoked_at.eq(Some(now)))
    .execute(conn)?;
    Ok(count == 1)
}

/// Deletes invites that expired before `moment`.
pub fn delete_before(conn: &mut Connection, moment: i64) -> Result<usize> {
    Ok(diesel::delete(invites::table.filter(invites::expires_at.lt(moment))).execute(conn)?)
}
