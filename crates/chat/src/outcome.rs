//! What a verb answers: a value for the caller, and the events that everybody concerned gets after COMMIT.

use parlour_protocol::ids::UserId;
use parlour_protocol::socket::{Event, UserChange, UserEvent};
use parlour_protocol::time::Timestamp;
use parlour_storage::{Connection, user_events};

use crate::Refusal;

/// Something to publish after COMMIT.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// To everybody in the conversation.
    Event(Event),
    /// To one person's devices.
    UserEvent(UserId, UserEvent),
}

/// A value, and what to publish.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome<T> {
    /// For the caller.
    pub value: T,
    /// For everybody concerned, in order.
    pub effects: Vec<Effect>,
}

impl<T> Outcome<T> {
    /// A value that concerns nobody else.
    pub fn quiet(value: T) -> Self {
        Self { value, effects: Vec::new() }
    }
}

/// What verbs that change something answer.
pub type Done<T> = Result<Outcome<T>, Refusal>;

/// A change for one person: who, what, and whether it is a notification.
pub(crate) type ForUser = (UserId, UserChange, bool);

/// Stores changes for several people. In the order of their ids, so that two transactions never wait for each
/// other's rows crosswise.
pub(crate) fn tell(
    conn: &mut Connection,
    now: Timestamp,
    mut changes: Vec<ForUser>,
) -> Result<Vec<Effect>, Refusal> {
    changes.sort_by_key(|(user, ..)| *user);
    changes
        .into_iter()
        .map(|(user, change, notify)| {
            Ok(Effect::UserEvent(user, user_events::append(conn, user, now, change, notify)?))
        })
        .collect()
}
