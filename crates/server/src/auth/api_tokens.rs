//! Personal access tokens: their text form, and the lookup of the person a token belongs to.
//!
//! Invariant: a recognised token is looked up again within a minute, and whatever ends sessions ends it at once. Its
//! use is recorded in the background, and no request waits for that.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_chat::identity::api_tokens;
use parlour_protocol::ids::{SessionId, TokenId, UserId};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{MINUTE, Timestamp};
use parlour_storage::Lane;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::auth::tokens::Bearer;
use crate::budget::addresses::AddressKey;
use crate::idempotency::Creation;
use crate::problems::ApiError;

/// Prefix of every token, so that people and secret scanners recognise one.
const MARK: &str = "plt_";
/// Random bytes in a token.
const SECRET: usize = 32;
/// Maximum age of a lookup, after which the token is looked up again.
const LOOK_AGAIN: i64 = MINUTE;

/// A token in its text form, as shown to its owner.
pub struct ApiToken {
    /// Id of the token.
    pub id: TokenId,
    text: String,
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiToken({}, secret)", self.id)
    }
}

impl ApiToken {
    /// Creates a token.
    pub fn new(creation: &Creation) -> Self {
        let id = TokenId(creation.id("token"));
        let text = format!("{MARK}{id}_{}", URL_SAFE_NO_PAD.encode(creation.secret::<SECRET>("secret")));
        Self { id, text }
    }

    /// Parses the text form.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(MARK)?.split_once('_')?;
        let secret: Option<[u8; SECRET]> = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok();
        secret.and(id.parse().ok()).map(|id| Self { id, text: text.to_owned() })
    }

    /// The text form, to be shown only to the person who created the token.
    pub fn expose(self) -> String {
        self.text
    }

    /// What is stored: a hash of the whole text, which can never equal that of a refresh token.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.text).into()
    }
}

/// Looks up in the database whom a token belongs to. Unknown tokens are rate-limited by network.
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

/// Records that a token was used. Under heavy load, some uses are skipped.
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
        assert!(!format!("{read:?}").contains(text.splitn(3, '_').nth(2).unwrap()));
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
