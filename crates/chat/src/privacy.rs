//! Privacy settings: what others can see and do.

use parlour_protocol::events::UserChange;
use parlour_protocol::ids::UserId;
use parlour_protocol::privacy::{PresenceTo, Privacy, UpdatePrivacy};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::Timestamp;
use parlour_storage::users::UserChanges;
use parlour_storage::{Connection, friendships, users};

use crate::Refusal;
use crate::outcome::{Done, Outcome, tell};

/// The caller's settings.
pub fn find(conn: &mut Connection, user: UserId) -> Result<Privacy, Refusal> {
    let row = users::find(conn, user)?.ok_or(ErrorCode::NotFound)?;
    Ok(Privacy {
        findable_by: row.findable_by,
        requests_from: row.requests_from,
        presence_to: row.presence_to,
    })
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
        findable_by: Some(after.findable_by),
        requests_from: Some(after.requests_from),
        presence_to: Some(after.presence_to),
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
