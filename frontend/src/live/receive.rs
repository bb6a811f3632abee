//! Handles the server's frames: each is applied to the state it concerns, or leads to a fetch of what is missing.
//!
//! Invariant: an event is applied iff its seq is the cursor plus one, no matter how it arrived.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_client::engine::Verdict;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::notifications::Notification;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{
    Change, ClientFrame, Ephemeral, ErrorFrame, Event, News, OkFrame, ReplayState, ServerFrame,
};

use super::Asked;
use super::announcing::Heard;
use crate::browser;
use crate::context::{Context, Load};
use crate::state::conversations;
use crate::state::members::Move;

/// For a conversation that is not open, at most this many missed events are fetched; beyond that its entry is reloaded.
const WORTH_FETCHING: Seq = 200;

impl Context {
    /// Handles a frame. Returns true if it answers `start`: then the connection works.
    pub(crate) fn receive(&self, frame: ServerFrame) -> bool {
        match frame {
            ServerFrame::Ok(ok) => return self.receive_ok(*ok),
            ServerFrame::Error(error) => self.receive_error(&error),
            ServerFrame::Event(event) => self.receive_event(&event),
            ServerFrame::UserEvent(event) => self.receive_user_event(&event),
            ServerFrame::Ephemeral(ephemeral) => self.receive_ephemeral(&ephemeral),
            ServerFrame::Heads { conversations, news } => {
                conversations.into_iter().for_each(|(id, head)| self.receive_news(id, head, news.get(&id)));
            }
            ServerFrame::Resync { conversations, user } => {
                conversations.into_iter().for_each(|(id, head)| self.receive_head(id, head));
                if let Some(head) = user {
                    self.catch_up_user(head);
                }
            }
            ServerFrame::Hello(_) | ServerFrame::Unknown => {}
        }
        false
    }

    fn receive_ok(&self, ok: OkFrame) -> bool {
        match self.live.answered(ok.id) {
            Some(Asked::Start) => {
                self.started(&ok);
                return true;
            }
            Some(Asked::Send(conversation, cid)) => self.sent(conversation, &cid, &ok),
            Some(Asked::Focus) => {
                // Events may have been missed between the loaded page and this answer.
                if let Some(id) = self.open.id.get_untracked() {
                    self.sync(id);
                }
            }
            Some(Asked::Sync(conversation)) => {
                self.live.change(|inner| inner.syncing.remove(&conversation));
                for event in ok.events.unwrap_or_default() {
                    self.receive_event(&event);
                }
                self.receive_head(conversation, ok.head.unwrap_or(0));
            }
            Some(Asked::Ping | Asked::Other) | None => {}
        }
        false
    }

    fn receive_error(&self, error: &ErrorFrame) {
        match error.id.and_then(|id| self.live.answered(id)) {
            Some(Asked::Send(conversation, cid)) => self.not_sent(conversation, &cid, error),
            Some(Asked::Sync(conversation)) => {
                self.live.change(|inner| inner.syncing.remove(&conversation));
                if matches!(error.code, ErrorCode::NotFound | ErrorCode::NotMember | ErrorCode::Gone) {
                    self.live.forget(conversation);
                } else {
                    let context = *self;
                    let wait = Duration::from_millis(error.retry_after_ms.unwrap_or(2_000));
                    set_timeout(move || context.sync(conversation), wait);
                }
            }
            Some(Asked::Start | Asked::Focus | Asked::Ping | Asked::Other) | None => {}
        }
    }

    /// Compares the answer to `start` with the local state.
    fn started(&self, ok: &OkFrame) {
        if let Some(user) = ok.user {
            let known = self.live.with(|inner| inner.cursors.user());
            let head = user.head.unwrap_or(0);
            match (user.state, known) {
                (ReplayState::Replay, Some(_)) => {}
                (_, None) => {
                    self.live.change(|inner| inner.cursors.follow_user(head));
                }
                _ => self.catch_up_user(head),
            }
        }
        let mut reread = false;
        for (id, state) in ok.conversations.iter().flatten() {
            let known = self.live.cursor(*id);
            let head = state.head.unwrap_or(0);
            let open = self.open.is(*id);
            match state.state {
                ReplayState::Gone => {
                    self.live.forget(*id);
                    if !open || self.entry(*id).is_some() {
                        self.remove_entry(*id);
                    }
                }
                ReplayState::Gap | ReplayState::Reset => {
                    reread = true;
                    if open {
                        self.live.follow(*id, head);
                        self.open_again(*id, head);
                    }
                }
                ReplayState::Replay => {
                    reread |= known.is_none() || (known < Some(head) && !self.replayed(*id))
                }
            }
            if let Some(seq) = state.read_seq {
                reread |= self.note_read(*id, seq);
            }
        }
        if reread {
            spawn_local((*self).load_conversations());
        }
        if self.live.change(|inner| std::mem::replace(&mut inner.started, true)) {
            // Presence changes during the disconnection were missed, so the friends are reloaded.
            let (context, generation) = (*self, self.live.generation());
            let wait = 1_000.0 + browser::chance() * 7_000.0;
            let read = move || {
                if context.live.generation() == generation {
                    context.load_friends();
                }
            };
            set_timeout(read, Duration::from_millis(wait as u64));
        }
        // Positions read while offline are sent now; the server never moves the marker back.
        if let Some((id, entry)) = self.open.id.get_untracked().and_then(|id| Some((id, self.entry(id)?))) {
            let seq = entry.with_untracked(|entry| entry.read_seq);
            if seq > 0 {
                self.live.command(Asked::Other, |command| ClientFrame::Read {
                    id: command,
                    conversation: id,
                    seq,
                });
            }
        }
        self.live.change(|inner| inner.connected_at = browser::now_ms() as i64);
        self.set_online_myself(true);
        self.ask_wanted();
        self.tell_read(false);
        self.open_what_is_owed();
        if let Some(id) = self.open.id.get_untracked() {
            self.read_quoted(id, self.open.unknown_quotes());
        }
        self.flush();
    }

    /// Whether `start` asked for the missed events of this conversation.
    fn replayed(&self, id: ConversationId) -> bool {
        self.open.is(id)
            || self
                .entry(id)
                .is_some_and(|entry| entry.with_untracked(|entry| entry.kind == ConversationKind::Direct))
    }

    /// Handles a head that arrived without its events.
    pub(crate) fn receive_head(&self, id: ConversationId, head: Seq) {
        self.live.change(|inner| {
            let known = inner.heads.entry(id).or_default();
            *known = (*known).max(head);
        });
        let head = self.live.with(|inner| inner.heads.get(&id).copied()).unwrap_or(head);
        match self.live.cursor(id) {
            Some(cursor) if head > cursor => {
                if self.open.is(id) || (head - cursor <= WORTH_FETCHING && self.replayed(id)) {
                    self.sync(id);
                } else {
                    self.reread_later(id);
                }
            }
            Some(_) => {}
            None if self.entry(id).is_none() && !self.open.is(id) => self.reread_later(id),
            None => {}
        }
    }

    /// Handles a head that arrived with a summary of the events.
    fn receive_news(&self, id: ConversationId, head: Seq, news: Option<&News>) {
        if self.entry(id).is_none() || self.replayed(id) {
            return self.receive_head(id, head);
        }
        if news.is_some_and(|news| news.over) {
            self.live.forget(id);
            return self.remove_entry(id);
        }
        let blocked = |author| untrack(|| self.is_blocked(author));
        let mut known = 0;
        let effect = self.change_entry(id, |entry, counted| {
            let effect = conversations::hear(entry, counted, head, news, blocked);
            known = entry.head;
            effect
        });
        self.live.change(|inner| {
            let highest = inner.heads.entry(id).or_default();
            *highest = (*highest).max(head);
        });
        if known == head {
            self.live.follow(id, head);
        }
        if effect.doubt {
            self.reread_later(id);
        }
    }

    /// Requests the events after the cursor, unless a request is in flight.
    pub(crate) fn sync(&self, id: ConversationId) {
        let Some(after) = self.live.cursor(id) else { return };
        let free = self.live.change(|inner| inner.commands.is_some() && inner.syncing.insert(id));
        if free
            && !self.live.command(Asked::Sync(id), |command| ClientFrame::Sync {
                id: command,
                conversation: id,
                after,
                limit: Some(200),
            })
        {
            self.live.change(|inner| inner.syncing.remove(&id));
        }
    }

    fn receive_event(&self, event: &Event) {
        match self.live.observe(event) {
            Verdict::Apply => self.apply(event),
            Verdict::Ignore => {
                if self.live.cursor(event.conversation).is_none() && !self.open.is(event.conversation) {
                    self.reread_later(event.conversation);
                }
            }
            Verdict::Fetch { .. } => self.receive_head(event.conversation, event.seq),
        }
    }

    fn apply(&self, event: &Event) {
        let id = event.conversation;
        let me = self.me();
        let blocked = |author| untrack(|| self.is_blocked(author));
        // Events that the entry already included are not news.
        let news = self.entry(id).is_none_or(|entry| entry.with_untracked(|entry| event.seq > entry.head));
        let effect =
            self.change_entry(id, |entry, counted| conversations::apply(entry, counted, event, me, blocked));
        if effect.doubt {
            self.reread_later(id);
        }
        if let Change::MessageDeleted { target, .. } = &event.change {
            self.forget_notices_of(id, *target);
        }
        if let Change::MessageCreated { author, cid, body, reply_author, mentions, .. } = &event.change {
            if *author == me {
                self.settle(cid);
            }
            self.typing.maybe_update(|typing| {
                let before = typing.len();
                typing.retain(|(conversation, user, _)| !(*conversation == id && user == author));
                typing.len() != before
            });
            if news && *author != me && !blocked(*author) {
                self.announce(&Heard {
                    conversation: id,
                    author: *author,
                    body: body.as_deref().unwrap_or_default(),
                    reply_author: *reply_author,
                    mentions: mentions.as_deref(),
                });
            }
        }
        if self.open.is(id) {
            self.open.apply(event, self.live, me, |author| author != me && !blocked(author));
            match &event.change {
                Change::MessageCreated { .. } => self.read_at_once(id, event.seq),
                Change::MemberJoined { user, role } => self.hear_move(id, Move::Joined(*user, *role)),
                Change::MemberLeft { user } => self.hear_move(id, Move::Left(*user)),
                _ => {}
            }
        }
        if let Change::AuthorErased { .. } = event.change {
            // Any number of messages have lost their text: only the server can count now.
            self.reread_later(id);
        }
        if let Change::RoomDeleted { .. } = event.change {
            if self.open.is(id) {
                // The page shows that the room is gone.
                self.open.gone.set(Some(id));
            }
            self.live.forget(id);
            self.remove_entry(id);
        }
    }

    /// Removes the notifications of a deleted message.
    pub(crate) fn forget_notices_of(&self, id: ConversationId, seq: Seq) {
        let about = |one: &Notification| one.conversation == Some(id) && one.message == Some(seq);
        let mut found = false;
        self.notices.maybe_update(|notices| {
            if let Load::Ready(notices) = notices {
                let unread = notices.items.iter().filter(|one| about(one) && !one.read).count() as i64;
                found = notices.items.iter().any(about);
                notices.items.retain(|one| !about(one));
                notices.unread = (notices.unread - unread).max(0);
            }
            found
        });
        if found {
            self.load_notices();
        }
    }

    fn receive_ephemeral(&self, ephemeral: &Ephemeral) {
        match ephemeral {
            Ephemeral::Typing { conversation, user, ttl_ms } => {
                let (conversation, user, ttl) = (*conversation, *user, (*ttl_ms).min(10_000));
                if user == self.me() {
                    return;
                }
                let until = browser::now_ms() + ttl as f64;
                self.typing.update(|typing| {
                    typing.retain(|(there, who, _)| !(*there == conversation && *who == user));
                    if typing.len() < 50 {
                        typing.push((conversation, user, until));
                    }
                });
                let typing = self.typing;
                set_timeout(
                    move || {
                        let now = browser::now_ms();
                        typing.maybe_update(|typing| {
                            let before = typing.len();
                            typing.retain(|(_, _, until)| *until > now);
                            typing.len() != before
                        });
                    },
                    Duration::from_millis(ttl + 50),
                );
            }
            Ephemeral::Presence { user, online } => self.set_online(*user, *online),
            Ephemeral::Read { conversation, seq } => self.read_elsewhere(*conversation, *seq),
            Ephemeral::Unknown => {}
        }
    }
}
