//! Screen reader announcements of new messages.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::messages::Mention;

use crate::context::Context;
use crate::state::announcing::Said;
use crate::state::people;
use crate::texts::chat;

/// The parts of an incoming message that matter for its announcement.
pub(crate) struct Heard<'a> {
    pub(crate) conversation: ConversationId,
    pub(crate) author: UserId,
    pub(crate) body: &'a str,
    pub(crate) reply_author: Option<UserId>,
    pub(crate) mentions: Option<&'a [Mention]>,
}

impl Context {
    /// Announces another user's message if it is in the open conversation or in any direct chat.
    pub(crate) fn announce(&self, heard: &Heard) {
        let open = self.open.is(heard.conversation);
        let direct = self.conversations.is(heard.conversation, ConversationKind::Direct);
        if !open && !direct {
            return;
        }
        let me = self.session.me();
        let named = heard.mentions.is_some_and(|all| all.iter().any(|one| one.user == me));
        let mentions = named || heard.reply_author == Some(me);
        let (context, author, text) = (*self, heard.author, heard.body.to_owned());
        let direct = direct && !open;
        spawn_local(async move {
            context.know([author].into_iter()).await;
            let name = context.people.user(author).with_untracked(|user| user.as_ref().map(people::spoken));
            let author = name.unwrap_or_else(|| chat::someone().to_owned());
            context.ui.announcer.say(Said::Message { author, text, mentions, direct });
        });
    }
}
