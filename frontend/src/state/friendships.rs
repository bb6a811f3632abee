//! Applies events of the user's own stream to the loaded lists of friends and requests, without reloading.

use parlour_protocol::friends::{Friend, FriendRequest, FriendRequests};
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::User;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::samples::user;

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
}
