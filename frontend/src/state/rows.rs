//! The rows of the timeline: messages grouped by author, with days, gaps and the unread mark between them.
//!
//! Invariants: a row is its own key: two lists of the same messages have the same rows, so that only changes are
//! redrawn. Missing messages are never hidden: they are a gap, and nothing is grouped or compared across it.

use parlour_client::engine::Piece;
use parlour_protocol::ids::{Seq, UserId};
use parlour_protocol::time::{MINUTE, Timestamp};

use super::time::day;

/// Messages of one author this close together are one group.
const GROUP: i64 = 5 * MINUTE;

/// One row of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Row {
    /// The start of the conversation.
    Beginning,
    /// A new day, in days since 1970-01-01.
    Day(i64),
    /// The unread mark: everything below is unread.
    Unread,
    /// Messages between these positions are not loaded.
    Gap {
        /// The last known position before the gap.
        after: Seq,
        /// The first known position after the gap.
        before: Seq,
    },
    /// A stored message.
    Message {
        /// Its position in the log.
        seq: Seq,
        /// Whether it starts a group and so shows its author.
        opens: bool,
    },
    /// A pending message.
    Pending {
        /// Its client id.
        cid: String,
        /// Whether it starts a group.
        opens: bool,
    },
}

/// The input of the rows other than the messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// Whether the first message is the first of the conversation. Otherwise older ones are loaded near the edge.
    pub(crate) complete: bool,
    /// The read position when the conversation was opened.
    pub(crate) read: Option<Seq>,
    /// The current user.
    pub(crate) me: UserId,
    /// The current time, for pending messages.
    pub(crate) now: Timestamp,
}

/// Computes the rows. `local` shifts a time to local time.
pub(crate) fn rows<'a>(
    pieces: impl Iterator<Item = Piece<'a>>,
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
    // Everything from this position on is known.
    let mut known = 0;
    for piece in pieces {
        let message = match piece {
            Piece::Message(message) => message,
            Piece::Gap { after, before: next } => {
                if !rows.is_empty() {
                    rows.push(Row::Gap { after, before: next });
                }
                (before, known) = (None, next);
                continue;
            }
        };
        let today = day(local(message.at));
        let mut opens = before.is_none_or(|(author, at, last_day)| {
            author != message.author || message.at.0 - at.0 > GROUP || last_day != today
        });
        if before.is_none_or(|(_, _, last_day)| last_day != today) {
            rows.push(Row::Day(today));
        }
        // The user's own messages are not unread; the mark comes before the first message by someone else.
        if let Some(read) =
            frame.read.filter(|read| !marked && message.seq > *read && message.author != frame.me)
        {
            marked = true;
            // The mark is omitted if it belongs inside a gap or above all loaded messages.
            if read + 1 >= known {
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

/// The key of a day's rows. The rows of one day may be split into several parts by a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DayKey {
    /// The day as in [`Row::Day`]; `None` for rows before the first day.
    pub(crate) day: Option<i64>,
    /// Number of later parts of the same day.
    following: usize,
}

/// Divides the rows by day.
pub(crate) fn by_day(rows: Vec<Row>) -> Vec<(DayKey, Vec<Row>)> {
    let mut days: Vec<(DayKey, Vec<Row>)> = Vec::new();
    for row in rows {
        let day = if let Row::Day(day) = row { Some(day) } else { None };
        match days.last_mut().filter(|_| day.is_none()) {
            Some((_, rows)) => rows.push(row),
            None => days.push((DayKey { day, following: 0 }, vec![row])),
        }
    }
    for at in 0..days.len() {
        let same = |one: &&(DayKey, Vec<Row>)| Some(one.0.day) == days.get(at).map(|this| this.0.day);
        let following = days.iter().skip(at + 1).filter(same).count();
        if let Some((key, _)) = days.get_mut(at) {
            key.following = following;
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlour_protocol::messages::Message;
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
        let made = rows(messages.iter().map(Piece::Message), ["p"].into_iter(), frame, |at| at);
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
        let made = rows(messages.iter().map(Piece::Message), std::iter::empty(), frame, |at| at);
        assert!(!made.contains(&Row::Unread));
    }

    #[test]
    fn a_gap_is_drawn_as_one_and_the_unread_mark_stands_where_it_is_true() {
        let messages: Vec<Message> = (1..=9).map(|seq| message(seq, 7, DAY + seq)).collect();
        let made = |read: Seq, complete: bool| {
            let frame = Frame { complete, read: Some(read), me: UserId(9), now: Timestamp(DAY) };
            let first = (!complete).then_some(Piece::Gap { after: 0, before: 1 });
            let pieces = first
                .into_iter()
                .chain(messages[..3].iter().map(Piece::Message))
                .chain([Piece::Gap { after: 3, before: 6 }])
                .chain(messages[5..].iter().map(Piece::Message));
            rows(pieces, std::iter::empty(), frame, |at| at)
        };
        let message = |seq, opens| Row::Message { seq, opens };
        assert_eq!(
            made(2, true)[..7],
            [
                Row::Beginning,
                Row::Day(1),
                message(1, true),
                message(2, false),
                Row::Unread,
                message(3, true),
                Row::Gap { after: 3, before: 6 },
            ]
        );
        assert_eq!(made(2, true)[7..9], [Row::Day(1), message(6, true)], "nothing is grouped across a gap");
        let at = |rows: &[Row]| rows.iter().position(|row| *row == Row::Unread);
        assert_eq!(at(&made(4, true)), None, "it belongs into the gap");
        assert_eq!(at(&made(5, true)), Some(7));
        assert_eq!(made(5, false)[0], Row::Day(1), "what is missing at the edge is no row");
        assert_eq!(at(&made(-5, false)), None, "it belongs above what is loaded");
    }

    #[test]
    fn rows_stand_by_day_and_a_day_that_is_cut_in_two_has_two_names() {
        let message = |seq| Row::Message { seq, opens: false };
        let gap = Row::Gap { after: 2, before: 5 };
        let days = by_day(vec![
            Row::Beginning,
            Row::Day(1),
            message(1),
            Row::Day(2),
            message(2),
            gap.clone(),
            Row::Day(2),
            message(5),
        ]);
        let rows: Vec<&[Row]> = days.iter().map(|(_, rows)| rows.as_slice()).collect();
        assert_eq!(
            rows,
            [
                &[Row::Beginning][..],
                &[Row::Day(1), message(1)],
                &[Row::Day(2), message(2), gap],
                &[Row::Day(2), message(5)],
            ]
        );
        let names: std::collections::BTreeSet<DayKey> = days.iter().map(|(key, _)| *key).collect();
        assert_eq!(names.len(), 4);
        // Loading messages above does not change any key.
        let later = by_day(vec![Row::Day(0), message(0), Row::Day(2), message(5)]);
        assert_eq!(later.last().map(|(key, _)| *key), days.last().map(|(key, _)| *key));
    }
}
