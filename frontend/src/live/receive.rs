//! Carries out what the session decides: each event and each frame is applied to the state it concerns, or leads to a
//! request for what is missing.
//!
//! Invariant: an event is applied iff its seq is the cursor plus one, no matter how it arrived.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_client::engine::{Input, Output};
use parlour_protocol::events::{Change, Ephemeral, Event};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::socket::News;

use super::announcing::Heard;
use crate::browser;
use crate::context::Context;
use crate::state::conversations;
use crate::state::members::Move;
use crate::stores::session::Link;

impl Context {
    /// Reports to the session what happened, and does what it decides.
    pub(crate) fn feed(&self, input: Input) {
        let generation = self.live.generation();
        for output in self.live.handle(input) {
            if self.live.generation() != generation {
                return;
            }
            self.carry_out(output);
        }
    }

    fn carry_out(&self, output: Output) {
        match output {
            Output::Connect(_) | Output::Disconnect | Output::Start(_) | Output::Send(_) => {
                self.live.order(output);
            }
            Output::Refresh => self.renew(),
            Output::Connected => self.session.link.set(Link::Online),
            Output::Lost { code, .. } => self.lost(code),
            Output::Stopped(code) => self.stopped(code),
            Output::NewEpoch => self.reload_all(),
            Output::Resumed { read, stale } => self.resumed(&read, stale),
            Output::Reset { conversation, after } => self.open_again(conversation, after),
            Output::Left(id) => self.conversations.remove(id),
            Output::Stale(id) => self.reread_later(id),
            Output::News { conversation, head, news } => self.receive_news(conversation, head, news.as_ref()),
            Output::OwnStale => self.load_own(),
            Output::Event(event) => self.apply(&event),
            Output::UserEvent(event) => self.apply_user_event(&event),
            Output::Ephemeral(ephemeral) => self.receive_ephemeral(&ephemeral),
            Output::Sent { pending, ok } => self.sent(pending, &ok),
            Output::Refused { pending, code, detail } => self.not_sent(&pending, code, detail),
            Output::Outbox { conversation, cid } => self.keep_pending(conversation, &cid),
            // These concern clients that follow everything.
            Output::Following { .. } | Output::Locate(_) => {}
        }
    }

    /// Handles the connection being back.
    fn resumed(&self, read: &[(ConversationId, Seq)], mut stale: bool) {
        for (id, seq) in read {
            stale |= self.note_read(*id, *seq);
        }
        if stale {
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
        if let Some((id, entry)) =
            self.open.id.get_untracked().and_then(|id| Some((id, self.conversations.entry(id)?)))
        {
            let seq = entry.with_untracked(|entry| entry.read_seq);
            if seq > 0 {
                self.feed(Input::Read { conversation: id, seq });
            }
        }
        self.people.set_online_myself(true);
        self.ask_wanted();
        self.tell_read(false);
        self.open_what_is_owed();
        if let Some(id) = self.open.id.get_untracked() {
            self.read_quoted(id, self.open.unknown_quotes());
        }
    }

    /// Handles a head of a conversation that is not followed closely, which may come with a summary of the events.
    fn receive_news(&self, id: ConversationId, head: Seq, news: Option<&News>) {
        if self.conversations.entry(id).is_none() {
            return self.reread_later(id);
        }
        if news.is_some_and(|news| news.over) {
            return self.drop_conversation(id);
        }
        let blocked = |author| untrack(|| self.friends.is_blocked(author));
        let mut known = 0;
        let effect = self.conversations.change(id, |entry, counted| {
            let effect = conversations::hear(entry, counted, head, news, blocked);
            known = entry.head;
            effect
        });
        if known == head {
            self.feed(Input::Follow { conversation: id, after: head });
        }
        if effect.doubt {
            self.reread_later(id);
        }
    }

    fn apply(&self, event: &Event) {
        let id = event.conversation;
        let me = self.session.me();
        let blocked = |author| untrack(|| self.friends.is_blocked(author));
        // Events that the entry already included are not news.
        let news = self
            .conversations
            .entry(id)
            .is_none_or(|entry| entry.with_untracked(|entry| event.seq > entry.head));
        let effect = self
            .conversations
            .change(id, |entry, counted| conversations::apply(entry, counted, event, me, blocked));
        if effect.doubt {
            self.reread_later(id);
        }
        if let Change::MessageDeleted { target, .. } = &event.change {
            self.forget_notices_of(id, *target);
        }
        if let Change::MessageCreated { author, cid, body, reply_author, mentions, .. } = &event.change {
            if *author == me {
                self.settle(cid.clone());
            }
            self.conversations.typing.maybe_update(|typing| typing.stop(id, *author));
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
            self.open.apply(event, |author| author != me && !blocked(author));
            match &event.change {
                Change::MessageCreated { .. } => self.read_at_once(id, event.seq),
                Change::MemberJoined { user, role } => self.members.hear_move(id, Move::Joined(*user, *role)),
                Change::MemberLeft { user } => self.members.hear_move(id, Move::Left(*user)),
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
            self.drop_conversation(id);
        }
    }

    /// Removes the notifications of a deleted message.
    pub(crate) fn forget_notices_of(&self, id: ConversationId, seq: Seq) {
        if self.notices.forget(id, seq) {
            self.load_notices();
        }
    }

    fn receive_ephemeral(&self, ephemeral: &Ephemeral) {
        match ephemeral {
            Ephemeral::Typing { conversation, user, ttl_ms } => {
                let (conversation, user, ttl) = (*conversation, *user, (*ttl_ms).min(10_000));
                if user == self.session.me() {
                    return;
                }
                let until = browser::now_ms() + ttl as f64;
                let typing = self.conversations.typing;
                typing.update(|typing| typing.hear(conversation, user, until));
                set_timeout(
                    move || typing.maybe_update(|typing| typing.expire(browser::now_ms())),
                    Duration::from_millis(ttl + 50),
                );
            }
            Ephemeral::Presence { user, online } => self.people.set_online(*user, *online),
            Ephemeral::Read { conversation, seq } => self.read_elsewhere(*conversation, *seq),
            Ephemeral::Unknown => {}
        }
    }
}
