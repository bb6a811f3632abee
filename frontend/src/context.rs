//! What the app is made of, created once and never disposed: the API client, the engine's session, and the stores.
//!
//! Components read the stores they need and call the actions (`actions/`, `live/`), which are methods here, because an
//! action may have consequences in any store. Everything else about a store's content belongs to the store.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::http::{Answer, Api};
use crate::live::Live;
use crate::stores::conversations::Conversations;
use crate::stores::friends::Friends;
use crate::stores::members::Members;
use crate::stores::notices::Notices;
use crate::stores::open_conversation::OpenConversation;
use crate::stores::outbox::Outbox;
use crate::stores::people::People;
use crate::stores::preferences::Preferences;
use crate::stores::session::Session;
use crate::stores::ui::Ui;

/// The parts of the app; a cheap handle.
#[derive(Clone, Copy)]
pub(crate) struct Context {
    pub(crate) api: Api,
    pub(crate) live: Live,
    pub(crate) session: Session,
    pub(crate) people: People,
    pub(crate) conversations: Conversations,
    pub(crate) open: OpenConversation,
    pub(crate) members: Members,
    pub(crate) friends: Friends,
    pub(crate) notices: Notices,
    pub(crate) outbox: Outbox,
    pub(crate) preferences: Preferences,
    pub(crate) ui: Ui,
}

/// Returns the parts of the app, from any component.
pub(crate) fn context() -> Context {
    expect_context::<Context>()
}

impl Context {
    /// The initial state.
    pub(crate) fn new() -> Self {
        let (live, session) = (Live::new(), Session::new());
        Self {
            api: Api::new(session.host),
            live,
            session,
            people: People::new(session),
            conversations: Conversations::new(),
            open: OpenConversation::new(live, session),
            members: Members::new(),
            friends: Friends::new(),
            notices: Notices::new(),
            outbox: Outbox::new(live),
            preferences: Preferences::new(session),
            ui: Ui::new(),
        }
    }

    /// Clears everything about the signed-in user.
    pub(crate) fn clear(&self) {
        self.session.clear();
        self.people.clear();
        self.conversations.clear();
        self.open.forget();
        self.members.clear();
        self.friends.clear();
        self.notices.clear();
        self.preferences.clear();
        self.ui.clear();
    }

    /// Runs a request and shows a failure as a toast; `then` gets the result.
    pub(crate) fn attempt<T: 'static>(
        &self,
        request: impl Future<Output = Answer<T>> + 'static,
        then: impl FnOnce(T) + 'static,
    ) {
        let ui = self.ui;
        spawn_local(async move {
            match request.await {
                Ok(answer) => then(answer),
                Err(failure) => ui.complain(&failure),
            }
        });
    }
}
