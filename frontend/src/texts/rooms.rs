//! Texts of the list of rooms, and of creating one.

texts! {
    title = "Rooms";
    new_room = "New room";
    search = "Search rooms";
    none_title = "No rooms yet";
    none_text = "Rooms are open to everyone on this server. Create the first one.";
    not_found_title = "No results";
    not_found_text = "Try another name, or create the room yourself.";
    create = "Create a room";
    create_text = "Everyone on this server can find it and join.";
    create_submit = "Create room";
    name = "Name";
    name_hint = "2 to 40 characters.";
    name_example = "tea";
    topic = "Topic (optional)";
    topic_hint = "One line about what belongs here.";
    topic_example = "All about tea";
    name_taken = "There's already a room with this name.";
    active(ago: &str) = "Active {ago}";
    join = "Join";
    joined = "Joined";
    join_room(room: &str) = "Join {room}";
}

/// `2 friends online`.
pub(crate) fn friends_online(count: i64) -> String {
    format!("{} online", super::counted(count, "friend", "friends"))
}
