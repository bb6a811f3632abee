//! Loads the members of rooms: for the list, and while a mention is being typed.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::rooms::Member;

use crate::api::http::Answer;
use crate::context::Context;

/// Maximum number of member pages loaded for the list.
const PAGES: usize = 4;

impl Context {
    /// Loads the members of the room whose list is shown.
    pub(crate) fn load_members(&self, room: ConversationId) {
        let context = *self;
        let turn = self.members.open(room);
        spawn_local(async move {
            let answer = context.read_members(room).await;
            context.people.learn(answer.iter().flatten().map(|member| &member.user));
            if !context.members.is_current(turn) {
                return;
            }
            // Presence is known only of friends.
            let told =
                |member: &&Member| member.online || untrack(|| context.friends.is_friend(member.user.id));
            for member in answer.iter().flatten().filter(told) {
                context.people.set_online(member.user.id, member.online);
            }
            let members = |found: Vec<Member>| found.iter().map(|one| (one.user.id, one.role)).collect();
            context.members.fill(room, answer.map(members));
        });
    }

    async fn read_members(&self, room: ConversationId) -> Answer<Vec<Member>> {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let page = self.api.list_members(room, after.as_deref()).await?;
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// Searches the members of a room by a prefix of handle or name, so that members who have not written anything can
    /// be mentioned.
    pub(crate) fn find_members(&self, id: ConversationId, prefix: String) {
        if !self.conversations.is(id, ConversationKind::Room) {
            return;
        }
        let (context, mut needed) = (*self, false);
        self.members.change_search(id, |search| {
            needed = search.ask(&prefix);
            false
        });
        if !needed {
            return;
        }
        spawn_local(async move {
            let answer = context.api.find_members(id, &prefix).await;
            if let Ok(page) = &answer {
                context.people.learn(page.items.iter().map(|member| &member.user));
            }
            context.members.change_search(id, |search| match answer {
                Ok(page) => {
                    let found = page.items.iter().map(|member| member.user.id);
                    search.answered(&prefix, found, page.next.is_none());
                    true
                }
                Err(_) => {
                    search.failed(&prefix);
                    false
                }
            });
        });
    }

    /// The users to offer for a mention, those in the conversation first; `prefix` is case-folded.
    pub(crate) fn people_like(&self, id: ConversationId, prefix: &str) -> Vec<(UserId, String)> {
        let (peer, search) = (self.conversations.peer(id), self.members.search_in(id));
        let found = |user| search.as_ref().is_some_and(|search| search.has(user));
        self.people.matching(prefix, |user| peer == Some(user) || found(user))
    }
}
