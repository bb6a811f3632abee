//! The list of notifications: a view of the user's event stream.

use std::collections::BTreeMap;

use parlour_protocol::events::UserChange;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::notifications::{Notification, NotificationKind, Notifications};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::User;
use parlour_storage::user_events::UserEventRow;
use parlour_storage::{Connection, blocks, conversations, user_events, users};

use crate::outcome::{Done, Outcome, tell};
use crate::{Refusal, cut_page};

/// Unread notifications are counted up to this number.
const COUNT_UP_TO: i64 = 100;

/// A page of notifications, newest first.
pub fn list(conn: &mut Connection, user: UserId, before: Seq, limit: i64) -> Result<Notifications, Refusal> {
    let seen = users::find(conn, user)?.ok_or(ErrorCode::NotFound)?.notifications_read;
    let mut rows = user_events::list_notifications(conn, user, before, limit + 1)?;
    let next = cut_page(&mut rows, limit, |row| row.useq);
    // Actions of users whom the caller blocks aren't shown.
    let blocked = blocks::list_blocked_ids(conn, user)?;
    let wanted =
        |row: UserEventRow| Found::from(row.into_event()).filter(|found| !blocked.contains(&found.actor));
    let unread = user_events::list_notifications(conn, user, Seq::MAX, COUNT_UP_TO)?
        .into_iter()
        .filter_map(wanted)
        .filter(|found| found.seq > seen)
        .count() as i64;

    let found: Vec<Found> = rows.into_iter().filter_map(wanted).collect();
    let actors: Vec<UserId> = found.iter().map(|one| one.actor).collect();
    let people: BTreeMap<UserId, User> =
        users::list(conn, &actors)?.into_iter().map(|user| (user.id, user)).collect();
    let mut rooms: BTreeMap<ConversationId, Option<String>> = BTreeMap::new();
    for place in found.iter().filter_map(|one| one.place.map(|(conversation, _)| conversation)) {
        if let std::collections::btree_map::Entry::Vacant(entry) = rooms.entry(place) {
            entry.insert(conversations::find(conn, place)?.and_then(|row| row.name));
        }
    }
    let items = found
        .into_iter()
        .filter_map(|one| {
            Some(Notification {
                seq: one.seq,
                kind: one.kind,
                actor: people.get(&one.actor)?.clone(),
                conversation: one.place.map(|(conversation, _)| conversation),
                room: one.place.and_then(|(conversation, _)| rooms.get(&conversation).cloned().flatten()),
                message: one.place.map(|(_, message)| message),
                at: one.at,
                read: one.seq <= seen,
            })
        })
        .collect();
    Ok(Notifications { items, unread, next })
}

struct Found {
    seq: Seq,
    at: Timestamp,
    kind: NotificationKind,
    actor: UserId,
    place: Option<(ConversationId, Seq)>,
}

impl Found {
    fn from(event: parlour_protocol::events::UserEvent) -> Option<Self> {
        let (kind, actor, place) = match event.change {
            UserChange::FriendRequested { user } => (NotificationKind::FriendRequested, user, None),
            UserChange::FriendAdded { user, .. } => (NotificationKind::FriendAccepted, user, None),
            UserChange::Mentioned { conversation, seq, author } => {
                (NotificationKind::Mentioned, author, Some((conversation, seq)))
            }
            UserChange::Answered { conversation, seq, author } => {
                (NotificationKind::Answered, author, Some((conversation, seq)))
            }
            _ => return None,
        };
        Some(Self { seq: event.seq, at: event.at, kind, actor, place })
    }
}

/// Marks notifications as seen. The marker never moves back, and never beyond the newest one: what hasn't happened yet
/// can't be seen.
pub fn mark_read(conn: &mut Connection, now: Timestamp, user: UserId, up_to: Seq) -> Done<()> {
    let head = users::find(conn, user)?.ok_or(ErrorCode::NotFound)?.last_useq;
    let up_to = up_to.min(head);
    if !users::mark_notifications(conn, user, up_to)? {
        return Ok(Outcome::without_events(()));
    }
    let effects = tell(now, vec![(user, UserChange::NotificationsRead { up_to }, false)]);
    Ok(Outcome { value: (), effects })
}
