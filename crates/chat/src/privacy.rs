//! Privacy settings: what others can see and do.
//!
//! Invariant: a stored number that this version doesn't know is read as the most private value.

use parlour_protocol::events::UserChange;
use parlour_protocol::ids::UserId;
use parlour_protocol::privacy::{FindableBy, PresenceTo, Privacy, RequestsFrom, UpdatePrivacy};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::Timestamp;
use parlour_storage::users::{UserChanges, UserRow};
use parlour_storage::{Connection, friendships, users};

use crate::Refusal;
use crate::outcome::{Done, Outcome, tell};

/// The settings in a user's row.
pub fn of(row: &UserRow) -> Privacy {
    Privacy {
        findable_by: if row.findable_by == 0 { FindableBy::Everybody } else { FindableBy::Nobody },
        requests_from: match row.requests_from {
            0 => RequestsFrom::Everybody,
            1 => RequestsFrom::CommonRoom,
            _ => RequestsFrom::Nobody,
        },
        presence_to: if row.presence_to == 0 { PresenceTo::Friends } else { PresenceTo::Nobody },
    }
}

/// The caller's settings.
pub fn find(conn: &mut Connection, user: UserId) -> Result<Privacy, Refusal> {
    Ok(of(&users::find(conn, user)?.ok_or(ErrorCode::NotFound)?))
}

/// The new settings, and the friends to whom the user became visible or invisible.
pub type Updated = (Privacy, Vec<UserId>);

/// Changes the caller's settings.
pub fn update(conn: &mut Connection, now: Timestamp, user: UserId, request: &UpdatePrivacy) -> Done<Updated> {
    let before = find(conn, user)?;
    let after = Privacy {
        findable_by: request.findable_by.unwrap_or(before.findable_by),
        requests_from: request.requests_from.unwrap_or(before.requests_from),
        presence_to: request.presence_to.unwrap_or(before.presence_to),
    };
    if after == before {
        return Ok(Outcome::without_events((after, Vec::new())));
    }
    // The list is empty while the user is invisible, so it is read while they are visible.
    let mut watchers = friendships::list_ids(conn, user)?;
    let changes = UserChanges {
        findable_by: Some(i16::from(after.findable_by == FindableBy::Nobody)),
        requests_from: Some(match after.requests_from {
            RequestsFrom::Everybody => 0,
            RequestsFrom::CommonRoom => 1,
            RequestsFrom::Nobody => 2,
        }),
        presence_to: Some(i16::from(after.presence_to == PresenceTo::Nobody)),
        ..UserChanges::default()
    };
    users::update(conn, user, changes)?;
    if after.presence_to == before.presence_to {
        watchers.clear();
    } else if after.presence_to == PresenceTo::Friends {
        watchers = friendships::list_ids(conn, user)?;
    }
    let effects = tell(now, vec![(user, UserChange::AccountChanged {}, false)]);
    Ok(Outcome { value: (after, watchers), effects })
}
