//! Texts of notifications: requests, replies, mentions.

texts! {
    title = "Activity";
    none_title = "All quiet";
    none_text = "Friend requests and messages that mention you will appear here.";
    friend_requested = "wants to be your friend";
    friend_requested_done = "wanted to be your friend. You're friends now.";
    friend_requested_gone = "wanted to be your friend";
    friend_accepted = "accepted your friend request";
    replied_in(room: &str) = "replied to you in {room}";
    replied = "replied to you";
    mentioned_in(room: &str) = "mentioned you in {room}";
    mentioned = "mentioned you";
    unknown = "sent you something new. Reload to see it.";
    new = "new";
}

/// Unread notifications next to a link's name, for screen readers.
pub(crate) fn unread(count: i64) -> String {
    format!("{count} new")
}
