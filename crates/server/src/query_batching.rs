//! Batched and cached reads, for what many read at the same time: connect snapshots, missed events, heads of logs,
//! and pages of history.
//!
//! Invariant: permissions are read from the database for every request. The key of a cached page contains everything
//! that could change the page, so it is never stale; the cache is bounded in bytes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use parlour_chat::Refusal;
use parlour_chat::history::{self, PageAt, PageKey, Readable, Reader};
use parlour_chat::streams::{self, ConnectSnapshot, Missed};
use parlour_chat::users;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::users::User;
use parlour_realtime::{Head, Topic};
use parlour_storage::{Connection, Database};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::batcher::Batcher;
use crate::budget::turns::{ReadTurn, ReadTurns};
use crate::event_log::{delivery_of_event, read_heads};
use crate::problems::ApiError;

/// Capacity of the cache of history pages, in bytes.
const PAGES_BYTES: u64 = 16 * 1024 * 1024;
/// Approximate size of a page of 50 short messages, used to size the cache's tables.
const PAGE_BYTES: usize = 8 * 1024;

/// Encoded events with their positions, shared by everybody who missed them.
pub type Frames = Arc<Vec<(Seq, Bytes)>>;

/// A cached page, with its messages already serialised.
#[derive(Clone)]
struct Kept(Arc<KeptPage>);

struct KeptPage {
    items: Box<RawValue>,
    /// Authors of the messages, and of the messages that these reply to.
    authors: Vec<UserId>,
    /// Positions of the first and the last message.
    ends: Option<(Seq, Seq)>,
    older: bool,
    newer: Option<bool>,
}

/// Wire form of [`parlour_protocol::messages::MessagePage`], around messages that are already serialised.
#[derive(Serialize)]
struct PageBody<'a> {
    items: &'a RawValue,
    older: bool,
    newer: bool,
    head: Seq,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Seq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Seq>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<User>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<PageKey, Kept> for ByBytes {
    fn weight(&self, _: &PageKey, page: &Kept) -> u64 {
        (page.0.items.get().len() + size_of_val(page.0.authors.as_slice())) as u64
            + size_of::<PageKey>() as u64
            + size_of::<KeptPage>() as u64
    }
}

/// Batchers and the page cache of this node.
pub struct Reads {
    snapshots: Batcher<UserId, ConnectSnapshot>,
    missed: Batcher<Vec<Missed>, Vec<Frames>>,
    heads: Batcher<Vec<Topic>, Vec<Head>>,
    readers: Batcher<Reader, Result<Readable, Refusal>>,
    pages: Cache<PageKey, Kept, ByBytes>,
    /// Pages that are not cached are read in turns, per person.
    turns: ReadTurns,
}

impl Default for Reads {
    fn default() -> Self {
        let pages = Cache::with_weighter(PAGES_BYTES as usize / PAGE_BYTES, PAGES_BYTES, ByBytes);
        Self {
            snapshots: Batcher::default(),
            missed: Batcher::default(),
            heads: Batcher::default(),
            readers: Batcher::default(),
            pages,
            turns: ReadTurns::default(),
        }
    }
}

impl Reads {
    /// Prepares the loaders.
    pub fn start(&self, database: &Database) {
        self.snapshots.start(database, 128, streams::list_snapshots);
        // A small batch, since each person may have missed a lot in many conversations.
        self.missed.start(database, 16, read_missed);
        self.heads.start(database, 128, read_heads);
        self.readers.start(database, 256, history::check_readers);
    }

    /// The snapshot for a person who connects: heads, memberships and friends.
    pub async fn snapshot(&self, user: UserId) -> Result<ConnectSnapshot, Refusal> {
        self.snapshots.load(user).await
    }

    /// The events that a person missed, encoded, for each part. May contain more than was asked for.
    pub async fn missed(&self, missed: Vec<Missed>) -> Result<Vec<Frames>, Refusal> {
        self.missed.load(missed).await
    }

    /// The heads of those of a few topics that exist.
    pub async fn heads(&self, topics: Vec<Topic>) -> Result<Vec<Head>, Refusal> {
        self.heads.load(topics).await
    }

    /// Waits for the person's turn for a large read.
    pub async fn turn(&self, user: UserId) -> ReadTurn {
        self.turns.wait(user).await
    }

    /// A page of history as JSON. On request with its authors as they are now, not as they were when the page was
    /// first read.
    pub async fn page(
        &self,
        database: &Database,
        reader: Reader,
        at: PageAt,
        limit: i64,
        with_authors: bool,
    ) -> Result<Vec<u8>, ApiError> {
        let readable = self.readers.load(reader).await??;
        let key = readable.page(at, limit);
        // Concurrent requests for the same page share one read.
        let read = async {
            let _turn = self.turns.wait(reader.user).await;
            read_page(database, key).await
        };
        let Kept(page) = self.pages.get_or_insert_async(&key, read).await?;
        let head = readable.head();
        let newer = page.newer.unwrap_or_else(|| key.newer_at(head));
        let authors = if with_authors {
            let ids = page.authors.clone();
            database.read(move |conn| users::list(conn, &ids)).await?
        } else {
            Vec::new()
        };
        let (first, last) = page.ends.unzip();
        let (previous, next) = (first.filter(|_| page.older), last.filter(|_| newer));
        let body = PageBody { items: &page.items, older: page.older, newer, head, previous, next, authors };
        let mut text = Vec::with_capacity(page.items.get().len() + 64);
        serde_json::to_writer(&mut text, &body).map_err(|error| ApiError::fault(error.to_string()))?;
        Ok(text)
    }
}

async fn read_page(database: &Database, key: PageKey) -> Result<Kept, ApiError> {
    let page = database.read(move |conn| history::read_page(conn, &key)).await?;
    let items =
        serde_json::value::to_raw_value(&page.items).map_err(|error| ApiError::fault(error.to_string()))?;
    let all = page.items.iter().flat_map(|message| [Some(message.author), message.reply_author]).flatten();
    let authors = all.collect::<BTreeSet<_>>().into_iter().collect();
    let ends = page.items.first().zip(page.items.last()).map(|(first, last)| (first.seq, last.seq));
    Ok(Kept(Arc::new(KeptPage { items, authors, ends, older: page.older, newer: page.newer })))
}

fn read_missed(conn: &mut Connection, lists: &[Vec<Missed>]) -> Result<Vec<Vec<Frames>>, Refusal> {
    let found: HashMap<ConversationId, Frames> = streams::list_missed(conn, &lists.concat())?
        .into_iter()
        .map(|(id, events)| {
            let frames =
                events.into_iter().map(|event| (event.seq, delivery_of_event(event).frame)).collect();
            (id, Arc::new(frames))
        })
        .collect();
    let frames = |part: &Missed| found.get(&part.conversation).cloned().unwrap_or_default();
    Ok(lists.iter().map(|list| list.iter().map(frames).collect()).collect())
}
