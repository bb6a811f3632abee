//! Who is signed in, at which server, and whether there is a connection to it.

use leptos::prelude::*;
use parlour_protocol::ServerInfo;
use parlour_protocol::accounts::{Account, ServerRole};
use parlour_protocol::ids::{SessionId, UserId};

use crate::browser;
use crate::state::servers;
use crate::texts::common;

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

/// The session.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    pub(crate) phase: RwSignal<Phase>,
    /// The server's description, once it is known.
    pub(crate) server: RwSignal<Option<ServerInfo>>,
    /// The server's origin, if this page was not loaded from it.
    pub(crate) host: RwSignal<Option<String>>,
    pub(crate) account: RwSignal<Option<Account>>,
    pub(crate) id: RwSignal<Option<SessionId>>,
    pub(crate) link: RwSignal<Link>,
    /// Whether a log-in returns to the current address; false after signing out on purpose.
    pub(crate) comes_back: StoredValue<bool>,
    /// The address to open after a log-in with a provider.
    pub(crate) next: StoredValue<Option<String>>,
    /// Whether the user has just logged in with a form, not by restoring a session.
    pub(crate) by_form: StoredValue<bool>,
}

impl Session {
    /// Nobody is signed in, and the server is unknown.
    pub(crate) fn new() -> Self {
        Self {
            phase: RwSignal::new(Phase::Booting),
            server: RwSignal::new(None),
            host: RwSignal::new(None),
            account: RwSignal::new(None),
            id: RwSignal::new(None),
            link: RwSignal::new(Link::Trouble),
            comes_back: StoredValue::new(true),
            next: StoredValue::new(None),
            by_form: StoredValue::new(false),
        }
    }

    /// Clears everything about the signed-in user.
    pub(crate) fn clear(&self) {
        self.account.set(None);
        self.id.set(None);
        self.link.set(Link::Trouble);
    }

    /// The signed-in user's id; `UserId(0)` if nobody is signed in.
    pub(crate) fn me(&self) -> UserId {
        self.account.with_untracked(|account| account.as_ref().map_or(UserId(0), |account| account.id))
    }

    /// Whether somebody is signed in.
    pub(crate) fn signed_in(&self) -> bool {
        self.phase.get_untracked() == Phase::SignedIn
    }

    /// Whether the signed-in user is an administrator.
    pub(crate) fn is_admin(&self) -> bool {
        self.account.with(|account| account.as_ref().is_some_and(|account| account.role == ServerRole::Admin))
    }

    /// What the server says about itself; the default while it is unknown.
    pub(crate) fn of_server<T: Default>(&self, read: impl FnOnce(&ServerInfo) -> T) -> T {
        self.server.with(|server| server.as_ref().map(read).unwrap_or_default())
    }

    /// The server's name; the app's name while it is unknown.
    pub(crate) fn server_name(&self) -> String {
        self.server.with(|server| {
            server.as_ref().map_or_else(|| common::app_name().to_owned(), |server| server.name.clone())
        })
    }

    /// The server's origin, with which the addresses of its pages start.
    pub(crate) fn origin(&self) -> String {
        self.host.get_untracked().unwrap_or_else(browser::origin)
    }

    /// The full address of an API path.
    pub(crate) fn address(&self, path: &str) -> String {
        self.host.with_untracked(|host| servers::api(host.as_deref(), path))
    }
}
