//! People and their pictures.

use diesel::prelude::*;
use parlour_protocol::accounts::{Account, ServerRole};
use parlour_protocol::ids::{AvatarId, Seq, UserId};
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::User;

use crate::Connection;
use crate::schema::{avatars, users};

/// A person, whole.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = users)]
#[diesel(treat_none_as_default_value = false)]
pub struct UserRow {
    /// Random id.
    pub id: i64,
    /// Handle as it was written.
    pub handle: String,
    /// Handle in lower case.
    pub handle_key: String,
    /// Name that is shown.
    pub display_name: String,
    /// Words about themselves.
    pub bio: String,
    /// Current picture.
    pub avatar_id: Option<i64>,
    /// PHC string of argon2id.
    pub password_hash: String,
    /// Whether this is an administrator.
    pub is_admin: bool,
    /// When the account was made.
    pub created_at: i64,
    /// When the handle was last chosen.
    pub handle_changed_at: i64,
    /// Since when the account is suspended.
    pub suspended_at: Option<i64>,
    /// Head of the person's event stream.
    pub last_useq: i64,
    /// Up to where notifications were seen.
    pub notifications_read: i64,
    /// Who finds the person by their handle: 0 everybody, 1 nobody.
    pub findable_by: i16,
    /// Whose requests arrive: 0 everybody's, 1 those of people in a common room, 2 nobody's.
    pub requests_from: i16,
    /// Who sees whether the person is online: 0 friends, 1 nobody.
    pub presence_to: i16,
    /// When the present day of counting requests began.
    pub asked_since: i64,
    /// Requests that were made in it.
    pub asked_count: i64,
    /// Since when the account waits for approval.
    pub pending_since: Option<i64>,
    /// When the account was deleted; the row stays as an author's name.
    pub deleted_at: Option<i64>,
    /// Whose bot it is; none for people.
    pub owner_id: Option<i64>,
}

impl UserRow {
    /// Whether the account is in use: neither suspended (nor deleted, which suspends) nor waiting.
    pub fn is_active(&self) -> bool {
        self.suspended_at.is_none() && self.pending_since.is_none()
    }

    /// What others see in lists.
    pub fn summary(&self) -> User {
        User {
            id: UserId(self.id),
            handle: self.handle.clone(),
            display_name: self.display_name.clone(),
            avatar: self.avatar_id.map(AvatarId),
            bot: self.is_bot(),
        }
    }

    /// What the person sees of themselves.
    pub fn account(&self) -> Account {
        Account {
            id: UserId(self.id),
            handle: self.handle.clone(),
            display_name: self.display_name.clone(),
            bio: self.bio.clone(),
            avatar: self.avatar_id.map(AvatarId),
            role: if self.is_admin { ServerRole::Admin } else { ServerRole::Member },
            has_password: self.has_password(),
            created_at: Timestamp(self.created_at),
        }
    }

    /// Whether a program acts as this account.
    pub fn is_bot(&self) -> bool {
        self.owner_id.is_some()
    }

    /// Whether there is a password. Who registered with a provider of OpenID Connect has none at first.
    pub fn has_password(&self) -> bool {
        !self.password_hash.is_empty()
    }
}

/// The columns that lists need.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct SummaryRow {
    /// Random id.
    pub id: i64,
    /// Handle as it was written.
    pub handle: String,
    /// Name that is shown.
    pub display_name: String,
    /// Current picture.
    pub avatar_id: Option<i64>,
    /// Whose bot it is.
    pub owner_id: Option<i64>,
}

impl From<SummaryRow> for User {
    fn from(row: SummaryRow) -> Self {
        Self {
            id: UserId(row.id),
            handle: row.handle,
            display_name: row.display_name,
            avatar: row.avatar_id.map(AvatarId),
            bot: row.owner_id.is_some(),
        }
    }
}

/// Changes of a profile; `None` leaves a column as it is.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = users)]
pub struct UserChanges {
    /// New handle.
    pub handle: Option<String>,
    /// New handle in lower case.
    pub handle_key: Option<String>,
    /// When the handle was chosen.
    pub handle_changed_at: Option<i64>,
    /// New name.
    pub display_name: Option<String>,
    /// New words.
    pub bio: Option<String>,
    /// New picture, or none.
    pub avatar_id: Option<Option<i64>>,
    /// New password hash.
    pub password_hash: Option<String>,
    /// Suspended since, or not.
    pub suspended_at: Option<Option<i64>>,
    /// Administrator or not.
    pub is_admin: Option<bool>,
    /// See [`UserRow::findable_by`].
    pub findable_by: Option<i16>,
    /// See [`UserRow::requests_from`].
    pub requests_from: Option<i16>,
    /// See [`UserRow::presence_to`].
    pub presence_to: Option<i16>,
    /// See [`UserRow::asked_since`].
    pub asked_since: Option<i64>,
    /// See [`UserRow::asked_count`].
    pub asked_count: Option<i64>,
    /// See [`UserRow::pending_since`].
    pub pending_since: Option<Option<i64>>,
}

/// Adds a person.
pub fn insert(conn: &mut Connection, row: &UserRow) -> QueryResult<usize> {
    diesel::insert_into(users::table).values(row.clone()).execute(conn)
}

/// A person by id.
pub fn find(conn: &mut Connection, id: UserId) -> QueryResult<Option<UserRow>> {
    users::table.find(id.0).select(UserRow::as_select()).first(conn).optional()
}

/// The bots of a person that are not gone, oldest first.
pub fn list_bots(conn: &mut Connection, owner: UserId) -> QueryResult<Vec<UserRow>> {
    users::table
        .filter(users::owner_id.eq(owner.0))
        .filter(users::deleted_at.is_null())
        .order((users::created_at.asc(), users::id.asc()))
        .select(UserRow::as_select())
        .load(conn)
}

/// A person by handle in lower case.
pub fn find_by_handle(conn: &mut Connection, handle_key: &str) -> QueryResult<Option<UserRow>> {
    users::table.filter(users::handle_key.eq(handle_key)).select(UserRow::as_select()).first(conn).optional()
}

/// Locks two people's rows until the transaction ends, in the order in which everybody locks them.
pub fn lock_pair(conn: &mut Connection, a: UserId, b: UserId) -> QueryResult<()> {
    lock_all(conn, &[a.0, b.0])
}

/// Locks people's rows until the transaction ends, in the order in which everybody locks them.
pub fn lock_all(conn: &mut Connection, people: &[i64]) -> QueryResult<()> {
    match conn {
        Connection::Postgres(inner) => users::table
            .filter(users::id.eq_any(people))
            .order(users::id.asc())
            .select(users::id)
            .for_no_key_update()
            .load::<i64>(inner)
            .map(|_| ()),
        // There is one writer.
        Connection::Sqlite(_) => Ok(()),
    }
}

/// Several people by id, in no order.
pub fn list(conn: &mut Connection, ids: &[i64]) -> QueryResult<Vec<User>> {
    let rows = users::table.filter(users::id.eq_any(ids)).select(SummaryRow::as_select()).load(conn)?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// Changes a person.
pub fn update(conn: &mut Connection, id: UserId, changes: UserChanges) -> QueryResult<usize> {
    diesel::update(users::table.find(id.0)).set(changes).execute(conn)
}

/// Moves the notification marker forward; answers whether it moved.
pub fn mark_notifications(conn: &mut Connection, id: UserId, up_to: Seq) -> QueryResult<bool> {
    diesel::update(
        users::table
            .find(id.0)
            .filter(users::notifications_read.lt(up_to))
            .filter(users::last_useq.ge(up_to)),
    )
    .set(users::notifications_read.eq(up_to))
    .execute(conn)
    .map(|changed| changed > 0)
}

/// A stored picture.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = avatars)]
pub struct AvatarRow {
    /// Random id.
    pub id: i64,
    /// Whose.
    pub user_id: i64,
    /// Media type of both sizes.
    pub media_type: String,
    /// The small square.
    pub small: Vec<u8>,
    /// The large square.
    pub large: Vec<u8>,
    /// When it was uploaded.
    pub created_at: i64,
}

/// Replaces a person's pictures by this one.
pub fn replace_avatar(conn: &mut Connection, row: &AvatarRow) -> QueryResult<usize> {
    delete_avatars(conn, UserId(row.user_id))?;
    diesel::insert_into(avatars::table).values(row.clone()).execute(conn)
}

/// Deletes a person's pictures.
pub fn delete_avatars(conn: &mut Connection, user: UserId) -> QueryResult<usize> {
    diesel::delete(avatars::table.filter(avatars::user_id.eq(user.0))).execute(conn)
}

/// Media type and bytes of a picture.
pub fn find_avatar(
    conn: &mut Connection,
    id: AvatarId,
    large: bool,
) -> QueryResult<Option<(String, Vec<u8>)>> {
    let row = avatars::table.find(id.0);
    if large {
        row.select((avatars::media_type, avatars::large)).first(conn).optional()
    } else {
        row.select((avatars::media_type, avatars::small)).first(conn).optional()
    }
}
