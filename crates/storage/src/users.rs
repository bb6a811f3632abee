//! Users and their profile pictures.
//!
//! Invariant: a deleted account keeps its row, because messages still refer to their author.

use diesel::prelude::*;
use parlour_protocol::accounts::{Account, ServerRole};
use parlour_protocol::ids::{AvatarId, Seq, UserId};
use parlour_protocol::privacy::{FindableBy, PresenceTo, RequestsFrom};
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::User;

use crate::among::is_among;
use crate::on_backend;
use crate::schema::{avatars, users};
use crate::{Connection, Result};

/// All columns of a user.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = users)]
#[diesel(treat_none_as_default_value = false)]
pub struct UserRow {
    /// Random id.
    pub id: UserId,
    /// Handle as it was written.
    pub handle: String,
    /// Handle in lower case.
    pub handle_key: String,
    /// Name shown to others.
    pub display_name: String,
    /// Free text about the user.
    pub bio: String,
    /// Current profile picture.
    pub avatar_id: Option<AvatarId>,
    /// PHC string of argon2id; empty if there is no password.
    pub password_hash: String,
    /// Whether the user is an administrator.
    pub is_admin: bool,
    /// When the account was created.
    pub created_at: i64,
    /// When the handle was last changed; the creation time if it never was.
    pub handle_changed_at: i64,
    /// When the account was suspended; also set when it is deleted.
    pub suspended_at: Option<i64>,
    /// Head of the user's event stream.
    pub last_useq: i64,
    /// Position in the event stream up to which notifications were seen.
    pub notifications_read: i64,
    /// Who can find the user by handle.
    pub findable_by: FindableBy,
    /// Whose friend requests reach the user.
    pub requests_from: RequestsFrom,
    /// Who can see whether the user is online.
    pub presence_to: PresenceTo,
    /// Start of the current day for counting the user's friend requests.
    pub asked_since: i64,
    /// Number of friend requests sent since then.
    pub asked_count: i64,
    /// When the account was registered, if it still waits for approval.
    pub pending_since: Option<i64>,
    /// When the account was deleted; the row stays because messages refer to it.
    pub deleted_at: Option<i64>,
    /// Owner of the bot; `None` for people.
    pub owner_id: Option<UserId>,
}

impl UserRow {
    /// Whether the account is in use: not suspended, deleted (which also suspends it) or waiting for approval.
    pub fn is_active(&self) -> bool {
        self.suspended_at.is_none() && self.pending_since.is_none()
    }

    /// What others see in lists.
    pub fn summary(&self) -> User {
        User {
            id: self.id,
            handle: self.handle.clone(),
            display_name: self.display_name.clone(),
            avatar: self.avatar_id,
            bot: self.is_bot(),
        }
    }

    /// What users see of themselves.
    pub fn account(&self) -> Account {
        Account {
            id: self.id,
            handle: self.handle.clone(),
            display_name: self.display_name.clone(),
            bio: self.bio.clone(),
            avatar: self.avatar_id,
            role: if self.is_admin { ServerRole::Admin } else { ServerRole::Member },
            has_password: self.has_password(),
            created_at: Timestamp(self.created_at),
        }
    }

    /// Whether the account is a bot.
    pub fn is_bot(&self) -> bool {
        self.owner_id.is_some()
    }

    /// Whether there is a password. Users who registered with an OpenID Connect provider have none at first.
    pub fn has_password(&self) -> bool {
        !self.password_hash.is_empty()
    }
}

/// The columns needed in lists.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct SummaryRow {
    /// Random id.
    pub id: UserId,
    /// Handle as it was written.
    pub handle: String,
    /// Name shown to others.
    pub display_name: String,
    /// Current profile picture.
    pub avatar_id: Option<AvatarId>,
    /// Owner of the bot; `None` for people.
    pub owner_id: Option<UserId>,
}

impl From<SummaryRow> for User {
    fn from(row: SummaryRow) -> Self {
        Self {
            id: row.id,
            handle: row.handle,
            display_name: row.display_name,
            avatar: row.avatar_id,
            bot: row.owner_id.is_some(),
        }
    }
}

/// Changes to a user; `None` leaves a column unchanged.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = users)]
pub struct UserChanges {
    /// New handle.
    pub handle: Option<String>,
    /// New handle in lower case.
    pub handle_key: Option<String>,
    /// When the handle was changed.
    pub handle_changed_at: Option<i64>,
    /// New display name.
    pub display_name: Option<String>,
    /// New bio.
    pub bio: Option<String>,
    /// New picture, or `Some(None)` to remove it.
    pub avatar_id: Option<Option<AvatarId>>,
    /// New password hash.
    pub password_hash: Option<String>,
    /// When it was suspended, or `Some(None)` to lift the suspension.
    pub suspended_at: Option<Option<i64>>,
    /// Whether the user is an administrator.
    pub is_admin: Option<bool>,
    /// See [`UserRow::findable_by`].
    pub findable_by: Option<FindableBy>,
    /// See [`UserRow::requests_from`].
    pub requests_from: Option<RequestsFrom>,
    /// See [`UserRow::presence_to`].
    pub presence_to: Option<PresenceTo>,
    /// See [`UserRow::asked_since`].
    pub asked_since: Option<i64>,
    /// See [`UserRow::asked_count`].
    pub asked_count: Option<i64>,
    /// See [`UserRow::pending_since`].
    pub pending_since: Option<Option<i64>>,
}

/// Inserts a user.
pub fn insert(conn: &mut Connection, row: &UserRow) -> Result<usize> {
    Ok(diesel::insert_into(users::table).values(row.clone()).execute(conn)?)
}

/// A user by id.
pub fn find(conn: &mut Connection, id: UserId) -> Result<Option<UserRow>> {
    Ok(users::table.find(id).select(UserRow::as_select()).first(conn).optional()?)
}

/// A user's bots that aren't deleted, oldest first.
pub fn list_bots(conn: &mut Connection, owner: UserId) -> Result<Vec<UserRow>> {
    Ok(users::table
        .filter(users::owner_id.eq(owner))
        .filter(users::deleted_at.is_null())
        .order((users::created_at.asc(), users::id.asc()))
        .select(UserRow::as_select())
        .load(conn)?)
}

/// A user by handle in lower case.
pub fn find_by_handle(conn: &mut Connection, handle_key: &str) -> Result<Option<UserRow>> {
    Ok(users::table
        .filter(users::handle_key.eq(handle_key))
        .select(UserRow::as_select())
        .first(conn)
        .optional()?)
}

/// Locks two users' rows until the transaction ends, in the global lock order.
pub fn lock_pair(conn: &mut Connection, a: UserId, b: UserId) -> Result<()> {
    lock_all(conn, &[a, b])
}

/// Locks users' rows until the transaction ends, in the global lock order: by id.
pub fn lock_all(conn: &mut Connection, people: &[UserId]) -> Result<()> {
    match conn {
        Connection::Postgres(inner) => {
            users::table
                .filter(users::id.eq_any(people))
                .order(users::id.asc())
                .select(users::id)
                .for_no_key_update()
                .load::<UserId>(inner)?;
        }
        // There is only one writer.
        Connection::Sqlite(_) => {}
    }
    Ok(())
}

/// Several users by id, in no particular order.
pub fn list(conn: &mut Connection, ids: &[UserId]) -> Result<Vec<User>> {
    let rows: Vec<SummaryRow> = on_backend!(conn, inner => users::table
        .filter(is_among(users::id, ids))
        .select(SummaryRow::as_select())
        .load(inner))?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// Updates a user.
pub fn update(conn: &mut Connection, id: UserId, changes: UserChanges) -> Result<usize> {
    Ok(diesel::update(users::table.find(id)).set(changes).execute(conn)?)
}

/// Moves the notification marker forward; returns whether it moved.
pub fn mark_notifications(conn: &mut Connection, id: UserId, up_to: Seq) -> Result<bool> {
    let changed = diesel::update(
        users::table.find(id).filter(users::notifications_read.lt(up_to)).filter(users::last_useq.ge(up_to)),
    )
    .set(users::notifications_read.eq(up_to))
    .execute(conn)?;
    Ok(changed > 0)
}

/// A stored profile picture.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = avatars)]
pub struct AvatarRow {
    /// Random id.
    pub id: AvatarId,
    /// Id of the owner.
    pub user_id: UserId,
    /// Media type of both sizes.
    pub media_type: String,
    /// The small square.
    pub small: Vec<u8>,
    /// The large square.
    pub large: Vec<u8>,
    /// When it was uploaded.
    pub created_at: i64,
}

/// Replaces a user's pictures with this one.
pub fn replace_avatar(conn: &mut Connection, row: &AvatarRow) -> Result<usize> {
    delete_avatars(conn, row.user_id)?;
    Ok(diesel::insert_into(avatars::table).values(row.clone()).execute(conn)?)
}

/// Deletes a user's pictures.
pub fn delete_avatars(conn: &mut Connection, user: UserId) -> Result<usize> {
    Ok(diesel::delete(avatars::table.filter(avatars::user_id.eq(user))).execute(conn)?)
}

/// Media type and bytes of a picture.
pub fn find_avatar(conn: &mut Connection, id: AvatarId, large: bool) -> Result<Option<(String, Vec<u8>)>> {
    let row = avatars::table.find(id);
    let found = if large {
        row.select((avatars::media_type, avatars::large)).first(conn)
    } else {
        row.select((avatars::media_type, avatars::small)).first(conn)
    };
    Ok(found.optional()?)
}
