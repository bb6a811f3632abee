//! What users may do, as the server tells it to clients.
//!
//! Invariant: a client shows what it is told, and never derives rights from roles.

use crate::kinds::kinds;

kinds! {
    /// Something a user may do in a conversation.
    Permission,
    "Every permission, in the order in which they are listed.",
    /// Read its messages and events, and see its members.
    Read = "read",
    /// Send messages and edit one's own.
    Write = "write",
    /// Add and remove one's own reactions.
    React = "react",
    /// Delete messages of others. Everyone may delete their own.
    DeleteOthers = "delete_others",
    /// Change the room's name and topic.
    EditRoom = "edit_room",
    /// Delete the room.
    DeleteRoom = "delete_room",
}
