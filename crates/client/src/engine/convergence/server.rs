//! A model of the server: one connection at a time, whose frames wait on a wire.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use parlour_protocol::events::Event;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::limits::REPLAY;
use parlour_protocol::messages;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{
    ClientFrame, EffectOutcome, ErrorFrame, Hello, OkFrame, ReplayState, ServerFrame, Start, StreamState,
};
use parlour_protocol::time::Timestamp;

use super::stored::Stored;
use super::{DIRECT, ME, ROOMS};

pub(super) struct Server {
    pub(super) rooms: BTreeMap<ConversationId, Stored>,
    pub(super) epoch: u64,
    /// The frames on their way to the client; `None` if there is no connection.
    pub(super) wire: Option<VecDeque<ServerFrame>>,
    started: bool,
    live: Vec<ConversationId>,
    /// Heads not yet sent.
    pub(super) heads: BTreeMap<ConversationId, Seq>,
    /// How many commands of a hundred are lost, refused for now, and refused for good.
    pub(super) unkind: (u64, u64, u64),
    /// How many commands were lost or refused without need.
    pub(super) spoilt: usize,
}

impl Server {
    pub(super) fn new(random: &mut Rng) -> Self {
        let mut rooms: BTreeMap<ConversationId, Stored> = BTreeMap::new();
        for room in ROOMS {
            let stored = rooms.entry(room).or_default();
            (0..random.usize(..30)).for_each(|_| drop(stored.happen(room, random)));
        }
        let (wire, live, heads) = (None, Vec::new(), BTreeMap::new());
        Self { rooms, epoch: 0, wire, started: false, live, heads, unkind: (4, 8, 4), spoilt: 0 }
    }

    pub(super) fn accept(&mut self) {
        let hello = Hello {
            epoch: self.epoch.to_string(),
            heartbeat_ms: 25_000,
            max_frame_bytes: 16_384,
            server_time: Timestamp(0),
        };
        self.wire = Some(VecDeque::from([ServerFrame::Hello(hello)]));
        self.started = false;
        self.heads.clear();
    }

    pub(super) fn push(&mut self, frame: ServerFrame) {
        self.wire.iter_mut().for_each(|wire| wire.push_back(frame.clone()));
    }

    /// Something happens that the client has not done.
    pub(super) fn happen(&mut self, random: &mut Rng) {
        let room = ROOMS[random.usize(..ROOMS.len())];
        let event = self.rooms.get_mut(&room).unwrap().happen(room, random);
        self.publish(event);
    }

    fn publish(&mut self, event: Event) {
        if !self.started {
            return;
        }
        if self.live.contains(&event.conversation) || event.conversation == DIRECT {
            self.push(ServerFrame::Event(event));
        } else {
            self.heads.insert(event.conversation, event.seq);
        }
    }

    /// Sends the heads that have collected.
    pub(super) fn send_heads(&mut self) {
        if !self.heads.is_empty() {
            let conversations = std::mem::take(&mut self.heads);
            self.push(ServerFrame::Heads { conversations, news: BTreeMap::new() });
        }
    }

    pub(super) fn receive(&mut self, frame: ClientFrame, random: &mut Rng) {
        if let ClientFrame::Start(start) = frame {
            return self.start(start);
        }
        let (lost, refused, hopeless) = self.unkind;
        let luck = random.u64(..100);
        self.spoilt += usize::from(luck < lost + refused);
        if luck < lost {
            return;
        }
        let mut done = Vec::new();
        let answered = match frame {
            ClientFrame::Send { id, conversation, cid, body, .. } => {
                let stored = self.rooms.get_mut(&conversation).unwrap();
                let known = stored.messages.values().find(|one| one.author == ME && one.cid == cid);
                match known.map(|one| one.seq) {
                    Some(seq) => Ok(answer(id, conversation, seq, true)),
                    None if luck < lost + refused => Err((id, true)),
                    None if luck < lost + refused + hopeless => Err((id, false)),
                    None => {
                        done.push(stored.create(conversation, ME, cid, body));
                        Ok(answer(id, conversation, stored.head(), false))
                    }
                }
            }
            ClientFrame::Edit { id, .. } | ClientFrame::Delete { id, .. } | ClientFrame::React { id, .. }
                if luck < lost + refused =>
            {
                Err((id, true))
            }
            ClientFrame::Edit { id, conversation, seq, body } => self.change(
                id,
                conversation,
                seq,
                |stored| Some(stored.edit(conversation, seq, body)),
                &mut done,
            ),
            ClientFrame::Delete { id, conversation, seq } => self.change(
                id,
                conversation,
                seq,
                |stored| Some(stored.delete(conversation, ME, seq)),
                &mut done,
            ),
            ClientFrame::React { id, conversation, seq, emoji, on } => {
                let react = |stored: &mut Stored| {
                    let again = stored.reacts(seq, ME, &emoji) == on;
                    (!again).then(|| stored.react(conversation, ME, seq, &emoji, on))
                };
                self.change(id, conversation, seq, react, &mut done)
            }
            ClientFrame::Sync { id, .. } if luck < lost + refused => Err((id, true)),
            ClientFrame::Sync { id, conversation, after, limit } => {
                return self.sync(id, conversation, after, limit);
            }
            ClientFrame::Focus { id, live } => {
                self.live = live;
                Ok(OkFrame::done(id))
            }
            ClientFrame::Read { id, conversation, seq } => Ok(OkFrame::marked(id, conversation, seq)),
            ClientFrame::Ping { id } => Ok(OkFrame::done(id)),
            ClientFrame::Start(_) | ClientFrame::Typing { .. } => return,
        };
        // As on the server, a response and the event it is about may arrive in any order.
        let event_first = random.bool();
        if event_first {
            done.drain(..).for_each(|event| self.publish(event));
        }
        self.push(match answered {
            Ok(ok) => ServerFrame::Ok(Box::new(ok)),
            Err((id, retry)) => refusal(id, retry, random),
        });
        done.into_iter().for_each(|event| self.publish(event));
    }

    /// Changes a message, if it still exists.
    fn change(
        &mut self,
        id: u64,
        room: ConversationId,
        seq: Seq,
        change: impl FnOnce(&mut Stored) -> Option<Event>,
        done: &mut Vec<Event>,
    ) -> Result<OkFrame, (u64, bool)> {
        let stored = self.rooms.get_mut(&room).unwrap();
        if stored.messages.get(&seq).is_none_or(|one| one.deleted_at.is_some()) {
            return Err((id, false));
        }
        let event = change(stored);
        let ok = answer(id, room, event.as_ref().map_or(seq, |one| one.seq), event.is_none());
        done.extend(event);
        Ok(ok)
    }

    fn sync(&mut self, id: u64, room: ConversationId, after: Seq, limit: Option<i64>) {
        let stored = &self.rooms[&room];
        let most = limit.unwrap_or(200) as usize;
        let events = stored.log.iter().filter(|event| event.seq > after).take(most).cloned().collect();
        let ok = OkFrame::synced(id, room, events, stored.head());
        self.push(ServerFrame::Ok(Box::new(ok)));
    }

    fn start(&mut self, start: Start) {
        let epoch = start.epoch == Some(self.epoch.to_string());
        let (mut states, mut replay) = (BTreeMap::new(), Vec::new());
        for (room, stored) in &self.rooms {
            let head = stored.head();
            let missed = start.cursors.get(room).map(|cursor| head - cursor);
            let state = match missed {
                Some(missed) if !epoch || missed < 0 => ReplayState::Reset,
                // A small limit, so that gaps occur.
                Some(missed) if missed > REPLAY.0 / 10 => ReplayState::Gap,
                _ => ReplayState::Replay,
            };
            if state == ReplayState::Replay {
                let missed = missed.unwrap_or(0) as usize;
                replay.extend(stored.log[stored.log.len() - missed..].iter().cloned());
            }
            states.insert(*room, StreamState { head: Some(head), state, read_seq: None });
        }
        let user = Some(StreamState { head: Some(0), state: ReplayState::Replay, read_seq: None });
        self.push(ServerFrame::Ok(Box::new(OkFrame::started(start.id, user, states))));
        replay.into_iter().for_each(|event| self.push(ServerFrame::Event(event)));
        (self.started, self.live) = (true, start.live);
    }
}

fn answer(id: u64, room: ConversationId, seq: Seq, duplicate: bool) -> OkFrame {
    OkFrame::stored(id, room, messages::Stored { seq, at: Timestamp(seq * 1000), duplicate })
}

fn refusal(id: u64, retry: bool, random: &mut Rng) -> ServerFrame {
    ServerFrame::Error(ErrorFrame {
        id: Some(id),
        code: if retry { ErrorCode::RateLimited } else { ErrorCode::Forbidden },
        detail: None,
        retry,
        retry_after_ms: random.bool().then(|| random.u64(..3_000)),
        outcome: EffectOutcome::None,
    })
}
