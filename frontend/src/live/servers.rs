//! Finds the server for this page and restores the session with it.
//!
//! Invariant: a page loaded from its server makes no additional request. The answer to its first request, which
//! `index.html` preloads while the program is still loading, tells whether the host is the server.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::servers::look;
use crate::context::Context;
use crate::later;
use crate::state::servers::{self, Found};
use crate::stores::session::Phase;
use crate::{browser, storage, wrapper};

/// How long a first visit waits for that answer. Without one, the host is assumed to be the server.
const DECIDES: Duration = Duration::from_millis(500);

impl Context {
    /// Finds the server and restores the session.
    pub(crate) fn boot(&self) {
        let preset = || wrapper::server().and_then(|typed| servers::address(&typed, &browser::scheme()).ok());
        let own = browser::origin();
        let server = storage::server().or_else(preset).filter(|server| *server != own);
        let elsewhere = server.is_some();
        self.session.host.set(server);
        if elsewhere {
            self.resume();
            self.read_server();
        } else if matches!(browser::scheme().as_str(), "http:" | "https:") {
            self.begin_here();
        } else {
            self.session.phase.set(Phase::ChoosingServer);
        }
    }

    /// Starts as a page loaded from its server, until that turns out to be wrong.
    fn begin_here(&self) {
        let context = *self;
        if storage::nobody_is_known() {
            // Without a session there is nothing to refresh, and a failed request would appear as an error in the
            // console.
            self.session.phase.set(Phase::Booting);
            later::expect_guest();
            set_timeout(move || context.nobody_is_here(), DECIDES);
        } else {
            self.resume();
        }
        self.read_server();
    }

    /// Switches to signed out, unless something else is known by now.
    fn nobody_is_here(&self) {
        if self.session.phase.get_untracked() == Phase::Booting && storage::nobody_is_known() {
            self.session.phase.set(Phase::SignedOut(None));
        }
    }

    /// Loads the server's description. If the host is not a Parlour server, the user is asked for the address.
    fn read_server(&self) {
        let (context, address) = (*self, self.session.host.get_untracked());
        spawn_local(async move {
            let (found, _) = look(address.as_deref().unwrap_or_default()).await;
            if context.session.host.get_untracked() != address {
                return;
            }
            match found {
                Found::Server(server) => context.session.server.set(Some(*server)),
                Found::Other
                    if address.is_none() && context.session.phase.get_untracked() != Phase::SignedIn =>
                {
                    context.session.phase.set(Phase::ChoosingServer);
                }
                Found::Other | Found::Unknown => {}
            }
            if address.is_none() {
                context.nobody_is_here();
            }
        });
    }

    /// Restores the session stored on this device.
    fn resume(&self) {
        let context = *self;
        self.session.phase.set(Phase::Booting);
        if !storage::nobody_is_known() {
            later::expect_member();
        }
        spawn_local(async move {
            match context.api.refresh().await {
                Ok(signed_in) => context.enter(&signed_in),
                Err(failure) if failure.ends_session() => {
                    // The session of the last user has ended meanwhile.
                    storage::nobody();
                    context.preferences.theme.set(None);
                    context.session.phase.set(Phase::SignedOut(None));
                }
                Err(_) if context.session.phase.get_untracked() == Phase::Booting => {
                    context.session.phase.set(Phase::Unreachable);
                }
                Err(_) => {}
            }
        });
    }

    /// Switches to the server at an address; returns what was found there if it is not a server.
    pub(crate) async fn connect(self, address: String) -> Result<(), Found> {
        let (found, origin) = look(&address).await;
        let Found::Server(server) = found else { return Err(found) };
        let address = Some(origin.unwrap_or(address)).filter(|address| *address != browser::origin());
        // A session left from another server is of no use for this one.
        storage::nobody();
        self.preferences.theme.set(None);
        storage::note_server(address.as_deref());
        self.session.host.set(address);
        self.session.server.set(Some(*server));
        self.resume();
        Ok(())
    }

    /// Handles another tab having switched servers.
    pub(crate) fn server_changed_elsewhere(&self) {
        if self.session.phase.get_untracked() != Phase::SignedIn {
            self.session.server.set(None);
            self.boot();
        }
    }
}
