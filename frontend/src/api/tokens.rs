//! The session with a server that this page was not loaded from: browsers send no cookie there, so the refresh token is
//! stored by the wrapper, or otherwise in the browser's storage.
//!
//! Invariant: the stored token is read, exchanged and replaced under one lock shared by all tabs, so that no token is
//! used twice. It is deleted when its session ends, and never sent to another server.

use gloo_net::http::Method;
use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::{ErrorCode, Problem};
use parlour_protocol::sessions::{RefreshSession, RefreshTransport, SignedIn};

use super::http::{Answer, Api, Body, decode, json};
use super::socket::locked;
use crate::state::failure::Failure;
use crate::state::keys;
use crate::state::servers::{self, Keeping};
use crate::{storage, wrapper};

/// The lock under which tokens are exchanged.
pub(super) const LOCK: &str = "parlour-refresh";

/// A storage that does not respond is treated like an unreachable server: the session is not over, and the caller
/// retries.
async fn get(server: &str, name: &str) -> Answer<Option<String>> {
    match servers::keeping(Some(server), wrapper::has_storage()) {
        Keeping::Wrapper => wrapper::get(name).await.ok_or(Failure::Offline),
        Keeping::Browser => Ok(storage::token(name)),
        Keeping::Cookie => Ok(None),
    }
}

async fn put(server: &str, name: &str, value: Option<&str>) -> bool {
    match servers::keeping(Some(server), wrapper::has_storage()) {
        Keeping::Wrapper => wrapper::put(name, value).await,
        Keeping::Browser => storage::keep_token(name, value),
        Keeping::Cookie => false,
    }
}

impl Api {
    /// How the server should deliver refresh tokens.
    pub(crate) fn transport(self) -> RefreshTransport {
        servers::transport(self.server.get_untracked().as_deref())
    }

    /// The token that identifies this device as known to the server, where no cookie does.
    pub(crate) async fn device_token(self) -> Option<String> {
        let server = self.server.get_untracked()?;
        get(&server, &keys::device_token(&server)).await.ok().flatten()
    }

    /// Stores a new session, where no cookie does.
    pub(crate) async fn keep(self, signed_in: &SignedIn) {
        let Some(server) = self.server.get_untracked() else { return };
        let signed_in = signed_in.clone();
        locked(LOCK, async move { self.store(&server, &signed_in).await }).await;
    }

    /// Deletes the stored session of a user who signed out, where no cookie holds it. Another user's session stays.
    pub(crate) fn drop_session(self, owner: UserId) {
        let Some(server) = self.server.get_untracked() else { return };
        let drop = async move {
            let name = keys::refresh_token(&server);
            let kept = get(&server, &name).await.ok().flatten();
            if kept.as_deref().and_then(servers::read).is_some_and(|(account, _)| account == owner) {
                put(&server, &name, None).await;
            }
        };
        spawn_local(async move { locked(LOCK, drop).await });
    }

    /// Exchanges the refresh token (from the cookie or the storage) for new tokens. Must run under [`LOCK`].
    pub(super) async fn trade(self) -> Answer<SignedIn> {
        let Some(server) = self.server.get_untracked() else {
            return self.trade_token(None).await;
        };
        let name = keys::refresh_token(&server);
        let kept = match self.unsaved() {
            Some(unsaved) => Some(unsaved),
            None => get(&server, &name).await?,
        };
        let Some((_, token)) = kept.as_deref().and_then(servers::read) else {
            return Err(Failure::Problem(Box::new(Problem::new(ErrorCode::Unauthenticated))));
        };
        let answer = self.trade_token(Some(token.to_owned())).await;
        match &answer {
            Ok(signed_in) => self.store(&server, signed_in).await,
            Err(failure) if failure.ends_session() => {
                self.note_unsaved(None);
                put(&server, &name, None).await;
            }
            Err(_) => {}
        }
        answer
    }

    async fn trade_token(self, refresh_token: Option<String>) -> Answer<SignedIn> {
        let body = Body::Json(json(&RefreshSession { refresh_token }));
        decode(self.once(Method::POST, "/sessions/refresh", &body, None).await?).await
    }

    async fn store(self, server: &str, signed_in: &SignedIn) {
        if let Some(token) = &signed_in.refresh_token {
            let kept = servers::write(signed_in.account.id, token);
            let saved = put(server, &keys::refresh_token(server), Some(&kept)).await;
            // The previous token must not be used again; if nothing can be stored, the session lasts as long as the
            // page.
            self.note_unsaved((!saved).then_some(kept));
        }
        if let Some(token) = &signed_in.device_token {
            put(server, &keys::device_token(server), Some(token)).await;
        }
    }
}
