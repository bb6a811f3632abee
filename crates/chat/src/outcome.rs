//! What a verb answers: a value for the caller, and the events that everybody concerned gets after COMMIT.

use parlour_protocol::ids::UserId;
use parlour_protocol::socket::{Event, UserChange};
use parlour_protocol::time::Timestamp;
use parlour_storage::user_events::{self, Tell};
use parlour_storage::{Connection, StorageError};

use crate::{Refusal, mentions};

/// Something to publish after COMMIT.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// To everybody in the conversation.
    Event(Event),
    /// To one person's devices.
    Tell(Tell),
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

/// Changes for several people, who are told at the end of the transaction.
pub(crate) fn tell(now: Timestamp, changes: Vec<ForUser>) -> Vec<Effect> {
    let effect = |(user, change, notify)| Effect::Tell(Tell { user, at: now, change, notify, told: None });
    changes.into_iter().map(effect).collect()
}

/// Tells everybody whom the work of a transaction concerns: once, at its end, when all conversations are locked that it
/// needs, and in one order of people. So two transactions never wait for each other crosswise, whatever they did before.
pub fn tell_all(conn: &mut Connection, mut tells: Vec<&mut Tell>) -> Result<(), StorageError> {
    mentions::leave_out(conn, &mut tells)?;
    user_events::append(conn, &mut tells)?;
    mentions::note_told(conn, &tells)?;
    Ok(())
}

impl<T> Outcome<T> {
    /// Whom it concerns.
    pub fn tells(&mut self) -> Vec<&mut Tell> {
        let tells = self.effects.iter_mut().filter_map(|effect| match effect {
            Effect::Tell(tell) => Some(tell),
            Effect::Event(_) => None,
        });
        tells.collect()
    }
}
