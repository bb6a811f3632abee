//! Loads the messages of the open conversation.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_client::engine::Input;
use parlour_protocol::ids::{ConversationId, Seq};

use crate::context::Context;
use crate::state::failure::Failure;
use crate::state::history::Place;
use crate::storage::Life;
use crate::stores::open_conversation::{Stage, Wish};

impl Context {
    /// Loads a part of the open conversation, scrolls to a position in it, and follows the log from there.
    pub(crate) fn open_at(&self, id: ConversationId, place: Place, wish: Wish) {
        let context = *self;
        if wish == Wish::End {
            context.preferences.keep(Life::Tab, &format!("place.{id}"), None);
        }
        context.open.owed.set_value(None);
        spawn_local(async move {
            let answer = context.api.list_messages(id, place).await;
            if let Ok(page) = &answer {
                context.people.learn(page.authors.iter());
            }
            if !context.open.is(id) {
                return;
            }
            // If the user stopped reading above the newest page, continue there.
            let unread =
                context.open.read.get_value().filter(|_| wish == Wish::Resume && place == Place::Newest);
            if let (Ok(page), Some(read)) = (&answer, unread)
                && page.older
                && page.items.first().is_some_and(|first| first.seq > read + 1)
            {
                return context.open_at(id, Place::Around(read), wish);
            }
            let ready = context.open.stage.get_untracked() == Stage::Ready;
            match answer {
                Ok(page) if ready && wish == Wish::End => {
                    // Messages loaded earlier stay above, separated by a gap if they are not adjacent.
                    let head = page.head;
                    context.open.at_bottom.set(true);
                    context.open.join(page, place.part());
                    context.open.arrive(wish);
                    context.feed(Input::Head { conversation: id, head });
                }
                Ok(page) => {
                    context.feed(Input::Follow { conversation: id, after: page.head });
                    context.open.replace(page, place.part(), wish);
                    context.focus_live();
                }
                Err(failure) => {
                    context.open.owed.set_value(Some((place, wish)));
                    if ready {
                        context.ui.complain(&failure);
                    } else {
                        context.open.stage.set(Stage::Failed(failure));
                    }
                }
            }
        });
    }

    /// Retries a failed load, because the connection is back or the user asked.
    pub(crate) fn open_what_is_owed(&self) {
        let owed = self.open.owed.try_update_value(Option::take).flatten();
        if let (Some(id), Some((place, wish))) = (self.open.id.get_untracked(), owed) {
            if matches!(self.open.stage.get_untracked(), Stage::Failed(_)) {
                self.open.stage.set(Stage::Loading);
            }
            self.open_at(id, place, wish);
        }
    }

    /// Handles a gap too large to be fetched event by event: goes to the end, or leaves the reader where they are.
    pub(crate) fn open_again(&self, id: ConversationId, head: Seq) {
        self.members.stale.update(|count| *count += 1);
        if self.open.stage.get_untracked() != Stage::Ready {
            return;
        }
        let at_bottom = self.open.at_bottom.get_untracked();
        self.open.detach(head);
        if at_bottom {
            self.open_at(id, Place::Newest, Wish::End);
        }
    }

    /// Tells the server which conversations are followed live.
    pub(crate) fn focus_live(&self) {
        let live: Vec<ConversationId> = self.open.id.get_untracked().into_iter().collect();
        self.feed(Input::Focus(live));
    }

    /// Loads missing messages next to loaded ones. Returns whether that has failed.
    pub(crate) async fn load_missing(self, id: ConversationId, place: Place) -> bool {
        let generation = self.open.generation.get_untracked();
        let answer = self.api.list_messages(id, place).await;
        if let Ok(page) = &answer {
            self.people.learn(page.authors.iter());
        }
        let failed = answer.is_err();
        match answer {
            // After a jump, this page belongs to another position.
            Ok(page) if self.open.is(id) && self.open.generation.get_untracked() == generation => {
                self.open.join(page, place.part());
            }
            Err(failure) if failure != Failure::Offline => self.ui.complain(&failure),
            Ok(_) | Err(_) => {}
        }
        failed
    }

    /// Loads quoted messages that are not among the loaded ones.
    pub(crate) fn read_quoted(&self, id: ConversationId, seqs: Vec<Seq>) {
        let context = *self;
        spawn_local(async move {
            for seq in seqs {
                if !context.open.is(id) {
                    return;
                }
                if let Ok(page) = context.api.read_message(id, seq).await
                    && context.open.is(id)
                {
                    context.people.learn(page.authors.iter());
                    context.open.quote(&page);
                }
            }
        });
    }
}
