//! Texts of the home page.

use crate::state::time::PartOfDay;

texts! {
    title = "Home";
    good_morning(name: &str) = "Good morning, {name}";
    good_afternoon(name: &str) = "Good afternoon, {name}";
    good_evening(name: &str) = "Good evening, {name}";
    all_read = "You're all caught up.";
    choose = "Choose a conversation, or join a room.";
    unread = "Unread";
    recent = "Recent";
    browse_rooms = "Browse rooms";
    add_friend = "Add a friend";
    no_messages = "No messages yet";
    mentions_you = "Mentions you";
    words(author: &str, text: &str) = "{author}: {text}";
    own_words(text: &str) = "You: {text}";
}

/// A greeting for the time of day.
pub(crate) fn greeting(part: PartOfDay, name: &str) -> String {
    match part {
        PartOfDay::Morning => good_morning(name),
        PartOfDay::Afternoon => good_afternoon(name),
        PartOfDay::Evening => good_evening(name),
    }
}

/// `3 friend requests`.
pub(crate) fn friend_requests(count: i64) -> String {
    super::counted(count, "friend request", "friend requests")
}
