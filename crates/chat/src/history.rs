//! Pages of history.
//!
//! Invariant: a page is read with a [`PageKey`] only, and keys are made by the check of rights alone. A key settles
//! what its page holds: anyone who reads it again sees the same, or something newer. So pages may be kept.

use std::collections::HashMap;

use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::Message;
use parlour_protocol::problems::ErrorCode;
use parlour_storage::events::EventRow;
use parlour_storage::{Connection, conversations, events, reactions};

use crate::{PAGE_BYTES, Refusal, read_bounded, rights};

/// Where a page lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageAt {
    /// The newest messages.
    Newest,
    /// Messages before a position.
    Before(Seq),
    /// Messages after a position.
    After(Seq),
    /// Messages on both sides of a position, and the one there.
    Around(Seq),
}

/// The same, once the head is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Before(Seq),
    After(Seq),
    Around(Seq),
}

/// Somebody who wants to read somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub user: UserId,
    /// Where.
    pub conversation: ConversationId,
}

/// A conversation that a person may read, as it was at that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readable {
    conversation: ConversationId,
    head: Seq,
    changed: Seq,
}

/// Names a page. The newest event that changed an earlier message is part of the name, and the head too where
/// new messages would come into the page.
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
    /// Whether newer messages exist after the last one; nothing where that is a question of the present head.
    pub newer: Option<bool>,
}

/// Who of these may read, in their order: one question to the database, however many they are.
pub fn check_readers(
    conn: &mut Connection,
    readers: &[Reader],
) -> Result<Vec<Result<Readable, Refusal>>, Refusal> {
    let mut ids: Vec<i64> = readers.iter().map(|reader| reader.conversation.0).collect();
    let mut people: Vec<i64> = readers.iter().map(|reader| reader.user.0).collect();
    for list in [&mut ids, &mut people] {
        list.sort_unstable();
        list.dedup();
    }
    let mut members = HashMap::new();
    let mut kinds = HashMap::new();
    for row in conversations::list_readers(conn, &ids, &people)? {
        kinds.insert(row.id, row.kind);
        if let Some(user) = row.user_id {
            let conversation = ConversationId(row.id);
            let readable = Readable { conversation, head: row.last_seq, changed: row.changed_seq };
            members.insert((row.id, user), readable);
        }
    }
    Ok(readers
        .iter()
        .map(|reader| {
            let found = members.get(&(reader.conversation.0, reader.user.0)).copied();
            found.ok_or_else(|| {
                let kind = kinds.get(&reader.conversation.0);
                kind.map_or(ErrorCode::NotFound, |kind| rights::outsider(*kind)).into()
            })
        })
        .collect())
}

impl Readable {
    /// Newest position of the log: live events continue from here.
    pub fn head(&self) -> Seq {
        self.head
    }

    /// Names a page of it.
    pub fn page(&self, at: PageAt, limit: i64) -> PageKey {
        let place = match at {
            PageAt::Newest => Place::Before(self.head + 1),
            PageAt::Before(seq) => Place::Before(seq.min(self.head + 1)),
            PageAt::After(seq) => Place::After(seq.min(self.head)),
            PageAt::Around(seq) => Place::Around(seq.min(self.head + 1)),
        };
        // Nothing new comes before a position.
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
    /// Whether newer messages exist after this page, when the log goes up to `head` and the page itself does not
    /// say.
    pub fn newer_at(&self, head: Seq) -> bool {
        matches!(self.place, Place::Before(seq) if seq <= head)
    }
}

/// A page for somebody who may read it.
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

/// One message in its present state, for somebody who may read it.
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

/// A page without the messages at its far ends that make it too large: thousands may have reacted to each.
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

/// Reads a page. It is shorter than asked for where its messages are long.
pub fn read_page(conn: &mut Connection, key: &PageKey) -> Result<Page, Refusal> {
    let PageKey { conversation: id, limit, .. } = *key;
    // One row more than asked for tells whether there is more on that side.
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
    // A reaction comes after its message: where nothing was changed since the first one, there is none.
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
