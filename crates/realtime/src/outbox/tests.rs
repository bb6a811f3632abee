use std::task::Waker;

use parlour_protocol::ids::Seq;
use parlour_protocol::socket::{News, ServerFrame};
use parlour_protocol::time::Timestamp;

use super::*;
use crate::frames;
use crate::news::Summary;

const ROOM: Topic = Topic::Conversation(ConversationId(1));

fn outbox() -> Outbox {
    Outbox::new(Arc::default(), Arc::default(), 7)
}

fn take(outbox: &Outbox) -> Option<Bytes> {
    outbox.take_ready()
}

fn held(outbox: &Outbox) -> Poll<Option<Bytes>> {
    outbox.poll_held(&mut Context::from_waker(Waker::noop()))
}

fn listed(outbox: &Outbox) -> Vec<Token> {
    let mut tokens = Vec::new();
    let _ = outbox.ready.poll_take(&mut Context::from_waker(Waker::noop()), &mut tokens);
    tokens
}

#[test]
fn all_that_waits_leaves_in_one_write() {
    let outbox = outbox();
    for seq in 1..=10 {
        outbox.event(ROOM, seq, frames::text(b"x"));
    }
    assert_eq!(take(&outbox).map(|chunk| chunk.len()), Some(30));
    assert_eq!(take(&outbox), None);
}

#[test]
fn who_waits_to_be_written_is_listed_once() {
    let outbox = outbox();
    outbox.event(ROOM, 1, frames::text(b"x"));
    outbox.event(ROOM, 2, frames::text(b"x"));
    assert_eq!(listed(&outbox), [7]);
    assert!(take(&outbox).is_some());
    assert_eq!(listed(&outbox), [0; 0]);
    outbox.event(ROOM, 3, frames::text(b"x"));
    assert_eq!(listed(&outbox), [7]);
}

#[test]
fn a_patient_reply_leaves_with_what_comes_next_or_a_moment_later() {
    let later = |outbox: &Outbox| {
        let mut tokens = Vec::new();
        let _ = outbox.ready.poll_take_later(&mut Context::from_waker(Waker::noop()), &mut tokens);
        tokens
    };
    let outbox = outbox();
    outbox.reply(frames::text(b"one"), Urgency::WithNext);
    outbox.reply(frames::text(b"two"), Urgency::WithNext);
    assert_eq!((listed(&outbox), later(&outbox)), (Vec::new(), vec![7]), "once, and not to be written now");
    outbox.event(ROOM, 1, frames::text(b"x"));
    assert_eq!(listed(&outbox), [7]);
    assert_eq!(take(&outbox).map(|chunk| chunk.len()), Some(13), "all in one write, in order");
    assert_eq!(outbox.take_later(), None);
    outbox.reply(frames::text(b"one"), Urgency::WithNext);
    assert_eq!(later(&outbox), [7]);
    assert_eq!(outbox.take_later(), Some(frames::text(b"one")));
    // Where the task writes, it writes this as well.
    outbox.hold(Bytes::from_static(b"rest"));
    outbox.reply(frames::text(b"one"), Urgency::WithNext);
    assert_eq!(held(&outbox), Poll::Ready(Some(Bytes::from_static(b"rest"))));
    assert_eq!(held(&outbox), Poll::Ready(Some(frames::text(b"one"))));
}

#[test]
fn what_a_socket_does_not_take_is_written_first_by_the_task_and_everything_after_it() {
    let outbox = outbox();
    outbox.event(ROOM, 1, frames::text(b"one"));
    let chunk = take(&outbox).unwrap();
    assert!(held(&outbox).is_pending());
    outbox.hold(chunk.slice(2..));
    outbox.event(ROOM, 2, frames::text(b"two"));
    assert_eq!(take(&outbox), None, "the task writes now");
    assert_eq!(held(&outbox), Poll::Ready(Some(Bytes::from_static(b"one"))));
    assert_eq!(held(&outbox), Poll::Ready(Some(frames::text(b"two"))));
    assert!(held(&outbox).is_pending());
    outbox.event(ROOM, 3, frames::text(b"three"));
    assert_eq!(take(&outbox), Some(frames::text(b"three")), "and the thread again");
}

#[test]
fn a_connection_ends_after_what_was_queued() {
    let outbox = outbox();
    outbox.event(ROOM, 1, frames::text(b"x"));
    outbox.close(CloseCode::Draining);
    assert_eq!(take(&outbox), None, "the end is the task's business");
    assert_eq!(held(&outbox), Poll::Ready(Some(frames::text(b"x"))));
    assert_eq!(held(&outbox), Poll::Ready(Some(frames::close(CloseCode::Draining))));
    assert_eq!(held(&outbox), Poll::Ready(None));
}

#[test]
fn a_full_queue_drops_ephemerals_first_and_then_asks_to_resync() {
    let outbox = outbox();
    for _ in 0..100 {
        outbox.ephemeral(frames::text(b"e"));
    }
    for seq in 1..=256 {
        outbox.event(ROOM, seq, frames::text(b"x"));
    }
    assert_eq!(outbox.metrics.ephemerals_dropped.load(std::sync::atomic::Ordering::Relaxed), 100);
    assert_eq!(outbox.metrics.connections_lagged.load(std::sync::atomic::Ordering::Relaxed), 0);
    outbox.event(ROOM, 257, frames::text(b"x"));
    outbox.event(ROOM, 258, frames::text(b"x"));
    let frame = take(&outbox).unwrap();
    let text = std::str::from_utf8(&frame[2..]).unwrap();
    assert_eq!(text, r#"{"type":"resync","conversations":{"1":258}}"#);
    outbox.event(ROOM, 259, frames::text(b"x"));
    assert_eq!(take(&outbox).map(|chunk| chunk.len()), Some(3));
}

#[test]
fn the_third_lag_in_a_minute_closes() {
    let outbox = outbox();
    for _ in 0..MAX_LAGS {
        for seq in 1..=257 {
            outbox.event(ROOM, seq, frames::text(b"x"));
        }
        while take(&outbox).is_some() && outbox.closing().is_none() {}
    }
    assert_eq!(outbox.closing(), Some(CloseCode::SlowConsumer));
}

fn said(text: &str) -> Summary {
    Summary::Said { author: UserId(2), at: Timestamp(0), text: Some(text.into()) }
}

fn told(outbox: &Outbox) -> (Vec<(ConversationId, Seq)>, BTreeMap<ConversationId, News>, usize) {
    let Some(frame) = take(outbox) else { return Default::default() };
    let begin = frame.windows(7).position(|bytes| bytes == br#"{"type""#).unwrap();
    let json = &frame[begin..];
    let ServerFrame::Heads { conversations, news } = serde_json::from_slice(json).unwrap() else {
        panic!("heads")
    };
    (conversations.into_iter().collect(), news, frame.len())
}

/// Pretends that the last report of heads is long past.
fn later(outbox: &Outbox) -> bool {
    outbox.state().heads_told = None;
    outbox.flush_due_heads()
}

#[test]
fn heads_are_told_at_once_and_then_together() {
    let outbox = outbox();
    assert!(!outbox.head(ConversationId(1), 5, Some(&said("one"))));
    let (heads, news, _) = told(&outbox);
    assert_eq!(heads, [(ConversationId(1), 5)]);
    assert_eq!(news[&ConversationId(1)].last.as_ref().unwrap().text, "one");
    assert!(outbox.head(ConversationId(1), 6, Some(&said("two"))));
    assert!(!outbox.head(ConversationId(1), 7, Some(&said("three"))));
    assert!(!outbox.head(ConversationId(2), 9, None));
    assert!(take(&outbox).is_none());
    assert!(outbox.flush_due_heads());
    assert!(!later(&outbox));
    let (heads, news, _) = told(&outbox);
    assert_eq!(heads, [(ConversationId(1), 7), (ConversationId(2), 9)]);
    assert_eq!(news.keys().copied().collect::<Vec<_>>(), [ConversationId(1)]);
    assert_eq!((news[&ConversationId(1)].after, &news[&ConversationId(1)].unread), (5, &vec![[6, 7]]));
}

#[test]
fn those_whom_one_blocks_are_no_news_and_are_again() {
    let outbox = outbox();
    outbox.set_blocked(BTreeSet::from([UserId(2)]));
    outbox.head(ConversationId(1), 5, Some(&said("nasty")));
    assert_eq!(told(&outbox).1[&ConversationId(1)], News { after: 4, ..News::default() });
    outbox.block(UserId(2), false);
    outbox.head(ConversationId(1), 6, Some(&said("nice")));
    outbox.block(UserId(2), true);
    outbox.head(ConversationId(1), 7, Some(&said("nasty")));
    assert!(!later(&outbox));
    assert_eq!(told(&outbox).1[&ConversationId(1)].unread, [[6, 6]]);
}

/// Somebody is in fifty rooms, each with a message every two seconds, for ten minutes.
#[test]
fn heads_take_less_than_two_kibibytes_a_second_and_come_in_turn() {
    let outbox = outbox();
    let room = |number: i64| ConversationId(4_611_686_018_427_387_904 + number);
    let author = UserId(4_611_686_018_427_387_904);
    let text: Arc<str> = "x".repeat(40).into();
    let mut bytes = 0;
    let mut last = [0; 50];
    let mut longest = 0;
    outbox.state().heads_told = Some(Instant::now());
    for turn in 0..300 {
        for number in 0..50 {
            let at = Timestamp(1_795_401_856_123_456);
            let summary = Summary::Said { author, at, text: Some(text.clone()) };
            outbox.head(room(number), 100_000 + turn, Some(&summary));
        }
        later(&outbox);
        while let (heads, news, size @ 1..) = told(&outbox) {
            assert_eq!(heads.len(), news.len());
            bytes += size;
            for (id, seq) in heads {
                let told = &mut last[usize::try_from(id.0 - room(0).0).unwrap()];
                longest = longest.max(turn - *told);
                (*told, _) = (turn, assert_eq!(seq, 100_000 + turn));
            }
        }
    }
    let rate = bytes / 600;
    println!("{rate} bytes a second, each room told every {} s at most", 2 * longest);
    assert!(rate < 2048 && longest <= 4, "{rate} bytes a second, and {longest} turns");
}
