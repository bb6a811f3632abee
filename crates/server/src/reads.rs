//! What many read at the same time: where people stand when they connect, what they missed, heads of logs, and pages
//! of history. Each is asked for together with others, and a page that was read is kept.
//!
//! Invariant: rights are read from the database for every request. A kept page is named by everything that could
//! change it, so it is never stale; the memory for pages is bounded in bytes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use parlour_chat::Refusal;
use parlour_chat::history::{self, PageAt, PageKey, Readable, Reader};
use parlour_chat::streams::{self, Missed, Standing};
use parlour_chat::users;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::users::User;
use parlour_realtime::{Head, Topic};
use parlour_storage::{Connection, Database};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::budget::turns::{ReadTurn, ReadTurns};
use crate::gather::Gather;
use crate::log::{delivery_of_event, read_heads};
use crate::problems::ApiError;

/// Memory for pages of history.
const PAGES_BYTES: u64 = 16 * 1024 * 1024;
/// About the size of a page of 50 short messages, to size the cache's tables.
const PAGE_BYTES: usize = 8 * 1024;

/// Encoded events with their positions, shared by everybody who missed them.
pub type Frames = Arc<Vec<(Seq, Bytes)>>;

/// A page as it is kept: the messages as JSON already.
#[derive(Clone)]
struct Kept(Arc<KeptPage>);

struct KeptPage {
    items: Box<RawValue>,
    /// Everybody who wrote one of the messages or what one of them answers.
    authors: Vec<UserId>,
    /// Positions of the first and the last message.
    ends: Option<(Seq, Seq)>,
    older: bool,
    newer: Option<bool>,
}

/// The wire form of [`parlour_protocol::messages::MessagePage`], around messages that are JSON already.
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

/// See the module.
pub struct Reads {
    standings: Gather<UserId, Standing>,
    missed: Gather<Vec<Missed>, Vec<Frames>>,
    heads: Gather<Vec<Topic>, Vec<Head>>,
    readers: Gather<Reader, Result<Readable, Refusal>>,
    pages: Cache<PageKey, Kept, ByBytes>,
    /// Pages that are not kept are read for each person in turn.
    turns: ReadTurns,
}

impl Default for Reads {
    fn default() -> Self {
        let pages = Cache::with_weighter(PAGES_BYTES as usize / PAGE_BYTES, PAGES_BYTES, ByBytes);
        Self {
            standings: Gather::default(),
            missed: Gather::default(),
            heads: Gather::default(),
            readers: Gather::default(),
            pages,
            turns: ReadTurns::default(),
        }
    }
}

impl Reads {
    /// Starts the tasks, inside the runtime that shall run them.
    pub fn start(&self, database: &Database) {
        self.standings.start(database, 128, streams::list_standings);
        // Everybody may have missed much in many places.
        self.missed.start(database, 16, read_missed);
        self.heads.start(database, 128, read_heads);
        self.readers.start(database, 256, history::check_readers);
    }

    /// Where a person stands.
    pub async fn standing(&self, user: UserId) -> Result<Standing, Refusal> {
        self.standings.ask(user).await
    }

    /// At least the events that somebody missed, encoded, for each part.
    pub async fn missed(&self, missed: Vec<Missed>) -> Result<Vec<Frames>, Refusal> {
        self.missed.ask(missed).await
    }

    /// The heads of a few topics, as far as they exist.
    pub async fn heads(&self, topics: Vec<Topic>) -> Result<Vec<Head>, Refusal> {
        self.heads.ask(topics).await
    }

    /// A person's turn to read much.
    pub async fn turn(&self, user: UserId) -> ReadTurn {
        self.turns.wait(user).await
    }

    /// A page of history as JSON; on request with its authors, who are as they are now, not as they were when the page
    /// was read first.
    pub async fn page(
        &self,
        database: &Database,
        reader: Reader,
        at: PageAt,
        limit: i64,
        with_authors: bool,
    ) -> Result<Vec<u8>, ApiError> {
        let readable = self.readers.ask(reader).await??;
        let key = readable.page(at, limit);
        // A request for a page that is being read waits for it.
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
