//! Texts of friends, friend requests and profiles.

texts! {
    title = "Friends";
    friends = "Your friends";
    requests = "Requests";
    add_friend = "Add a friend";
    add_hint = "Their exact username.";
    add_example = "@ada";
    send_request = "Send request";
    not_found = "We couldn't find anyone with that username.";
    none_title = "No friends yet";
    none_text = "Enter a friend's username above. Once they accept, you can message each other.";
    none_waiting_text = "Once your request is accepted, you can message each other.";
    waiting = "Waiting for a reply";
    no_requests_title = "No open requests";
    no_requests_text = "Friend requests you receive and send appear here.";
    received = "Received";
    sent = "Sent";
    handle_and(handle: &str, more: &str) = "{handle} · {more}";
    accept = "Accept";
    accept_request = "Accept request";
    decline = "Decline";
    cancel_request = "Cancel request";
    message = "Message";
    message_person(name: &str) = "Message {name}";
    remove_friend = "Remove friend";
    remove_friend_named(name: &str) = "Remove {name} from friends";
    remove_title(name: &str) = "Remove {name} from friends?";
    remove_text = "You'll both keep your messages, but you won't be able to message each other.";
    now_friends(name: &str) = "You and {name} are now friends.";
    request_sent(name: &str) = "Friend request sent to {name}.";

    profile = "Profile";
    edit_profile = "Edit profile";
    add_as_friend = "Add friend";
    request_pending = "Your friend request is waiting for a reply.";
    block = "Block";
    unblock = "Unblock";
    blocked_notice = "You've blocked this person. They won't be notified.";
    joined(day: &str) = "Joined {day}";
    owned_by = "Owned by";
    own_bot = "Manage your bot";
    copy_id = "Copy ID";
}

/// Pending requests next to a link's name, for screen readers.
pub(crate) fn waiting_requests(count: i64) -> String {
    super::counted(count, "friend request", "friend requests")
}
