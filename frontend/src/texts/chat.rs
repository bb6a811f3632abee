//! A conversation: its head, its messages, the composer, the members.

texts! {
    online(count: usize) = "Online – {count}";
    offline(count: usize) = "Offline – {count}";
    members(count: usize) = "Members – {count}";
    owner = "Owner";
    moderator = "Moderator";
}
