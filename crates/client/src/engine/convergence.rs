//! Property tests of the whole engine: a model server, a network that drops, duplicates and reorders frames, and a
//! client that consists of the engine alone.
//!
//! Invariant: whatever the network does, once the next head arrives the client's timeline equals a fresh fetch, and
//! every event was applied exactly once, in order.

use std::collections::BTreeMap;

use fastrand::Rng;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::{Message, MessagePage, Reaction};
use parlour_protocol::rooms::MemberRole;
use parlour_protocol::socket::{Change, Event};
use parlour_protocol::time::Timestamp;

use super::{Cursors, Part, Timeline, Verdict};

const ROOMS: [ConversationId; 2] = [ConversationId(1), ConversationId(2)];
const EMOJI: [&str; 3] = ["👍", "🎉", "🐢"];
/// Number of seeds tried; each seed is a different run.
const RUNS: u64 = 400;

/// What a server stores for one conversation: the log, and next to it the current state of each message. Written
/// without the engine, as the server does it: not by applying events.
#[derive(Default)]
struct Stored {
    log: Vec<Event>,
    messages: BTreeMap<Seq, Message>,
}

impl Stored {
    fn head(&self) -> Seq {
        self.log.len() as Seq
    }

    fn append(&mut self, room: ConversationId, change: Change) -> Event {
        let seq = self.head() + 1;
        let event = Event { conversation: room, seq, at: Timestamp(seq * 1000), change };
        self.log.push(event.clone());
        event
    }

    /// Appends a random event.
    fn happen(&mut self, room: ConversationId, random: &mut Rng) -> Event {
        let user = UserId(random.usize(..3) as i64);
        let living: Vec<Seq> =
            self.messages.values().filter(|one| one.deleted_at.is_none()).map(|one| one.seq).collect();
        let at = Timestamp((self.head() + 1) * 1000);
        let target = if living.is_empty() { 0 } else { living[random.usize(..living.len())] };
        match random.usize(..(if living.is_empty() { 3 } else { 10 })) {
            0 => self.append(room, Change::MemberJoined { user, role: MemberRole::Member }),
            1 => self.append(room, Change::Unknown(serde_json::json!({"kind": "poll.opened"}))),
            2..=4 => {
                let seq = self.head() + 1;
                let (cid, body) = (format!("cid-{seq:05}"), Some(format!("message {seq}")));
                let message = Message {
                    seq,
                    author: user,
                    cid: cid.clone(),
                    body: body.clone(),
                    reply_to: None,
                    reply_author: None,
                    mentions: None,
                    at,
                    edited_at: None,
                    deleted_at: None,
                    reactions: Vec::new(),
                };
                self.messages.insert(seq, message);
                let change = Change::MessageCreated {
                    author: user,
                    cid,
                    body,
                    reply_to: None,
                    reply_author: None,
                    mentions: None,
                };
                self.append(room, change)
            }
            5 | 6 => {
                let message = self.messages.get_mut(&target).unwrap();
                let (author, body) = (message.author, Some(format!("edited at {}", at.0)));
                message.body.clone_from(&body);
                message.edited_at = Some(at);
                self.append(room, Change::MessageEdited { author, target, body, mentions: None })
            }
            7 => {
                let message = self.messages.get_mut(&target).unwrap();
                (message.body, message.edited_at, message.deleted_at) = (None, None, Some(at));
                message.reactions.clear();
                // Redact the text in the log, too, wherever it occurs.
                for event in &mut self.log {
                    match &mut event.change {
                        Change::MessageCreated { body, .. } if event.seq == target => *body = None,
                        Change::MessageEdited { target: edited, body, .. } if *edited == target => {
                            *body = None
                        }
                        _ => {}
                    }
                }
                self.append(room, Change::MessageDeleted { actor: user, target, author: None })
            }
            _ => {
                let emoji = EMOJI[random.usize(..EMOJI.len())].to_owned();
                let reactions = &mut self.messages.get_mut(&target).unwrap().reactions;
                let there = reactions.iter().position(|one| one.emoji == emoji);
                if let Some(at) = there.filter(|at| reactions[*at].users.contains(&user)) {
                    reactions[at].users.retain(|one| *one != user);
                    if reactions[at].users.is_empty() {
                        reactions.remove(at);
                    }
                    return self.append(room, Change::ReactionRemoved { user, target, emoji });
                }
                match there {
                    Some(at) => reactions[at].users.push(user),
                    None => reactions.push(Reaction { emoji: emoji.clone(), users: vec![user] }),
                }
                self.append(room, Change::ReactionAdded { user, target, emoji })
            }
        }
    }
}

/// A client that consists of the engine.
#[derive(Default)]
struct Client {
    cursors: Cursors,
    timelines: BTreeMap<ConversationId, Timeline>,
    applied: BTreeMap<ConversationId, Vec<Seq>>,
}

impl Client {
    /// Reloads everything.
    fn load(&mut self, room: ConversationId, stored: &Stored) {
        self.cursors.follow(room, stored.head());
        let timeline = self.timelines.entry(room).or_default();
        timeline.clear();
        let items = stored.messages.values().cloned().collect();
        let page = MessagePage {
            items,
            older: false,
            newer: false,
            head: stored.head(),
            previous: None,
            next: None,
            authors: Vec::new(),
        };
        timeline.add_page(page, Part::Newest);
        self.applied.insert(room, vec![stored.head()]);
    }

    fn apply(&mut self, event: &Event) {
        self.timelines.entry(event.conversation).or_default().apply(event);
        self.applied.entry(event.conversation).or_default().push(event.seq);
    }

    fn hear(&mut self, event: &Event, stored: &Stored) {
        match self.cursors.observe(event.conversation, event.seq) {
            Verdict::Apply => self.apply(event),
            Verdict::Ignore => {}
            Verdict::Fetch { after } => self.fetch(after, stored),
        }
    }

    fn hear_head(&mut self, room: ConversationId, stored: &Stored) {
        if let Verdict::Fetch { after } = self.cursors.observe_head(room, stored.head()) {
            self.fetch(after, stored);
        }
    }

    /// Fetches the log after a position, in its present state.
    fn fetch(&mut self, after: Seq, stored: &Stored) {
        for event in stored.log.iter().filter(|event| event.seq > after) {
            if self.cursors.observe(event.conversation, event.seq) == Verdict::Apply {
                self.apply(event);
            }
        }
    }

    fn check(&self, room: ConversationId, stored: &Stored, seed: u64) {
        let messages: Vec<&Message> = self.timelines[&room].iter().collect();
        let fresh: Vec<&Message> = stored.messages.values().collect();
        assert_eq!(messages, fresh, "seed {seed}");
        let applied = &self.applied[&room];
        assert!(applied.windows(2).all(|pair| pair[1] == pair[0] + 1), "seed {seed}: {applied:?}");
        assert_eq!(applied.last(), Some(&stored.head()), "seed {seed}");
    }
}

/// One run: things happen in two rooms, frames are lost, duplicated and reordered, and the client may lose its
/// connection or all its state. Returns how many frames the network disturbed.
fn play(seed: u64) -> usize {
    let mut random = Rng::with_seed(seed);
    let mut server: BTreeMap<ConversationId, Stored> = BTreeMap::new();
    for room in ROOMS {
        let stored = server.entry(room).or_default();
        (0..random.usize(..30)).for_each(|_| drop(stored.happen(room, &mut random)));
    }
    let mut client = Client::default();
    client.cursors.set_epoch("one");
    ROOMS.iter().for_each(|room| client.load(*room, &server[room]));
    let (mut wire, mut spoilt): (Vec<Event>, usize) = (Vec::new(), 0);
    for _ in 0..150 {
        let room = ROOMS[random.usize(..2)];
        let event = server.entry(room).or_default().happen(room, &mut random);
        match random.usize(..100) {
            0..10 => spoilt += 1,
            10..20 => {
                spoilt += 1;
                wire.extend([event.clone(), event]);
            }
            20..30 if !wire.is_empty() => {
                spoilt += 1;
                wire.insert(random.usize(..wire.len()), event);
            }
            _ => wire.push(event),
        }
        // Some frames are delayed; fetches made meanwhile overtake them.
        while wire.len() > random.usize(..6) {
            let event = wire.remove(0);
            client.hear(&event, &server[&event.conversation]);
        }
        if random.u64(..100) < 3 {
            // The connection breaks, everything in flight is lost, and the client resumes.
            wire.clear();
            ROOMS.iter().for_each(|room| client.hear_head(*room, &server[room]));
        }
        if random.u64(..100) < 1 {
            // A new epoch: the cursors are void and everything is fetched again.
            assert!(client.cursors.set_epoch(&format!("{}", random.usize(..1_000_000))));
            wire.clear();
            ROOMS.iter().for_each(|room| client.load(*room, &server[room]));
        }
    }
    for event in wire {
        client.hear(&event, &server[&event.conversation]);
    }
    for room in ROOMS {
        client.hear_head(room, &server[&room]);
        client.check(room, &server[&room], seed);
    }
    spoilt
}

#[test]
fn any_network_converges_to_what_a_fresh_fetch_gives() {
    let spoilt: usize = (0..RUNS).map(play).sum();
    assert!(spoilt > 10_000, "the network was too kind: {spoilt}");
}

/// Checks that the properties can fail: a client that applies every frame does not converge.
#[test]
fn a_client_without_the_rule_does_not_converge() {
    let mut random = Rng::with_seed(7);
    let mut stored = Stored::default();
    let events: Vec<Event> = (0..60).map(|_| stored.happen(ROOMS[0], &mut random)).collect();
    let mut timeline = Timeline::from_the_beginning();
    for event in events.iter().rev() {
        timeline.apply(event);
    }
    let messages: Vec<&Message> = timeline.iter().collect();
    assert_ne!(messages, stored.messages.values().collect::<Vec<_>>());
}
