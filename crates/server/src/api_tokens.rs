//! Personal access tokens: their written form, and the way from it to whom a token speaks for.
//!
//! Invariant: a token that was recognized is looked at again within a minute, and whatever ends sessions ends it at once.
//! That it is used is noted by the way, and nobody waits for it.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_chat::api_tokens;
use parlour_protocol::ids::{SessionId, TokenId, UserId};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{MINUTE, Timestamp};
use parlour_storage::Lane;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::budget::addresses::AddressKey;
use crate::idempotency::Creation;
use crate::problems::ApiError;
use crate::tokens::Bearer;

/// What every token begins with, so that people and scanners of published code know one when they see it.
const MARK: &str = "plt_";
/// Random bytes of a token.
const SECRET: usize = 32;
/// A token is looked at again after this long.
const LOOK_AGAIN: i64 = MINUTE;

/// A token as it was shown.
pub struct ApiToken {
    /// Names it.
    pub id: TokenId,
    text: String,
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiToken({}, secret)", self.id)
    }
}

impl ApiToken {
    /// A new one.
    pub fn new(creation: &Creation) -> Self {
        let id = TokenId(creation.id("token"));
        let text = format!("{MARK}{id}_{}", URL_SAFE_NO_PAD.encode(creation.secret::<SECRET>("secret")));
        Self { id, text }
    }

    /// Reads the written form.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(MARK)?.split_once('_')?;
        let secret: Option<[u8; SECRET]> = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok();
        secret.and(id.parse().ok()).map(|id| Self { id, text: text.to_owned() })
    }

    /// The written form, for the one who made it only.
    pub fn expose(self) -> String {
        self.text
    }

    /// What is stored. A hash of the whole, which is never that of a refresh token.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.text).into()
    }
}

/// Whom a token speaks for, as the database has it. Those that are nobody's are counted by network.
pub async fn recognize(
    app: &Arc<App>,
    now: Timestamp,
    token: &ApiToken,
    network: AddressKey,
) -> Result<Bearer, ApiError> {
    let budget = &app.budgets.unknown_tokens;
    budget.take(network).map_err(ApiError::too_fast)?;
    let (id, hash) = (token.id, token.hash());
    let found = app.read(move |conn| api_tokens::recognize(conn, now, id, &hash)).await;
    if !matches!(found, Ok(None)) {
        budget.give_back(network);
    }
    let found = found?.ok_or(ErrorCode::Unauthenticated)?;
    if found.noted_at.0 + MINUTE <= now.0 {
        note_use(app, found.user, id);
    }
    Ok(Bearer {
        user: found.user,
        session: SessionId(id.0),
        expires_at: Timestamp(found.expires_at.0.min(now.0 + LOOK_AGAIN)),
        grant: Some(Arc::new(found.grant)),
    })
}

/// Notes that a token is used; with very many at the same time, of some only.
fn note_use(app: &Arc<App>, user: UserId, id: TokenId) {
    let Ok(place) = app.uses_of_tokens.clone().try_acquire_owned() else {
        return;
    };
    let app = app.clone();
    tokio::spawn(async move {
        let done = app.commit(Lane::Person(user), move |conn, now| api_tokens::touch(conn, now, id)).await;
        if let Err(error) = done {
            tracing::warn!(%error, "the use of a token was not noted");
        }
        drop(place);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_no_other_way() {
        let token = ApiToken::new(&Creation::keyless());
        let (id, hash, text) = (token.id, token.hash(), token.expose());
        let read = ApiToken::parse(&text).unwrap();
        assert_eq!((read.id, read.hash()), (id, hash));
        assert!(!format!("{read:?}").contains(text.rsplit('_').next().unwrap()));
        let zero = text.replacen("plt_", "plt_0", 1);
        assert!(ApiToken::parse(&zero).is_none_or(|token| token.hash() != hash), "one form of an id");
        for wrong in [
            text[..text.len() - 1].to_owned(),
            format!("{text}A"),
            format!("{text}="),
            format!(" {text}"),
            text.replacen("plt", "PLT", 1),
            text.replacen('_', "-", 1),
            format!("plt_{}", "A".repeat(43)),
            format!("plt__{}", "A".repeat(43)),
            "plt_".to_owned(),
            String::new(),
        ] {
            assert!(ApiToken::parse(&wrong).is_none(), "{wrong}");
        }
    }
}
