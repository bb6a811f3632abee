//! Texts of the list of keyboard shortcuts.

/// The key label that stands for any letter.
pub(crate) const ANY_LETTER: &[&str] = &["Any letter"];

texts! {
    title = "Keyboard shortcuts";
    jump = "Go to a room or a person";
    send = "Send the message";
    new_line = "Start a new line";
    edit_last = "Edit your last message, in an empty box";
    to_messages = "Go from the box to the messages";
    between_messages = "Go from message to message";
    message_menu = "Show what you can do with a message";
    inside_message = "Go through the buttons and links of a message";
    first_last = "Go to the first or the last message";
    back = "Go back one step, at last to the box";
    write = "Write, wherever you are";
    this_list = "Show this list (or Ctrl + /)";
}
