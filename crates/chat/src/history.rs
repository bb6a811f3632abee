//! Pages of a conversation's messages.
//!
//! Invariant: a page is read only with a [`PageKey`], and only the check of rights creates keys. A key determines its
//! page: reading it again gives the same page or a newer state of it. Pages can therefore be cached.

use std::collections::HashMap;

use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::Message;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rights::Permission;
use parlour_storage::events::EventRow;
use parlour_storage::{Connection, conversations, events, reactions};

use crate::rights::ManyAccess;
use crate::{PAGE_BYTES, Refusal, read_bounded};

/// Which page to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageAt {
    /// The newest messages.
    Newest,
    /// Messages before a position.
    Before(Seq),
    /// Messages after a position.
    After(Seq),
    /// Messages on both sides of a position, including the one at it.
    Around(Seq),
}

/// Like [`PageAt`], with the head resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Before(Seq),
    After(Seq),
    Around(Seq),
}

/// A user who wants to read a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// The user.
    pub user: UserId,
    /// The conversation.
    pub conversation: ConversationId,
}

/// A conversation that a user may read, as it was when this was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readable {
    conversation: ConversationId,
    head: Seq,
    changed: Seq,
}

/// Cache key of a page. It includes the position of the newest event that changed an earlier message, and also the head
/// if new messages could appear in the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageKey {
    conversation: ConversationId,
    place: Place,
    limit: i64,
    changed: Seq,
    head: Option<Seq>,
}

/// A page, oldest message first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The messages.
    pub items: Vec<Message>,
    /// Whether older messages exist before the first one.
    pub older: bool,
    /// Whether newer messages exist after the last one; `None` if that depends on the current head.
    pub newer: Option<bool>,
}

/// Checks which of these readers may read, in their order; one query, however many there are.
pub fn check_readers(
    conn: &mut Connection,
    readers: &[Reader],
) -> Result<Vec<Result<Readable, Refusal>>, Refusal> {
    let pairs: Vec<_> = readers.iter().map(|reader| (reader.conversation, reader.user)).collect();
    let rows = conversations::list_readers(conn, &pairs)?;
    let access = ManyAccess::of_readers(&rows);
    let logs: HashMap<ConversationId, (Seq, Seq)> =
        rows.into_iter().map(|row| (row.id, (row.last_seq, row.changed_seq))).collect();
    let check = |reader: &Reader| -> Result<Readable, Refusal> {
        let Reader { user, conversation } = *reader;
        access.require(conversation, user, Permission::Read)?;
        let (head, changed) = logs.get(&conversation).copied().ok_or(ErrorCode::NotFound)?;
        Ok(Readable { conversation, head, changed })
    };
    Ok(readers.iter().map(check).collect())
}

impl Readable {
    /// Latest position of the log; live events continue from here.
    pub fn head(&self) -> Seq {
        self.head
    }

    /// The key of a page of this conversation.
    pub fn page(&self, at: PageAt, limit: i64) -> PageKey {
        let place = match at {
            PageAt::Newest => Place::Before(self.head + 1),
            PageAt::Before(seq) => Place::Before(seq.min(self.head + 1)),
            PageAt::After(seq) => Place::After(seq.min(self.head)),
            PageAt::Around(seq) => Place::Around(seq.min(self.head + 1)),
        };
        // No new message can appear before a position.
        let closed = matches!(place, Place::Before(_));
        PageKey {
            conversation: self.conversation,
            place,
            limit,
            changed: self.changed,
            head: (!closed).then_some(self.head),
        }
    }
}

impl PageKey {
    /// Whether newer messages exist after this page if the head is `head`. For pages whose `newer` is `None`.
    pub fn newer_at(&self, head: Seq) -> bool {
        matches!(self.place, Place::Before(seq) if seq <= head)
    }
}

/// Reads a page for a user, if they may read it.
pub(crate) fn list(
    conn: &mut Connection,
    user: UserId,
    conversation: ConversationId,
    at: PageAt,
    limit: i64,
) -> Result<Page, Refusal> {
    let readers = check_readers(conn, &[Reader { user, conversation }])?;
    let readable = readers.into_iter().next().unwrap_or_else(|| Err(ErrorCode::NotFound.into()))?;
    read_page(conn, &readable.page(at, limit))
}

/// One message in its current state, for a user who may read it.
pub fn find(
    conn: &mut Connection,
    user: UserId,
    conversation: ConversationId,
    seq: Seq,
) -> Result<Message, Refusal> {
    let page = list(conn, user, conversation, PageAt::Around(seq), 1)?;
    let found = page.items.into_iter().find(|message| message.seq == seq);
    found.ok_or_else(|| ErrorCode::NotFound.into())
}

/// Removes messages at the far ends of a page that is too large, since thousands of users may have reacted to each.
fn shortened(mut page: Page, place: Place) -> Page {
    let size = |message: &Message| {
        let reactions: usize = message.reactions.iter().map(|reaction| 64 + 24 * reaction.users.len()).sum();
        256 + message.body.as_ref().map_or(0, String::len) + reactions
    };
    let mut bytes: usize = page.items.iter().map(size).sum();
    while bytes > 2 * PAGE_BYTES && page.items.len() > 1 {
        let from_front = match place {
            Place::Before(_) => true,
            Place::After(_) => false,
            Place::Around(seq) => {
                let before = page.items.iter().filter(|message| message.seq < seq).count();
                before > page.items.len() - before
            }
        };
        if from_front {
            bytes -= size(&page.items.remove(0));
            page.older = true;
        } else if let Some(last) = page.items.pop() {
            bytes -= size(&last);
            page.newer = page.newer.map(|_| true);
        }
    }
    page
}

fn size(row: &EventRow) -> usize {
    row.current_body.as_ref().or(row.body.as_ref()).map_or(0, String::len)
}

/// Reads a page. It is shorter than requested if its messages are long.
pub fn read_page(conn: &mut Connection, key: &PageKey) -> Result<Page, Refusal> {
    let PageKey { conversation: id, limit, .. } = *key;
    // Reading one extra row tells whether there are more on that side.
    let before = |conn: &mut Connection, seq, limit: i64| -> Result<(Vec<EventRow>, bool), Refusal> {
        let (mut rows, cut) = read_bounded(limit + 1, size, |count, last: Option<&EventRow>| {
            Ok(events::list_messages_before(conn, id, last.map_or(seq, |row| row.seq), count)?)
        })?;
        let more = rows.len() as i64 > limit;
        rows.truncate(usize::try_from(limit).unwrap_or(0));
        rows.reverse();
        Ok((rows, more || cut))
    };
    let after = |conn: &mut Connection, seq, limit: i64| -> Result<(Vec<EventRow>, bool), Refusal> {
        let (mut rows, cut) = read_bounded(limit + 1, size, |count, last: Option<&EventRow>| {
            Ok(events::list_messages_after(conn, id, last.map_or(seq, |row| row.seq), count)?)
        })?;
        let more = rows.len() as i64 > limit;
        rows.truncate(usize::try_from(limit).unwrap_or(0));
        Ok((rows, more || cut))
    };
    let (rows, older, newer) = match key.place {
        Place::Before(seq) => {
            let (rows, older) = before(conn, seq, limit)?;
            (rows, older, None)
        }
        Place::After(seq) => {
            let (rows, newer) = after(conn, seq, limit)?;
            (rows, seq > 0, Some(newer))
        }
        Place::Around(seq) => {
            let (mut rows, older) = before(conn, seq, limit / 2)?;
            let (later, newer) = after(conn, seq - 1, limit - limit / 2)?;
            rows.extend(later);
            (rows, older, Some(newer))
        }
    };
    // A reaction comes after its message. If nothing was changed since the first message, there are no reactions.
    let changed = rows.first().is_some_and(|first| key.changed > first.seq);
    let seqs: Vec<Seq> = rows.iter().map(|row| row.seq).collect();
    let mut by_seq = if changed { reactions::list(conn, id, &seqs)? } else { Default::default() };
    let items = rows
        .into_iter()
        .map(|row| {
            let reactions = by_seq.remove(&row.seq).unwrap_or_default();
            Message { reactions, ..row.into_message() }
        })
        .collect();
    Ok(shortened(Page { items, older, newer }, key.place))
}
