//! The rules of the chat: who may do what, inside one transaction, and which events follow.
//!
//! Invariant: rights are read in the transaction that uses them, after the conversation's row lock. Time and
//! random ids are arguments. No transport, no SQL, no clock lives here.

pub mod admin;
pub mod audit;
pub mod blocks;
pub mod bots;
pub mod cleaning;
pub mod conversations;
pub mod friends;
pub mod history;
pub mod idempotency;
pub mod identity;
pub mod invites;
pub mod jobs;
pub mod mail_queue;
mod mentions;
pub mod messages;
pub mod names;
pub mod notifications;
pub mod outcome;
pub mod privacy;
pub mod reactions;
pub mod refusal;
mod rights;
pub mod rooms;
pub mod secrets;
pub mod streams;
pub mod users;

pub use outcome::{Effect, Outcome};
pub use refusal::Refusal;
pub use rights::Caller;

/// Maximum bytes of text in one page of anything. Pages that many clients request at once without reading them must fit
/// in memory.
const PAGE_BYTES: usize = 256 * 1024;

/// Number of rows read at a time when their texts may be long.
const ROWS: i64 = 64;

/// Reads up to `limit` rows, a few at a time, until they contain [`PAGE_BYTES`] of text. `read` gets the number of rows
/// to read and the last row so far. Returns the rows, and whether they were cut off because of their text.
fn read_bounded<T>(
    limit: i64,
    text: impl Fn(&T) -> usize,
    mut read: impl FnMut(i64, Option<&T>) -> Result<Vec<T>, Refusal>,
) -> Result<(Vec<T>, bool), Refusal> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let missing = limit - all.len() as i64;
        let more = read(missing.min(ROWS), all.last())?;
        let complete = (more.len() as i64) < missing.min(ROWS) || more.len() as i64 == missing;
        all.extend(more);
        if bounded(&mut all, &text) {
            return Ok((all, true));
        }
        if complete {
            return Ok((all, false));
        }
    }
}

/// Shortens a page to [`PAGE_BYTES`], counting each item's text plus a fixed overhead; keeps at least one item. Returns
/// whether something was removed.
fn bounded<T>(page: &mut Vec<T>, text: impl Fn(&T) -> usize) -> bool {
    /// Overhead of an item in addition to its text, in bytes.
    const AROUND: usize = 256;
    let mut bytes = 0;
    let fits = page.iter().take_while(|item| {
        bytes += text(item) + AROUND;
        bytes <= PAGE_BYTES
    });
    let count = fits.count().max(1);
    let cut = count < page.len();
    page.truncate(count);
    cut
}

/// Cuts rows to a page, given up to one row more than fits. Returns the cursor of the last row if there are more.
fn cut_page<T, K>(rows: &mut Vec<T>, limit: i64, key: impl FnOnce(&T) -> K) -> Option<K> {
    let limit = usize::try_from(limit).unwrap_or(0);
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().filter(|_| more).map(key)
}

/// A page of a bounded list, sorted by descending key, and the cursor of the next page.
fn page_of<T>(
    mut all: Vec<T>,
    after: Option<(i64, i64)>,
    limit: i64,
    key: impl Fn(&T) -> (i64, i64),
) -> rooms::Listed<T> {
    all.sort_by_key(|item| std::cmp::Reverse(key(item)));
    let mut page: Vec<T> =
        all.into_iter().filter(|item| after.is_none_or(|after| key(item) < after)).collect();
    let next = cut_page(&mut page, limit, key);
    (page, next)
}
