//! What stands in the timeline, row by row: messages, grouped by author, with days and the unread mark
//! between them.
//!
//! Invariant: a row is its own key. Two lists of the same messages are the same rows, so that only what
//! changed is drawn anew.

use parlour_protocol::ids::{Seq, UserId};
use parlour_protocol::messages::Message;
use parlour_protocol::time::{MINUTE, Timestamp};

use super::time::day;

/// Messages of one author this close together are one group.
const GROUP: i64 = 5 * MINUTE;

/// One row of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Row {
    /// The conversation begins here.
    Beginning,
    /// A new day, counted from 1970-01-01.
    Day(i64),
    /// Everything below is unread.
    Unread,
    /// A stored message.
    Message {
        /// Its position.
        seq: Seq,
        /// Whether it opens a group, and so shows its author.
        opens: bool,
    },
    /// A message on its way.
    Pending {
        /// Its name.
        cid: String,
        /// Whether it opens a group.
        opens: bool,
    },
}

/// What the rows are made from, besides the messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// Whether the first message is the first of all.
    pub(crate) complete: bool,
    /// Position of the last message that was read when the conversation was opened.
    pub(crate) read: Option<Seq>,
    /// Oneself.
    pub(crate) me: UserId,
    /// Now, for the messages on their way.
    pub(crate) now: Timestamp,
}

/// Makes the rows. `local` moves a moment to local time.
pub(crate) fn rows<'a>(
    messages: impl Iterator<Item = &'a Message>,
    pending: impl Iterator<Item = &'a str>,
    frame: Frame,
    local: impl Fn(Timestamp) -> Timestamp,
) -> Vec<Row> {
    let mut rows = Vec::new();
    if frame.complete {
        rows.push(Row::Beginning);
    }
    let mut before: Option<(UserId, Timestamp, i64)> = None;
    let mut marked = frame.read.is_none();
    for message in messages {
        let today = day(local(message.at));
        let mut opens = before.is_none_or(|(author, at, last_day)| {
            author != message.author || message.at.0 - at.0 > GROUP || last_day != today
        });
        if before.is_none_or(|(_, _, last_day)| last_day != today) {
            rows.push(Row::Day(today));
        }
        if !marked && frame.read.is_some_and(|read| message.seq > read) {
            // What one wrote oneself is not news; the mark stands before the first message of others.
            if message.author != frame.me {
                marked = true;
                opens = true;
                rows.push(Row::Unread);
            }
        }
        opens |= message.reply_to.is_some();
        rows.push(Row::Message { seq: message.seq, opens });
        before = Some((message.author, message.at, today));
    }
    let today = day(local(frame.now));
    for cid in pending {
        let opens = before.is_none_or(|(author, at, last_day)| {
            author != frame.me || frame.now.0 - at.0 > GROUP || last_day != today
        });
        if before.is_none_or(|(_, _, last_day)| last_day != today) {
            rows.push(Row::Day(today));
        }
        rows.push(Row::Pending { cid: cid.to_owned(), opens });
        before = Some((frame.me, frame.now, today));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlour_protocol::time::DAY;

    fn message(seq: Seq, author: i64, at: i64) -> Message {
        Message {
            seq,
            author: UserId(author),
            cid: format!("cid-{seq:05}"),
            body: Some("x".into()),
            reply_to: None,
            reply_author: None,
            mentions: None,
            at: Timestamp(at),
            edited_at: None,
            deleted_at: None,
            reactions: Vec::new(),
        }
    }

    #[test]
    fn rows_are_grouped_by_author_time_and_day_and_marked() {
        let messages = [
            message(1, 7, DAY),
            message(2, 7, DAY + MINUTE),
            message(3, 8, DAY + 2 * MINUTE),
            message(4, 8, DAY + 9 * MINUTE),
            message(6, 8, 2 * DAY),
        ];
        let frame = Frame { complete: true, read: Some(3), me: UserId(9), now: Timestamp(2 * DAY + MINUTE) };
        let made = rows(messages.iter(), ["p"].into_iter(), frame, |at| at);
        let message = |seq, opens| Row::Message { seq, opens };
        assert_eq!(
            made,
            [
                Row::Beginning,
                Row::Day(1),
                message(1, true),
                message(2, false),
                message(3, true),
                Row::Unread,
                message(4, true),
                Row::Day(2),
                message(6, true),
                Row::Pending { cid: "p".into(), opens: true },
            ]
        );
    }

    #[test]
    fn own_messages_are_not_news() {
        let messages = [message(1, 9, 0), message(2, 9, 1)];
        let frame = Frame { complete: false, read: Some(0), me: UserId(9), now: Timestamp(2) };
        let made = rows(messages.iter(), std::iter::empty(), frame, |at| at);
        assert!(!made.contains(&Row::Unread));
    }
}
