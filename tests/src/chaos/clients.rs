//! Clients that record what they do and see: writers on any node, readers that stay, readers that move between nodes.

mod journal;
mod readers;
mod writers;

use parlour_client::operations::{ListEvents, MessagesAt};
use std::time::{Duration, Instant};

use parlour_client::native::{Api, ApiError};
use parlour_protocol::ids::ConversationId;

use super::checker::{Log, Snapshot};

pub use journal::Journal;
pub use readers::{Reader, Seen, readings};
pub use writers::Writer;

/// An operation that is not settled this long after it began never will be: no fault lasts that long.
const SETTLED: Duration = Duration::from_secs(45);

/// Asks until there is a response. The first request on a database connection that was cut discovers that, and is told
/// to retry.
pub async fn insist<T, F>(what: &str, ask: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, ApiError>>,
{
    let deadline = Instant::now() + SETTLED;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => {
                assert!(Instant::now() < deadline, "{what} is still not answered when all is quiet: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// A whole log, as one node returns it.
pub async fn log(api: &Api, room: ConversationId) -> Log {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let query = ListEvents { after: Some(after), limit: Some(200) };
        let page = insist("the log", || api.list_events(room, &query)).await;
        let empty = page.items.is_empty();
        events.extend(page.items);
        after = page.next_after;
        if after >= page.head || empty {
            return Log { node: api.base().to_string(), conversation: room, head: page.head, events };
        }
    }
}

/// All messages as they are now, as one node returns them.
pub async fn snapshot(api: &Api, room: ConversationId) -> Snapshot {
    let (mut messages, mut after) = (Vec::new(), 0);
    loop {
        let query = MessagesAt::After(after).limit(100);
        let page = insist("the history", || api.list_messages(room, &query)).await;
        after = page.items.last().map_or(after, |message| message.seq);
        messages.extend(page.items);
        if !page.newer {
            return Snapshot { node: api.base().to_string(), conversation: room, messages };
        }
    }
}
