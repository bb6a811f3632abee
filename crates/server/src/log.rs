//! The database as the durable log behind the feeds, and the encoding of events for the wire.
//!
//! Invariant: an event is encoded here and nowhere else, so its bytes are the same live, after a hole, and on
//! every node.

use parlour_protocol::ids::{ConversationId, Seq, SessionId, UserId};
use parlour_protocol::socket::{Event, ServerFrame, UserChange, UserEvent};
use parlour_realtime::hub::Later;
use parlour_realtime::{Control, Delivery, Head, Log, Topic, frames};
use parlour_storage::conversations::DIRECT;
use parlour_storage::{Database, StorageError, conversations, events, friendships, user_events};

/// See the module.
pub struct DatabaseLog {
    /// Where the events are.
    pub database: Database,
}

/// An event of a conversation on its way.
pub fn delivery_of_event(event: Event) -> Delivery {
    let (topic, seq) = (Topic::Conversation(event.conversation), event.seq);
    Delivery { topic, seq, frame: frames::encode(&ServerFrame::Event(event)), control: None }
}

/// An event of a person's stream on its way.
pub fn delivery_of_user_event(user: UserId, event: UserEvent) -> Delivery {
    let control = match &event.change {
        UserChange::ConversationJoined { conversation } => Some(Control::Attach(*conversation)),
        UserChange::ConversationLeft { conversation } => Some(Control::Detach(*conversation)),
        UserChange::SessionEnded { session } => Some(Control::EndSession(*session)),
        _ => None,
    };
    let (topic, seq) = (Topic::User(user), event.seq);
    Delivery { topic, seq, frame: frames::encode(&ServerFrame::UserEvent(event)), control }
}

/// The session that an event ends.
pub fn is_end_of_session(event: &UserEvent) -> Option<SessionId> {
    match event.change {
        UserChange::SessionEnded { session } => Some(session),
        _ => None,
    }
}

fn or_nothing<T>(outcome: Result<Vec<T>, StorageError>) -> Vec<T> {
    outcome.unwrap_or_else(|error| {
        tracing::warn!(%error, "the log cannot be read now; a later sweep will");
        Vec::new()
    })
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
        let database = self.database.clone();
        Box::pin(async move {
            let mut ids = Vec::new();
            let mut people = Vec::new();
            for topic in topics {
                match topic {
                    Topic::Conversation(id) => ids.push(id.0),
                    Topic::User(user) => people.push(user.0),
                }
            }
            let found = database
                .read(move |conn| -> Result<Vec<Head>, StorageError> {
                    let mut heads = Vec::with_capacity(ids.len() + people.len());
                    if !ids.is_empty() {
                        for (id, seq, kind) in conversations::list_heads(conn, &ids)? {
                            let topic = Topic::Conversation(ConversationId(id));
                            heads.push(Head { topic, seq, direct: kind == DIRECT });
                        }
                    }
                    if !people.is_empty() {
                        for (user, seq) in user_events::list_heads(conn, &people)? {
                            heads.push(Head { topic: Topic::User(UserId(user)), seq, direct: false });
                        }
                    }
                    Ok(heads)
                })
                .await;
            or_nothing(found)
        })
    }

    fn friends(&self, user: UserId) -> Later<Vec<UserId>> {
        let database = self.database.clone();
        Box::pin(async move {
            let found = database
                .read(move |conn| -> Result<_, StorageError> { Ok(friendships::list_ids(conn, user)?) })
                .await;
            or_nothing(found)
        })
    }
}
