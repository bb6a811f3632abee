//! Applies events of the user's own stream to the loaded lists of friends, requests and notifications, without
//! reloading.

use parlour_protocol::friends::{Friend, FriendRequest, FriendRequests};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::notifications::{Notification, NotificationKind, Notifications};
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::User;

/// Unread notifications are counted up to this number, as on the server.
const MOST: i64 = 100;

/// Adds a request at the top of the incoming or the outgoing list.
pub(crate) fn ask(requests: &mut FriendRequests, user: User, at: Timestamp, incoming: bool) {
    end_request(requests, user.id);
    let list = if incoming { &mut requests.incoming } else { &mut requests.outgoing };
    list.insert(0, FriendRequest { user, at });
}

/// Removes the request between the current user and another one, in both directions.
pub(crate) fn end_request(requests: &mut FriendRequests, user: UserId) {
    requests.incoming.retain(|one| one.user.id != user);
    requests.outgoing.retain(|one| one.user.id != user);
}

/// Adds a new friend at the top.
pub(crate) fn befriend(
    friends: &mut Vec<Friend>,
    user: User,
    online: bool,
    since: Timestamp,
    direct: Option<ConversationId>,
) {
    friends.retain(|one| one.user.id != user.id);
    friends.insert(0, Friend { user, online, since, direct });
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: i64) -> User {
        User {
            id: UserId(id),
            handle: id.to_string(),
            display_name: id.to_string(),
            avatar: None,
            bot: false,
        }
    }

    #[test]
    fn a_request_becomes_a_friendship() {
        let mut requests = FriendRequests { incoming: Vec::new(), outgoing: Vec::new() };
        let mut friends = Vec::new();
        ask(&mut requests, user(2), Timestamp(5), true);
        ask(&mut requests, user(2), Timestamp(6), true);
        ask(&mut requests, user(3), Timestamp(7), false);
        assert_eq!((requests.incoming.len(), requests.outgoing.len()), (1, 1));
        for _ in 0..2 {
            befriend(&mut friends, user(2), true, Timestamp(8), None);
        }
        end_request(&mut requests, UserId(2));
        assert_eq!((friends.len(), requests.incoming.len(), requests.outgoing.len()), (1, 0, 1));
    }

    #[test]
    fn a_notification_is_told_once() {
        let mut notices = Notifications { items: Vec::new(), unread: 0, next: None };
        let about = About { kind: NotificationKind::FriendRequested, actor: user(2), message: None };
        for seq in [4, 4, 7, 5] {
            notify(&mut notices, seq, Timestamp(seq), about.clone());
        }
        assert_eq!(notices.items.iter().map(|one| one.seq).collect::<Vec<_>>(), [7, 5, 4]);
        assert_eq!(notices.unread, 3);
    }
}
