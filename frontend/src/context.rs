//! State shared by the whole app, created once and never disposed: session, users, conversations, the open
//! conversation, friends, notifications, connection state.
//!
//! Invariant: one signal for each thing that changes independently; an incoming message updates its own conversation's
//! entry and row, and no list of others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_client::engine::Input;
use parlour_protocol::ServerInfo;
use parlour_protocol::accounts::{Account, ServerRole};
use parlour_protocol::blocks::Block;
use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::friends::{Friend, FriendRequests};
use parlour_protocol::ids::{ConversationId, Seq, SessionId, UserId};
use parlour_protocol::notifications::Notifications;
use parlour_protocol::users::User;

use crate::api::http::Api;
use crate::browser;
use crate::clipboard;
use crate::live::Live;
use crate::live::announcing::Announcer;
use crate::open::OpenChat;
use crate::state::conversations::{Counted, Effect};
use crate::state::failure::Failure;
use crate::state::load::Load;
use crate::state::members::{Move, Roster};
use crate::state::{keys, order};
use crate::storage::{self, Life};
use crate::texts;

/// The session state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Trying to restore a session.
    Booting,
    /// The server could not be reached to restore the session.
    Unreachable,
    /// The page was not loaded from a server, and none has been chosen yet.
    ChoosingServer,
    /// Nobody is signed in; optionally with a message to show.
    SignedOut(Option<String>),
    /// A user is signed in.
    SignedIn,
    /// Another account was signed in in another tab.
    Replaced,
}

/// The state of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Connected.
    Online,
    /// Disconnected for less than two seconds; not shown.
    Trouble,
    /// The browser reports that the device is offline.
    Offline,
    /// The server does not answer.
    Unreachable,
    /// The server answers that it is overloaded.
    Busy,
    /// The server refuses this tab because too many are open.
    TooManyTabs,
}

/// A short message at the edge of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Toast {
    /// Unique id, the key in the list.
    pub(crate) id: u64,
    /// The message.
    pub(crate) text: String,
    /// Whether it reports a failure.
    pub(crate) bad: bool,
}

/// The members of a room found so far for mention completion.
#[derive(Clone)]
struct Members {
    room: ConversationId,
    found: BTreeSet<UserId>,
    /// Queried prefixes, and whether the answer contained all matches.
    asked: Vec<(String, bool)>,
}

#[derive(Clone)]
struct Person {
    user: ArcRwSignal<Option<User>>,
    online: ArcRwSignal<bool>,
}

/// The state shared by the whole app; a cheap handle.
#[derive(Clone, Copy)]
pub(crate) struct Context {
    pub(crate) api: Api,
    pub(crate) phase: RwSignal<Phase>,
    pub(crate) server: RwSignal<Option<ServerInfo>>,
    pub(crate) account: RwSignal<Option<Account>>,
    pub(crate) session: RwSignal<Option<SessionId>>,
    pub(crate) link: RwSignal<Link>,
    pub(crate) listed: RwSignal<Load<()>>,
    pub(crate) ids: RwSignal<Vec<ConversationId>>,
    entries: StoredValue<BTreeMap<ConversationId, ArcRwSignal<Conversation>>>,
    people: StoredValue<BTreeMap<UserId, Person>>,
    wanted: StoredValue<BTreeSet<UserId>>,
    /// Users whose data is being requested.
    asked: StoredValue<BTreeSet<UserId>>,
    /// Whether a request for the wanted users is scheduled.
    asking: StoredValue<bool>,
    /// Members of the room where a mention is being typed.
    members: StoredValue<Option<Members>>,
    members_known: RwSignal<u64>,
    /// Per conversation: which unread messages arrived live.
    counted: StoredValue<Vec<(ConversationId, Counted)>>,
    pub(crate) friends: RwSignal<Load<Vec<Friend>>>,
    pub(crate) requests: RwSignal<Load<FriendRequests>>,
    pub(crate) notices: RwSignal<Load<Notifications>>,
    /// Users blocked by the current user; their messages are collapsed.
    pub(crate) blocks: RwSignal<Load<Vec<Block>>>,
    /// The members of the room whose member list is shown.
    pub(crate) roster: RwSignal<Option<Roster>>,
    /// Incremented when joins or leaves of the open room may have been missed.
    pub(crate) members_stale: RwSignal<u64>,
    /// Conversations with an unsent draft.
    pub(crate) drafts: RwSignal<BTreeSet<ConversationId>>,
    pub(crate) typing: RwSignal<Vec<(ConversationId, UserId, f64)>>,
    /// The title of the current page, with the number of the page that set it.
    pub(crate) page: RwSignal<Option<(u64, String)>>,
    /// Whether a log-in returns to the current address; false after signing out on purpose.
    pub(crate) comes_back: StoredValue<bool>,
    /// The address to open after a log-in with a provider.
    pub(crate) next: StoredValue<Option<String>>,
    /// Whether the user has just logged in with a form, not by restoring a session.
    pub(crate) by_form: StoredValue<bool>,
    pub(crate) announcer: Announcer,
    pub(crate) toasts: RwSignal<Vec<Toast>>,
    next_toast: StoredValue<u64>,
    pub(crate) theme: RwSignal<Option<String>>,
    /// Whether Enter inserts a line break and Ctrl+Enter sends.
    pub(crate) enter_breaks: RwSignal<bool>,
    pub(crate) details: RwSignal<bool>,
    pub(crate) switcher: RwSignal<bool>,
    /// Incremented when a pending message was refused or is retried.
    pub(crate) outbox_version: RwSignal<u64>,
    /// Incremented every half minute, for relative times such as "5 min ago".
    pub(crate) minute: RwSignal<u64>,
    /// Incremented when a link to the current address was followed.
    pub(crate) visits: RwSignal<u64>,
    /// Whether the page is visible and its window has the focus.
    pub(crate) attention: RwSignal<bool>,
    /// Text that could not be copied, to be copied manually.
    pub(crate) by_hand: RwSignal<Option<String>>,
    pub(crate) open: OpenChat,
    pub(crate) live: Live,
}

/// Returns the shared state, from any component.
pub(crate) fn context() -> Context {
    expect_context::<Context>()
}

impl Context {
    /// The initial state.
    pub(crate) fn new() -> Self {
        Self {
            api: Api::new(),
            phase: RwSignal::new(Phase::Booting),
            server: RwSignal::new(None),
            account: RwSignal::new(None),
            session: RwSignal::new(None),
            link: RwSignal::new(Link::Trouble),
            listed: RwSignal::new(Load::Pending),
            ids: RwSignal::new(Vec::new()),
            entries: StoredValue::new(BTreeMap::new()),
            people: StoredValue::new(BTreeMap::new()),
            wanted: StoredValue::new(BTreeSet::new()),
            asked: StoredValue::new(BTreeSet::new()),
            asking: StoredValue::new(false),
            members: StoredValue::new(None),
            members_known: RwSignal::new(0),
            counted: StoredValue::new(Vec::new()),
            friends: RwSignal::new(Load::Pending),
            requests: RwSignal::new(Load::Pending),
            notices: RwSignal::new(Load::Pending),
            blocks: RwSignal::new(Load::Pending),
            roster: RwSignal::new(None),
            members_stale: RwSignal::new(0),
            drafts: RwSignal::new(BTreeSet::new()),
            typing: RwSignal::new(Vec::new()),
            page: RwSignal::new(None),
            comes_back: StoredValue::new(true),
            next: StoredValue::new(None),
            by_form: StoredValue::new(false),
            announcer: Announcer::new(),
            toasts: RwSignal::new(Vec::new()),
            next_toast: StoredValue::new(0),
            theme: RwSignal::new(None),
            enter_breaks: RwSignal::new(false),
            details: RwSignal::new(false),
            switcher: RwSignal::new(false),
            outbox_version: RwSignal::new(0),
            minute: RwSignal::new(0),
            visits: RwSignal::new(0),
            attention: RwSignal::new(browser::looked_at()),
            by_hand: RwSignal::new(None),
            open: OpenChat::new(),
            live: Live::new(),
        }
    }

    /// Clears everything about the signed-in user.
    pub(crate) fn clear(&self) {
        self.account.set(None);
        self.session.set(None);
        self.listed.set(Load::Pending);
        self.ids.set(Vec::new());
        self.entries.set_value(BTreeMap::new());
        self.people.set_value(BTreeMap::new());
        self.wanted.set_value(BTreeSet::new());
        self.asked.set_value(BTreeSet::new());
        self.members.set_value(None);
        self.counted.set_value(Vec::new());
        self.friends.set(Load::Pending);
        self.requests.set(Load::Pending);
        self.notices.set(Load::Pending);
        self.blocks.set(Load::Pending);
        self.roster.set(None);
        self.drafts.set(BTreeSet::new());
        self.typing.set(Vec::new());
        self.announcer.clear();
        self.toasts.set(Vec::new());
        self.by_hand.set(None);
        self.theme.set(None);
        self.enter_breaks.set(false);
        self.details.set(false);
        self.open.forget(self.live);
        self.switcher.set(false);
        self.link.set(Link::Trouble);
    }

    /// Reads a value stored on the device for the signed-in user.
    pub(crate) fn kept(&self, life: Life, name: &str) -> Option<String> {
        storage::read(self.me(), life, name)
    }

    /// Stores a value on the device for the signed-in user, or removes it.
    pub(crate) fn keep(&self, life: Life, name: &str, value: Option<&str>) {
        storage::write(self.me(), life, name, value);
        self.note_draft(name, value.is_some());
    }

    /// Updates the set of drafts, if `name` is the storage key of a draft.
    pub(crate) fn note_draft(&self, name: &str, there: bool) {
        let Some(id) = keys::draft(name) else { return };
        self.drafts.maybe_update(|drafts| if there { drafts.insert(id) } else { drafts.remove(&id) });
    }

    /// The signed-in user's id; `UserId(0)` if nobody is signed in.
    pub(crate) fn me(&self) -> UserId {
        self.account.with_untracked(|account| account.as_ref().map_or(UserId(0), |account| account.id))
    }

    /// Whether the signed-in user is an administrator.
    pub(crate) fn is_admin(&self) -> bool {
        self.account.with(|account| account.as_ref().is_some_and(|account| account.role == ServerRole::Admin))
    }

    /// The entry of a conversation, if the user is in it. Does not track changes of the list; see [`Self::ids`].
    pub(crate) fn entry(&self, id: ConversationId) -> Option<ArcRwSignal<Conversation>> {
        self.entries.with_value(|entries| entries.get(&id).cloned())
    }

    /// Adds or replaces an entry. Returns false if it is older than what is already known.
    pub(crate) fn put_entry(&self, conversation: Conversation) -> bool {
        let (id, head, direct) =
            (conversation.id, conversation.head, conversation.kind == ConversationKind::Direct);
        if self.entry(id).is_some() && self.live.cursor(id) > Some(head) {
            return false;
        }
        self.live.was_read(id);
        self.counted.update_value(|counted| {
            counted.retain(|(one, _)| *one != id);
            counted.push((id, Counted::new(&conversation)));
        });
        self.learn(conversation.peer.iter());
        if let (Some(peer), Some(online)) = (&conversation.peer, conversation.online) {
            self.set_online(peer.id, online);
        }
        match self.entry(id) {
            Some(entry) => entry.set(conversation),
            None => {
                self.entries.update_value(|entries| {
                    entries.insert(id, ArcRwSignal::new(conversation));
                });
                self.ids.update(|ids| ids.push(id));
            }
        }
        self.feed(Input::Entry { conversation: id, head, direct });
        true
    }

    /// Changes an entry together with its unread bookkeeping.
    pub(crate) fn change_entry(
        &self,
        id: ConversationId,
        change: impl FnOnce(&mut Conversation, &mut Counted) -> Effect,
    ) -> Effect {
        let Some(entry) = self.entry(id) else { return Effect::default() };
        let mut effect = Effect::default();
        let before = entry.get_untracked();
        let mut after = before.clone();
        self.counted.update_value(|counted| {
            if let Some((_, counted)) = counted.iter_mut().find(|(one, _)| *one == id) {
                effect = change(&mut after, counted);
            }
        });
        if after != before {
            entry.set(after);
        }
        effect
    }

    /// Removes an entry.
    pub(crate) fn remove_entry(&self, id: ConversationId) {
        self.entries.update_value(|entries| {
            entries.remove(&id);
        });
        if self.ids.with_untracked(|ids| ids.contains(&id)) {
            self.ids.update(|ids| ids.retain(|one| *one != id));
        }
    }

    /// The conversations of one kind, in the order of the sidebar: rooms by name, direct chats by activity.
    pub(crate) fn ordered(&self, kind: ConversationKind) -> Vec<ConversationId> {
        let mut found: Vec<(String, i64, ConversationId)> = Vec::new();
        for id in self.ids.get() {
            let Some(entry) = self.entry(id) else { continue };
            entry.with(|entry| {
                if entry.kind == kind {
                    let name = entry.name.as_deref().unwrap_or_default().to_lowercase();
                    let at = if kind == ConversationKind::Direct { -entry.last_activity_at.0 } else { 0 };
                    found.push((name, at, id));
                }
            });
        }
        order::sort_by(&mut found, Ord::cmp);
        found.into_iter().map(|(_, _, id)| id).collect()
    }

    fn person(&self, id: UserId) -> Person {
        if let Some(person) = self.people.with_value(|people| people.get(&id).cloned()) {
            return person;
        }
        let person = Person { user: ArcRwSignal::new(None), online: ArcRwSignal::new(false) };
        self.people.update_value(|people| {
            people.insert(id, person.clone());
        });
        person
    }

    /// The signal of a user's data; requests unknown users from the server.
    pub(crate) fn user(&self, id: UserId) -> ArcRwSignal<Option<User>> {
        let person = self.person(id);
        if person.user.with_untracked(Option::is_none) {
            self.want(id);
        }
        person.user
    }

    /// Whether a user is online, as far as it is known.
    pub(crate) fn online(&self, id: UserId) -> ArcRwSignal<bool> {
        self.person(id).online
    }

    /// Sets a user's presence as reported by the server. Ignored for the current user, for whom the report may be
    /// outdated.
    pub(crate) fn set_online(&self, id: UserId, online: bool) {
        if id != self.me() {
            self.note_online(id, online);
        }
    }

    /// Sets the current user's own presence.
    pub(crate) fn set_online_myself(&self, online: bool) {
        self.note_online(self.me(), online);
    }

    fn note_online(&self, id: UserId, online: bool) {
        let person = self.person(id);
        if person.online.get_untracked() != online {
            person.online.set(online);
        }
    }

    /// Stores user data received from the server.
    pub(crate) fn learn<'a>(&self, users: impl Iterator<Item = &'a User>) {
        for user in users {
            let person = self.person(user.id);
            if person.user.with_untracked(|known| known.as_ref() != Some(user)) {
                person.user.set(Some(user.clone()));
            }
        }
    }

    /// The ids among these whose users are not known yet.
    pub(crate) fn unknown(&self, ids: impl Iterator<Item = UserId>) -> Vec<UserId> {
        let ids: BTreeSet<UserId> = ids.collect();
        let known = |id: &UserId| {
            let person = self.people.with_value(|people| people.get(id).cloned());
            person.is_some_and(|person| person.user.with_untracked(Option::is_some))
        };
        ids.into_iter().filter(|id| id.0 != 0 && !known(id)).collect()
    }

    fn want(&self, id: UserId) {
        if id.0 == 0 || self.is_asked(id) {
            return;
        }
        let fresh = self.wanted.try_update_value(|wanted| wanted.insert(id));
        if fresh == Some(true) && !self.asking.get_value() {
            self.asking.set_value(true);
            // All users needed by the same page of messages are requested together.
            let context = *self;
            set_timeout(move || context.ask_wanted(), Duration::from_millis(15));
        }
    }

    /// Requests all wanted users. If a request fails, its users stay wanted until the connection is back.
    pub(crate) fn ask_wanted(&self) {
        self.asking.set_value(false);
        let wanted: Vec<UserId> =
            self.wanted.try_update_value(std::mem::take).unwrap_or_default().into_iter().collect();
        self.ask(wanted);
    }

    /// Whether a user's data is being requested.
    pub(crate) fn is_asked(&self, id: UserId) -> bool {
        self.asked.with_value(|asked| asked.contains(&id))
    }

    /// Requests users, at most 100 at a time.
    pub(crate) fn ask(&self, people: Vec<UserId>) {
        let context = *self;
        self.wanted.update_value(|wanted| wanted.retain(|id| !people.contains(id)));
        self.asked.update_value(|asked| asked.extend(people.iter().copied()));
        for ids in people.chunks(100) {
            let ids = ids.to_vec();
            spawn_local(async move {
                let answer = context.api.list_users(&ids).await;
                context.asked.update_value(|asked| asked.retain(|id| !ids.contains(id)));
                match answer {
                    Ok(page) => context.learn(page.items.iter()),
                    Err(_) => context.wanted.update_value(|wanted| wanted.extend(ids)),
                }
            });
        }
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
                    context.learn(page.authors.iter());
                    context.open.quote(&page);
                }
            }
        });
    }

    /// Searches the members of a room by a prefix of handle or name, so that members who have not written anything can
    /// be mentioned. Prefixes covered by a complete earlier answer are not queried again.
    pub(crate) fn find_members(&self, id: ConversationId, prefix: String) {
        let room =
            self.entry(id).is_some_and(|one| one.with_untracked(|one| one.kind == ConversationKind::Room));
        let known = self.members.with_value(|members| {
            let asked = |(before, whole): &(String, bool)| {
                *before == prefix || (*whole && prefix.starts_with(before))
            };
            members.as_ref().is_some_and(|members| members.room == id && members.asked.iter().any(asked))
        });
        if known || !room {
            return;
        }
        let note = move |context: Context, change: &dyn Fn(&mut Members)| {
            context.members.update_value(|members| {
                if members.as_ref().is_none_or(|members| members.room != id) {
                    *members = Some(Members { room: id, found: BTreeSet::new(), asked: Vec::new() });
                }
                members.iter_mut().for_each(change);
            });
        };
        note(*self, &|members| members.asked.push((prefix.clone(), false)));
        let context = *self;
        spawn_local(async move {
            match context.api.find_members(id, &prefix).await {
                Ok(page) => {
                    context.learn(page.items.iter().map(|member| &member.user));
                    note(context, &|members| {
                        members.found.extend(page.items.iter().map(|member| member.user.id));
                        let asked = members.asked.iter_mut().find(|(before, _)| *before == prefix);
                        asked.into_iter().for_each(|(_, whole)| *whole = page.next.is_none());
                    });
                    context.members_known.update(|count| *count += 1);
                }
                // The next keystroke queries again.
                Err(_) => note(context, &|members| members.asked.retain(|(before, _)| *before != prefix)),
            }
        });
    }

    /// Records that a member (possibly the current user) joined or left a room.
    pub(crate) fn hear_move(&self, id: ConversationId, one: Move) {
        self.roster.maybe_update(|roster| {
            let shown = roster.as_mut().filter(|roster| roster.room() == id);
            shown.map(|roster| roster.hear(one)).is_some()
        });
    }

    /// The direct chat with a user, if there is one.
    pub(crate) fn direct_with(&self, user: UserId) -> Option<ConversationId> {
        self.ids.get_untracked().into_iter().find(|id| {
            self.entry(*id).is_some_and(|entry| {
                entry.with_untracked(|entry| entry.peer.as_ref().is_some_and(|peer| peer.id == user))
            })
        })
    }

    /// Whether a user is a friend.
    pub(crate) fn is_friend(&self, id: UserId) -> bool {
        self.friends.with(|load| {
            load.ready().is_some_and(|friends| friends.iter().any(|friend| friend.user.id == id))
        })
    }

    /// Shows a toast for six seconds.
    pub(crate) fn toast(&self, text: impl Into<String>, bad: bool) {
        let id = self.next_toast.get_value();
        self.next_toast.set_value(id + 1);
        self.toasts.update(|toasts| {
            toasts.push(Toast { id, text: text.into(), bad });
            if toasts.len() > 3 {
                toasts.remove(0);
            }
        });
        let toasts = self.toasts;
        set_timeout(
            move || toasts.update(|toasts| toasts.retain(|toast| toast.id != id)),
            Duration::from_secs(6),
        );
    }

    /// The server's name; the app's name while it is unknown.
    pub(crate) fn server_name(&self) -> String {
        self.server.with(|server| {
            server.as_ref().map_or_else(|| texts::common::app_name().to_owned(), |server| server.name.clone())
        })
    }

    /// Shows a failure as a toast.
    pub(crate) fn complain(&self, failure: &Failure) {
        self.toast(failure.message(), true);
    }

    /// Runs a request and shows a failure as a toast; `then` gets the result.
    pub(crate) fn attempt<T: 'static>(
        &self,
        request: impl Future<Output = Result<T, Failure>> + 'static,
        then: impl FnOnce(T) + 'static,
    ) {
        let context = *self;
        spawn_local(async move {
            match request.await {
                Ok(answer) => then(answer),
                Err(failure) => context.complain(&failure),
            }
        });
    }

    /// Copies a text and calls `then` on success. Text that the browser refuses to copy is shown for manual copying.
    pub(crate) fn copy(&self, text: String, then: impl FnOnce() + 'static) {
        let by_hand = self.by_hand;
        spawn_local(
            async move { if clipboard::put(&text).await { then() } else { by_hand.set(Some(text)) } },
        );
    }

    /// Reloads the friends and the friend requests.
    pub(crate) fn load_friends(&self) {
        let context = *self;
        spawn_local(async move {
            match context.api.list_friends().await {
                Ok(page) => {
                    context.learn(page.items.iter().map(|friend| &friend.user));
                    for friend in &page.items {
                        context.set_online(friend.user.id, friend.online);
                    }
                    context.friends.set(Load::Ready(page.items));
                }
                Err(failure) => context.friends.maybe_update(|load| load.settle(Err(failure))),
            }
        });
        spawn_local(async move {
            let answer = context.api.list_friend_requests().await;
            context.requests.maybe_update(|load| load.settle(answer));
        });
    }

    /// Reloads the blocked users.
    pub(crate) fn load_blocks(&self) {
        let context = *self;
        spawn_local(async move {
            match context.api.list_blocks().await {
                Ok(page) => {
                    context.learn(page.items.iter().map(|block| &block.user));
                    context.blocks.set(Load::Ready(page.items));
                }
                Err(failure) => context.blocks.maybe_update(|load| load.settle(Err(failure))),
            }
        });
    }

    /// Whether the current user blocks a user.
    pub(crate) fn is_blocked(&self, id: UserId) -> bool {
        self.blocks
            .with(|load| load.ready().is_some_and(|blocks| blocks.iter().any(|block| block.user.id == id)))
    }

    /// Reloads the newest notifications.
    pub(crate) fn load_notices(&self) {
        let context = *self;
        spawn_local(async move {
            let answer = context.api.list_notifications(None).await;
            context.notices.maybe_update(|load| load.settle(answer));
        });
    }

    /// A few known users whose handle or name starts with `prefix`, those in the conversation first; `prefix` is
    /// case-folded. Tracks changes of the known members.
    pub(crate) fn people_like(&self, conversation: ConversationId, prefix: &str) -> Vec<(UserId, String)> {
        self.members_known.track();
        let me = self.me();
        let members = self.members.get_value().filter(|members| members.room == conversation);
        let peer = self
            .entry(conversation)
            .and_then(|entry| entry.with_untracked(|entry| entry.peer.as_ref().map(|peer| peer.id)));
        let inside = |id: &UserId| {
            peer == Some(*id) || members.as_ref().is_some_and(|members| members.found.contains(id))
        };
        let mut found: Vec<(bool, bool, String, UserId)> = self.people.with_value(|people| {
            let matching = people.iter().filter(|(id, _)| **id != me).filter_map(|(id, person)| {
                person.user.with_untracked(|user| {
                    let user = user.as_ref()?;
                    let by_handle = user.handle.to_lowercase().starts_with(prefix);
                    let by_name = user.display_name.to_lowercase().starts_with(prefix);
                    (by_handle || by_name).then(|| (!inside(id), !by_handle, user.handle.clone(), *id))
                })
            });
            matching.collect()
        });
        order::sort_by(&mut found, Ord::cmp);
        found.truncate(6);
        found.into_iter().map(|(_, _, handle, id)| (id, handle)).collect()
    }
}
