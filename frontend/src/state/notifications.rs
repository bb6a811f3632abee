//! Applies events to the loaded notifications, without reloading.

use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::notifications::{Notification, NotificationKind, Notifications};
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::User;

/// Unread notifications are counted up to this number, as on the server.
const MOST: i64 = 100;

/// What a notification is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) kind: NotificationKind,
    pub(crate) actor: User,
    /// Conversation, position, and the room's name.
    pub(crate) message: Option<(ConversationId, Seq, Option<String>)>,
}

/// Inserts a notification by its position, unless it is already there.
pub(crate) fn notify(notices: &mut Notifications, seq: Seq, at: Timestamp, about: About) {
    // Users that had to be requested first may arrive out of order.
    let place = notices.items.partition_point(|one| one.seq > seq);
    if notices.items.get(place).is_some_and(|one| one.seq == seq) {
        return;
    }
    let About { kind, actor, message } = about;
    let (conversation, message, room) = match message {
        Some((conversation, message, room)) => (Some(conversation), Some(message), room),
        None => (None, None, None),
    };
    let one = Notification { seq, kind, actor, conversation, room, message, at, read: false };
    notices.items.insert(place, one);
    notices.unread = (notices.unread + 1).min(MOST);
}

/// Removes the notifications of a message that was deleted. Returns whether there were any.
pub(crate) fn forget(notices: &mut Notifications, conversation: ConversationId, message: Seq) -> bool {
    let about = |one: &Notification| one.conversation == Some(conversation) && one.message == Some(message);
    let found = notices.items.iter().any(about);
    let unread = notices.items.iter().filter(|one| about(one) && !one.read).count() as i64;
    notices.items.retain(|one| !about(one));
    notices.unread = (notices.unread - unread).max(0);
    found
}

/// The position of the newest unread notification, if there is any.
pub(crate) fn newest_unread(notices: &Notifications) -> Option<Seq> {
    notices.items.first().filter(|_| notices.unread > 0).map(|one| one.seq)
}

/// The same, if all unread notifications concern one conversation.
pub(crate) fn newest_unread_in(notices: &Notifications, conversation: ConversationId) -> Option<Seq> {
    let fresh: Vec<_> = notices.items.iter().filter(|one| !one.read).take(notices.unread as usize).collect();
    // All unread notifications must be among the loaded ones.
    let known = fresh.len() as i64 == notices.unread;
    let here = known && fresh.iter().all(|one| one.conversation == Some(conversation));
    newest_unread(notices).filter(|_| here)
}

/// Notes that everything up to a position was seen. Returns false if there is something newer: then only the server
/// knows how much. The items stay marked as new.
pub(crate) fn see(notices: &mut Notifications, up_to: Seq) -> bool {
    let newer = notices.items.first().is_some_and(|one| one.seq > up_to);
    if !newer {
        notices.unread = 0;
    }
    !newer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::samples::user;

    fn empty() -> Notifications {
        Notifications { items: Vec::new(), unread: 0, next: None }
    }

    fn mention(room: i64, message: Seq) -> About {
        let message = Some((ConversationId(room), message, None));
        About { kind: NotificationKind::Mentioned, actor: user(2), message }
    }

    #[test]
    fn a_notification_is_told_once() {
        let mut notices = empty();
        let about = About { kind: NotificationKind::FriendRequested, actor: user(2), message: None };
        for seq in [4, 4, 7, 5] {
            notify(&mut notices, seq, Timestamp(seq), about.clone());
        }
        assert_eq!(notices.items.iter().map(|one| one.seq).collect::<Vec<_>>(), [7, 5, 4]);
        assert_eq!(notices.unread, 3);
    }

    #[test]
    fn a_deleted_message_takes_its_notifications_with_it() {
        let mut notices = empty();
        notify(&mut notices, 1, Timestamp(1), mention(5, 10));
        notify(&mut notices, 2, Timestamp(2), mention(5, 11));
        assert!(!forget(&mut notices, ConversationId(6), 10));
        assert!(forget(&mut notices, ConversationId(5), 10));
        assert_eq!((notices.items.len(), notices.unread), (1, 1));
    }

    #[test]
    fn what_is_seen_no_longer_counts_unless_there_is_something_newer() {
        let mut notices = empty();
        assert_eq!(newest_unread_in(&notices, ConversationId(5)), None);
        notify(&mut notices, 1, Timestamp(1), mention(5, 10));
        assert_eq!(newest_unread_in(&notices, ConversationId(5)), Some(1));
        notify(&mut notices, 2, Timestamp(2), mention(6, 3));
        assert_eq!(newest_unread_in(&notices, ConversationId(5)), None);
        assert_eq!(newest_unread(&notices), Some(2));
        assert!(!see(&mut notices, 1));
        assert_eq!(notices.unread, 2);
        assert!(see(&mut notices, 2));
        assert_eq!(newest_unread(&notices), None);
    }
}
