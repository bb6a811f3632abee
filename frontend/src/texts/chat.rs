//! Texts of a conversation: its head, messages, composer, members, and the state of the connection.

texts! {
    messages = "Messages";
    latest = "Latest";
    load_failed = "Couldn't load messages.";
    message_gone = "That message is no longer here.";
    new_line = "New";
    room_welcome(room: &str) = "Welcome to {room}";
    room_begins(room: &str) = "This is where {room} begins.";
    chat_begins(name: &str) = "This is the beginning of your chat with {name}. Only you two can read it.";
    blocked_message = "Message from someone you blocked.";
    show = "Show";
    deleted_message = "This message was deleted.";
    view_original = "View original message";
    edited = "(edited)";
    edited_at(moment: &str) = "Edited {moment}";
    someone = "Someone";
    this_person = "This person";
    this_one = "this person";
    sending = "Sending…";
    saving = "Saving…";
    not_sent(why: &str) = "Couldn't send: {why}";
    not_saved(why: &str) = "Couldn't save: {why}";
    try_again = "Try again";
    own_at(clock: &str, text: &str) = "You, {clock}: {text}";
    own_now(text: &str) = "You, now: {text}";
    delete = "Delete";
    reply = "Reply";
    edit = "Edit";
    more = "More";
    copy_text = "Copy text";
    copied = "Copied";
    copy_link = "Copy link";
    link_copied = "Link copied";
    delete_title = "Delete this message?";
    delete_text = "It will be deleted for everyone. This can't be undone.";
    message_actions = "Message actions";
    reactions = "Reactions";
    add_reaction = "Add a reaction";
    react_with(emoji: &str) = "React with {emoji}";
    block = "Block";
    block_named(name: &str) = "Block {name}";
    block_title(name: &str) = "Block {name}?";
    block_text = "You won't hear from them, and their messages in rooms are hidden. If you are friends, that ends. They won't be \
                  notified.";
    is_blocked(name: &str) = "{name} is blocked.";
    is_unblocked(name: &str) = "{name} is unblocked.";

    replying_to = "Replying to ";
    editing = "Editing your message";
    cancel_key = "Cancel (Esc)";
    people_to_mention = "People to mention";
    message_to(name: &str) = "Message to {name}";
    message_placeholder(name: &str) = "Message {name}";
    send = "Send";
    send_key = "Send (Enter)";

    no_longer_friends = "You're no longer friends, so you can't send messages here.";
    cannot_write = "You can't send messages in this room.";
    show_profile = "Show profile";
    members_title = "Members";
    typing_one(name: &str) = "{name} is typing…";
    typing_few(names: &str) = "{names} are typing…";
    typing_many = "Several people are typing…";
    join_room = "Join room";
    browse_rooms = "Browse rooms";
    room_deleted = "This room was deleted";
    room_deleted_text = "Everything that was said in it is gone, too.";
    back_to_chats = "Back to chats";
    profile = "Profile";
    edit_room = "Edit room";
    leave_room = "Leave room";
    leave_title = "Leave this room?";
    leave_text = "You can rejoin at any time.";
    leave = "Leave";
    delete_room = "Delete room";
    delete_room_title = "Delete this room?";
    delete_room_text = "The room and everything said in it will be deleted for everyone.";
    topic = "Topic";
    online(count: usize) = "Online – {count}";
    offline(count: usize) = "Offline – {count}";
    members(count: usize) = "Members – {count}";
    owner = "Owner";
    moderator = "Moderator";

    direct_from(author: &str) = "Direct message from {author}";
    mentioned_by(author: &str) = "{author} mentioned you";
    spoken(author: &str, text: &str) = "{author}: {text}";
    code_left_out = "(code)";

    no_connection = "No connection. Messages will send when you reconnect.";
    unreachable = "Can't reach the server. Retrying…";
    busy = "The server is busy. Retrying…";
    too_many_tabs = "Too many tabs are open. Close one to go on here.";
    connected_again = "You're connected again.";
    try_now = "Try now";
    new_version = "A new version is available. Reload the page.";

}

/// The number of new messages below the viewport.
pub(crate) fn new_messages(count: i64) -> String {
    super::counted(count, "new message", "new messages")
}

/// `12 new messages from Ada and Bob.`
pub(crate) fn heard(count: i64, from: &str) -> String {
    format!("{} from {from}.", new_messages(count))
}

/// Like [`heard`], if some of them are direct messages or mentions.
pub(crate) fn heard_and_called(count: i64, from: &str, by: &str) -> String {
    format!("{} from {from}. {by} wrote to you.", new_messages(count))
}

/// `3 people`.
pub(crate) fn people(count: i64) -> String {
    super::counted(count, "person", "people")
}

/// The number of people offered for a mention, and the keys that work in the list.
pub(crate) fn mention_status(count: i64) -> String {
    format!(
        "{} to mention. Up and Down choose, Enter takes the chosen one, Escape closes the list.",
        people(count)
    )
}

/// By how many characters a message is too long.
pub(crate) fn too_long(over: i64, limit: &str) -> String {
    format!("Too long by {} (limit {limit}).", super::counted(over, "character", "characters"))
}
