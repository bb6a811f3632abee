//! Quoted messages: those that other messages reply to, anywhere in the log.
//!
//! Invariant: they follow the log while the conversation is open, even if they are not among the loaded messages.

use std::time::Duration;

use leptos::prelude::*;
use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::Seq;
use parlour_protocol::messages::{Message, MessagePage};

use super::OpenConversation;

impl OpenConversation {
    /// The signal of a quoted message; `None` until it is known. `ask` is called with the messages to be fetched from
    /// the server, once for all rows of a page.
    pub(crate) fn quoted(
        &self,
        seq: Seq,
        ask: impl FnOnce(Vec<Seq>) + 'static,
    ) -> ArcRwSignal<Option<Message>> {
        if let Some(signal) = self.quote_of(seq) {
            return signal;
        }
        let loaded = self.timeline.with_value(|timeline| timeline.get(seq).cloned());
        let signal = ArcRwSignal::new(loaded.clone());
        self.quotes.update_value(|quotes| {
            quotes.push((seq, signal.clone()));
        });
        match loaded {
            Some(message) => self.answered.update_value(|answered| answered.add(message)),
            None => {
                let first = self.wanted.try_update_value(|wanted| {
                    wanted.push(seq);
                    wanted.len() == 1
                });
                if first == Some(true) {
                    let wanted = self.wanted;
                    let ask = move || {
                        let all = wanted.try_update_value(std::mem::take).unwrap_or_default();
                        if !all.is_empty() {
                            ask(all);
                        }
                    };
                    set_timeout(ask, Duration::from_millis(15));
                }
            }
        }
        signal
    }

    /// Takes quoted messages out of a page that was loaded.
    pub(crate) fn quote(&self, page: &MessagePage) {
        let here: Vec<Message> = self.quotes.with_value(|quotes| {
            page.items
                .iter()
                .filter(|message| quotes.iter().any(|(seq, _)| *seq == message.seq))
                .cloned()
                .collect()
        });
        let seqs: Vec<Seq> = here.iter().map(|message| message.seq).collect();
        self.answered.update_value(|answered| answered.add_messages(here, page.head));
        self.wanted.update_value(|wanted| wanted.retain(|seq| !seqs.contains(seq)));
        seqs.into_iter().for_each(|seq| self.refresh_quote(seq));
    }

    /// Quoted messages that could not be loaded so far.
    pub(crate) fn unknown_quotes(&self) -> Vec<Seq> {
        let unknown = |signal: &ArcRwSignal<Option<Message>>| signal.with_untracked(Option::is_none);
        self.quotes.with_value(|quotes| {
            quotes.iter().filter(|(_, signal)| unknown(signal)).map(|(seq, _)| *seq).collect()
        })
    }

    fn quote_of(&self, seq: Seq) -> Option<ArcRwSignal<Option<Message>>> {
        self.quotes
            .with_value(|quotes| quotes.iter().find(|(one, _)| *one == seq).map(|(_, signal)| signal.clone()))
    }

    pub(super) fn refresh_quote(&self, seq: Seq) {
        let Some(signal) = self.quote_of(seq) else { return };
        let message = self.answered.with_value(|answered| answered.get(seq).cloned());
        if message.is_some() && signal.with_untracked(|known| *known != message) {
            signal.set(message);
        }
    }

    pub(super) fn change_quotes(&self, event: &Event) {
        match self.answered.try_update_value(|answered| answered.apply(event)).flatten() {
            Some(seq) => self.refresh_quote(seq),
            None if matches!(event.change, Change::AuthorErased { .. }) => {
                let all: Vec<Seq> =
                    self.quotes.with_value(|quotes| quotes.iter().map(|(seq, _)| *seq).collect());
                all.into_iter().for_each(|seq| self.refresh_quote(seq));
            }
            None => {}
        }
    }
}
