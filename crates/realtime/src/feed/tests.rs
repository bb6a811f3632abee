use super::*;
use crate::frames;

const ROOM: ConversationId = ConversationId(1);

fn event(seq: Seq) -> Delivery {
    Delivery {
        topic: Topic::Conversation(ROOM),
        seq,
        frame: frames::text(seq.to_string().as_bytes()),
        summary: Some(Summary::Joined),
        control: None,
    }
}

fn outbox() -> Arc<Outbox> {
    let outbox = Outbox::new(Arc::default(), Arc::default(), 0);
    outbox.identify(UserId(1), SessionId(1));
    Arc::new(outbox)
}

fn seen(outbox: &Outbox) -> String {
    let mut text = String::new();
    while let Some(chunk) = outbox.take_ready() {
        text.extend(chunk.iter().filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)));
    }
    text
}

#[test]
fn a_direct_chat_stays_live_also_before_it_is_known_as_one() {
    for direct in [true, false] {
        let (mut feed, outbox) = (Feed::default(), outbox());
        feed.attach(Topic::Conversation(ROOM), outbox.clone(), Some(0), true);
        feed.may_be_direct();
        feed.set_live(&outbox, false);
        feed.deliver(event(1));
        assert_eq!(seen(&outbox), "1", "one too many is better than one too few");
        assert_eq!(feed.set_direct(direct).len(), 1);
        feed.set_live(&outbox, false);
        feed.deliver(event(2));
        assert_eq!(seen(&outbox).contains("heads"), !direct);
    }
}

#[test]
fn any_order_and_repetition_is_delivered_once_in_order() {
    let mut feed = Feed::default();
    let outbox = outbox();
    feed.attach(Topic::Conversation(ROOM), outbox.clone(), Some(0), true);
    assert_eq!(feed.deliver(event(2)).hole_after, Some(0));
    assert_eq!(feed.deliver(event(2)).hole_after, Some(0));
    assert_eq!(feed.deliver(event(4)).hole_after, Some(0));
    assert_eq!(feed.deliver(event(1)).hole_after, Some(2));
    assert_eq!(feed.deliver(event(1)), Delivered::default());
    assert_eq!(feed.deliver(event(3)).hole_after, None);
    assert_eq!(seen(&outbox), "1234");
}

#[test]
fn a_late_joiner_gets_what_came_while_it_read_the_log() {
    let mut feed = Feed::default();
    let (first, second, third) = (outbox(), outbox(), outbox());
    feed.attach(Topic::Conversation(ROOM), first, Some(0), true);
    for seq in 1..=5 {
        feed.deliver(event(seq));
    }
    feed.attach(Topic::Conversation(ROOM), second.clone(), Some(3), true);
    feed.attach(Topic::Conversation(ROOM), third.clone(), Some(7), true);
    feed.deliver(event(6));
    feed.deliver(event(7));
    feed.deliver(event(8));
    assert_eq!(seen(&second), "45678");
    assert_eq!(seen(&third), "8");
}

#[test]
fn what_comes_between_listening_and_knowing_the_position_is_handed_over() {
    let topic = Topic::Conversation(ROOM);
    let mut feed = Feed::default();
    let (first, second, third) = (outbox(), outbox(), outbox());
    feed.listen(first.clone());
    let left = Control::Detach(ROOM);
    feed.deliver(event(4));
    feed.deliver(Delivery { control: Some(left), ..event(5) });
    assert_eq!(seen(&first), "", "nothing before the position is known");
    // The log was read at head 4, at head 5, and before the first event received here.
    assert_eq!(feed.begin(topic, &first, 4), Some(vec![left]));
    feed.listen(second.clone());
    assert_eq!(feed.begin(topic, &second, 5), Some(Vec::new()));
    feed.listen(third.clone());
    assert_eq!(feed.begin(topic, &third, 2), None);
    feed.deliver(event(6));
    assert_eq!(seen(&first), "56");
    assert_eq!(seen(&second), "6");
    assert!(seen(&third).contains(r#"{"type":"resync","conversations":{"1":6}}"#));
    assert!(!feed.detach(&first) && !feed.detach(&second) && feed.detach(&third));
}

#[test]
fn a_late_joiner_by_heads_is_told_the_news_of_what_is_at_hand() {
    for (position, news) in
        [(3, r#""news":{"1":{"after":3,"members":1}}"#), (0, r#""conversations":{"1":33}}"#)]
    {
        let mut feed = Feed::default();
        feed.attach(Topic::Conversation(ROOM), outbox(), Some(0), true);
        for seq in 1..=(if position == 0 { 33 } else { 4 }) {
            feed.deliver(event(seq));
        }
        let late = outbox();
        assert!(!feed.attach(Topic::Conversation(ROOM), late.clone(), Some(position), false));
        let told = seen(&late);
        assert!(told.contains(news), "{told}");
    }
}

#[test]
fn a_joiner_far_behind_is_told_to_fetch() {
    let mut feed = Feed::default();
    feed.attach(Topic::Conversation(ROOM), outbox(), Some(0), true);
    for seq in 1..=100 {
        feed.deliver(event(seq));
    }
    let late = outbox();
    feed.attach(Topic::Conversation(ROOM), late.clone(), Some(10), true);
    assert!(seen(&late).contains(r#"{"type":"resync","conversations":{"1":100}}"#));
}

#[test]
fn a_head_that_is_ahead_tells_what_to_read() {
    let mut feed = Feed::default();
    feed.attach(Topic::Conversation(ROOM), outbox(), Some(4), true);
    assert_eq!(feed.learn_head(4), None);
    assert_eq!(feed.learn_head(9), Some(4));
}
