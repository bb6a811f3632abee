//! The first command of a connection: authentication, replay of missed events, and the conversations to follow.
//!
//! Invariant: a replay is complete, or it is reported as a gap. The client sees what it missed before anything new.

use std::collections::{BTreeMap, BTreeSet};

use bytes::BytesMut;
use parlour_chat::Refusal;
use parlour_chat::streams::{self, ConnectSnapshot, Known, Plan};
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::limits;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{CloseCode, OkFrame, ReplayState, Start, StreamState};
use parlour_realtime::{Topic, Urgency};

use super::commands::Connection;
use crate::event_log::delivery_of_user_event;

/// Approximate maximum bytes of a replay, so that it fits into the connection's queue.
const REPLAY_BYTES: usize = 256 * 1024;

/// What `start` responds with.
struct Caught {
    snapshot: ConnectSnapshot,
    plan: Plan,
    replay: BytesMut,
}

impl Connection {
    pub(super) async fn start(&mut self, start: Start) -> Result<(), CloseCode> {
        let bearer = match (start.token.as_deref(), self.bearer.take()) {
            (Some(token), _) => {
                let known = self.app.authenticate(token, self.address).await;
                known.map_err(|error| match error.code() {
                    ErrorCode::TokenExpired => CloseCode::TokenExpired,
                    ErrorCode::Unauthenticated => CloseCode::AuthenticationFailed,
                    _ => CloseCode::Overloaded,
                })?
            }
            (None, Some(bearer)) => bearer,
            (None, None) => return Err(CloseCode::AuthenticationFailed),
        };
        if start.live.len() > limits::LIVE || start.cursors.len() > 2 * limits::ROOMS_PER_USER as usize {
            return Err(CloseCode::BadFrame);
        }
        let user = bearer.user;
        self.outbox.identify(user, bearer.session);
        if let Some(only) = bearer.grant.as_ref().and_then(|grant| grant.only.clone()) {
            self.outbox.limit_to(only);
        }
        self.grant = bearer.grant;
        let limited = self.outbox.is_limited();
        let known = Known {
            other_epoch: start.epoch.as_ref().is_some_and(|epoch| *epoch != self.app.epoch),
            cursors: start.cursors,
            user: start.user_cursor.filter(|_| !limited),
        };
        // Subscribe before reading, so that nothing is missed in between.
        self.app.hub.listen(Topic::User(user), &self.outbox);
        let caught = match self.catch_up(user, &known).await {
            Ok(caught) => caught,
            Err(refusal) => {
                self.answer(Some(start.id), Err(refusal.into()));
                return Err(CloseCode::Overloaded);
            }
        };
        if caught.snapshot.suspended {
            return Err(CloseCode::Banned);
        }
        if self.app.has_ended(bearer.session) {
            return Err(CloseCode::SessionRevoked);
        }
        if !self.app.hub.connect(&self.outbox, caught.snapshot.friends.clone()) {
            return Err(CloseCode::TooManyConnections);
        }
        self.user = Some(user);
        self.throttle.start();
        self.follow(start.id, user, start.live.into_iter().collect(), caught).await?;
        // From here on the connection is told when its session ends. It may have ended between authentication and
        // now.
        if self.app.has_ended(bearer.session) { Err(CloseCode::SessionRevoked) } else { Ok(()) }
    }

    /// Reads the person's snapshot and the events they missed. A replay is complete, or it is reported as a gap.
    async fn catch_up(&self, user: UserId, known: &Known) -> Result<Caught, Refusal> {
        let app = &self.app;
        let mut snapshot = app.reads.snapshot(user).await?;
        snapshot.conversations.retain(|place| self.outbox.may_follow(Topic::Conversation(place.id)));
        let mut plan = snapshot.compare(known);
        let mut replay = BytesMut::new();
        if let Some(after) = plan.user_after {
            let upto = snapshot.user_head;
            match app.database.read(move |conn| streams::list_user_events(conn, user, after, upto)).await? {
                Some(events) => events
                    .into_iter()
                    .for_each(|event| replay.extend_from_slice(&delivery_of_user_event(user, event).frame)),
                // The stream no longer reaches back that far: old events are deleted after a while.
                None => plan.user = ReplayState::Gap,
            }
        }
        let found = match plan.missed.as_slice() {
            [] => Vec::new(),
            missed => app.reads.missed(missed.to_vec()).await?,
        };
        for (missed, frames) in plan.missed.iter().zip(found) {
            let before = replay.len();
            let mut next = missed.after + 1;
            if before < REPLAY_BYTES {
                for (seq, frame) in frames.iter() {
                    if *seq == next && *seq <= missed.upto {
                        replay.extend_from_slice(frame);
                        next += 1;
                    }
                }
            }
            if next <= missed.upto {
                replay.truncate(before);
                if let Some(followed) = plan.conversations.get_mut(&missed.conversation) {
                    followed.state = ReplayState::Gap;
                }
            }
        }
        Ok(Caught { snapshot, plan, replay })
    }

    /// Responds to `start`, replays, and follows, in this order, so that the client sees what it missed before
    /// anything new. Events published between reading and following come from the feed's ring, or are read from the
    /// log.
    async fn follow(
        &self,
        id: u64,
        user: UserId,
        live: BTreeSet<ConversationId>,
        caught: Caught,
    ) -> Result<(), CloseCode> {
        let Caught { snapshot, plan, replay } = caught;
        let mut states: BTreeMap<ConversationId, StreamState> = plan
            .gone
            .iter()
            .chain(live.iter().filter(|id| !plan.conversations.contains_key(id)))
            .map(|id| (*id, StreamState { head: None, state: ReplayState::Gone, read_seq: None }))
            .collect();
        let mut follow = Vec::with_capacity(plan.conversations.len());
        for (id, followed) in plan.conversations {
            let read_seq = Some(followed.read_seq);
            states.insert(id, StreamState { head: Some(followed.head), state: followed.state, read_seq });
            follow.push((Topic::Conversation(id), followed.head, followed.direct || live.contains(&id)));
        }
        let own = StreamState { head: Some(snapshot.user_head), state: plan.user, read_seq: None };
        let own = (!self.outbox.is_limited()).then_some(own);
        self.answer(Some(id), Ok(OkFrame::started(id, own, states)));
        if !replay.is_empty() {
            self.outbox.reply(replay.freeze(), Urgency::Now);
        }
        self.outbox.set_blocked(snapshot.blocked);
        self.outbox.set_live(live);
        let fresh = follow
            .into_iter()
            .filter(|(topic, head, live)| self.app.hub.attach(*topic, &self.outbox, Some(*head), *live))
            .map(|(topic, ..)| topic)
            .collect();
        // Last, since the replayed controls may leave or join conversations compared with what was read.
        if !self.app.hub.begin(user, &self.outbox, snapshot.user_head) {
            return Err(CloseCode::Overloaded);
        }
        self.app.hub.check(fresh).await;
        Ok(())
    }
}
