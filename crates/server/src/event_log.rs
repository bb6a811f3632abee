//! The database as the durable event log behind the feeds, and the encoding of events for the wire.
//!
//! Invariant: an event is encoded here and nowhere else, so its bytes are the same live, after a hole, and on every
//! node.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use parlour_chat::Refusal;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::events::{Event, UserChange, UserEvent};
use parlour_protocol::ids::{Seq, SessionId, UserId};
use parlour_protocol::socket::ServerFrame;
use parlour_realtime::hub::Later;
use parlour_realtime::{Control, Delivery, Head, Log, Summary, Topic, frames};
use parlour_storage::{Connection, Database, StorageError, conversations, events, user_events};

use crate::query_batching::Reads;

/// Up to this many topics go through the batcher.
const FEW: usize = 64;

/// The durable log: reads events and heads from the database.
pub struct DatabaseLog {
    /// The database that holds the events.
    pub database: Database,
    /// Batches the reads of heads.
    pub reads: Arc<Reads>,
}

/// Encodes an event of a conversation for delivery.
pub fn delivery_of_event(event: Event) -> Delivery {
    let (topic, seq) = (Topic::Conversation(event.conversation), event.seq);
    let summary = Summary::of(&event);
    Delivery { topic, seq, frame: frames::encode(&ServerFrame::Event(event)), summary, control: None }
}

/// Encodes an event of a person's stream for delivery, with its side effect on nodes.
pub fn delivery_of_user_event(user: UserId, event: UserEvent) -> Delivery {
    let control = match &event.change {
        UserChange::ConversationJoined { conversation } => Some(Control::Attach(*conversation)),
        UserChange::ConversationLeft { conversation } => Some(Control::Detach(*conversation)),
        UserChange::SessionEnded { session } => Some(Control::EndSession(*session)),
        UserChange::BlockAdded { user } => Some(Control::Block(*user)),
        UserChange::BlockRemoved { user } => Some(Control::Unblock(*user)),
        _ => None,
    };
    let (topic, seq) = (Topic::User(user), event.seq);
    Delivery { topic, seq, frame: frames::encode(&ServerFrame::UserEvent(event)), summary: None, control }
}

/// The session that this event ends, if it is such an event.
pub fn is_end_of_session(event: &UserEvent) -> Option<SessionId> {
    match event.change {
        UserChange::SessionEnded { session } => Some(session),
        _ => None,
    }
}

fn or_nothing<T: Default, E: std::fmt::Display>(outcome: Result<T, E>) -> T {
    outcome.unwrap_or_else(|error| {
        tracing::warn!(%error, "the log cannot be read now; a later sweep will");
        T::default()
    })
}

/// For each list, the heads of those topics that exist.
pub fn read_heads(conn: &mut Connection, lists: &[Vec<Topic>]) -> Result<Vec<Vec<Head>>, Refusal> {
    let mut ids = BTreeSet::new();
    let mut people = BTreeSet::new();
    for topic in lists.iter().flatten() {
        match topic {
            Topic::Conversation(id) => ids.insert(*id),
            Topic::User(user) => people.insert(*user),
        };
    }
    let mut found = HashMap::with_capacity(ids.len() + people.len());
    if !ids.is_empty() {
        for (id, seq, kind) in conversations::list_heads(conn, &Vec::from_iter(ids))? {
            let topic = Topic::Conversation(id);
            found.insert(topic, Head { topic, seq, direct: kind == ConversationKind::Direct });
        }
    }
    if !people.is_empty() {
        for (user, seq) in user_events::list_heads(conn, &Vec::from_iter(people))? {
            let topic = Topic::User(user);
            found.insert(topic, Head { topic, seq, direct: false });
        }
    }
    Ok(lists.iter().map(|list| list.iter().filter_map(|topic| found.get(topic).copied()).collect()).collect())
}

impl Log for DatabaseLog {
    fn read(&self, topic: Topic, after: Seq, limit: i64) -> Later<Vec<Delivery>> {
        let database = self.database.clone();
        Box::pin(async move {
            let found = database
                .read(move |conn| -> Result<Vec<Delivery>, StorageError> {
                    Ok(match topic {
                        Topic::Conversation(id) => events::list_after(conn, id, after, limit)?
                            .into_iter()
                            .map(|row| delivery_of_event(row.into_event()))
                            .collect(),
                        Topic::User(user) => user_events::list_after(conn, user, after, limit)?
                            .into_iter()
                            .map(|row| delivery_of_user_event(user, row.into_event()))
                            .collect(),
                    })
                })
                .await;
            or_nothing(found)
        })
    }

    fn heads(&self, topics: Vec<Topic>) -> Later<Vec<Head>> {
        let (database, reads) = (self.database.clone(), self.reads.clone());
        Box::pin(async move {
            // Many connecting clients ask for a few at the same time; the sweep asks for many on its own.
            if topics.len() <= FEW {
                return or_nothing(reads.heads(topics).await);
            }
            or_nothing(
                database.read(move |conn| read_heads(conn, &[topics])).await.map(|lists| lists.concat()),
            )
        })
    }

    fn friends(&self, user: UserId) -> Later<Vec<UserId>> {
        let reads = self.reads.clone();
        // Batched: many people may disconnect at the same time, just as they connected.
        Box::pin(async move { or_nothing(reads.snapshot(user).await).friends })
    }
}
