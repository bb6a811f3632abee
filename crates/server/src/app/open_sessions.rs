//! Whose token it is, and which sessions have ended.
//!
//! Invariant: once a session has ended, no node accepts its tokens or keeps its sockets for longer than a second, even if
//! the notice of its end is lost.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use parlour_protocol::ids::SessionId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::CloseCode;
use parlour_protocol::time::{SECOND, Timestamp};
use parlour_storage::{StorageError, server_state, sessions};
use sha2::{Digest, Sha256};

use super::App;
use crate::auth::api_tokens::{self, ApiToken};
use crate::auth::keys::{self, StoredKeys};
use crate::auth::tokens::{ACCESS_LIFETIME, Bearer};
use crate::budget::addresses::AddressKey;
use crate::problems::ApiError;

impl App {
    pub(super) fn revoke(&self, session: SessionId, at: Timestamp) {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner).insert(session, at);
    }

    /// Returns whom an access token or personal access token belongs to, unless its session has ended. `network` is
    /// where it was presented.
    pub async fn authenticate(
        self: &Arc<Self>,
        token: &str,
        network: AddressKey,
    ) -> Result<Bearer, ApiError> {
        let now = self.clock.now();
        let name: [u8; 32] = Sha256::digest(token).into();
        let keys = self.keys_changed.load(Ordering::Acquire);
        let bearer = match self.verified.get(&name) {
            Some((since, bearer)) if since == keys && bearer.is_current(now) => bearer,
            _ => {
                let bearer = match ApiToken::parse(token) {
                    Some(token) => api_tokens::recognize(self, now, &token, network).await?,
                    None => self.tokens.verify(now, token)?,
                };
                self.verified.insert(name, (keys, bearer.clone()));
                bearer
            }
        };
        // Checked last, since the session may have ended during the lookup.
        if self.has_ended(bearer.session) { Err(ErrorCode::Unauthenticated.into()) } else { Ok(bearer) }
    }

    /// Whether a session is known to have ended recently.
    pub fn has_ended(&self, session: SessionId) -> bool {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&session)
    }

    /// Reads which sessions ended recently, on any node. Sessions that ended earlier have no valid access token any
    /// more.
    pub async fn reload_revocations(&self) {
        self.end_expired().await;
        let since = self.clock.now().0 - (ACCESS_LIFETIME + 60) * SECOND;
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, at| at.0 >= since);
        self.find_ended(ACCESS_LIFETIME + 60).await;
    }

    /// Looks up sessions that ended within the last `seconds`, and closes their sockets.
    pub(crate) async fn find_ended(&self, seconds: i64) {
        let since = self.clock.now().0 - seconds * SECOND;
        let found = self.database.read(move |conn| sessions::list_revoked_since(conn, since)).await;
        if let Ok(found) = found {
            let mut revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh: BTreeSet<SessionId> =
                found.iter().map(|(session, _)| *session).filter(|id| !revoked.contains_key(id)).collect();
            revoked.extend(found.into_iter().map(|(session, at)| (session, Timestamp(at))));
            drop(revoked);
            // Their notice was lost: sockets opened just then have not received it either.
            if !fresh.is_empty() {
                self.hub.end_sessions(&fresh);
            }
        }
    }

    /// Closes the sockets of sessions that have expired since the last check.
    async fn end_expired(&self) {
        let now = self.clock.now().0;
        let since = self.expired_upto.load(Ordering::Relaxed);
        if now <= since {
            return;
        }
        let found = self.database.read(move |conn| sessions::list_expired(conn, since, now)).await;
        if let Ok(found) = found {
            self.expired_upto.store(now, Ordering::Relaxed);
            if !found.is_empty() {
                self.hub.end_sessions(&found.into_iter().collect());
            }
        }
    }

    /// Rereads the signing keys, which the command line may have replaced. After an emergency replacement, all
    /// sockets are closed.
    pub(crate) async fn reload_keys(&self) {
        let found = self
            .database
            .read(|conn| -> Result<_, StorageError> {
                let keys = server_state::find(conn, keys::SIGNING_KEYS)?;
                Ok(keys.zip(server_state::find(conn, keys::REFRESH_KEY)?))
            })
            .await;
        let Ok(Some((keys, refresh_key))) = found else {
            return;
        };
        let mut known = self.known_keys.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == (keys.clone(), refresh_key.clone()) {
            return;
        }
        match StoredKeys::parse(&keys).and_then(|stored| self.tokens.learn(&stored, &refresh_key)) {
            Ok(emergency) => {
                self.keys_changed.fetch_add(1, Ordering::Release);
                *known = (keys, refresh_key);
                tracing::info!(emergency, "new signing keys are in force");
                if emergency {
                    self.hub.close_all(CloseCode::SessionRevoked);
                }
            }
            Err(error) => tracing::error!(%error, "the signing keys cannot be read; the ones before stay"),
        }
    }
}
