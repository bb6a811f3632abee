//! Personal access tokens: creating, recognizing and revoking them.
//!
//! Invariant: a token is stored only as the hash of its written form, and it is invalid as soon as its account, or the
//! owner of its bot, is no longer active.

use std::collections::BTreeSet;

use parlour_protocol::api_tokens::{CreateToken, Token, TokenScope};
use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::{ConversationId, SessionId, TokenId, UserId};
use parlour_protocol::limits;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{DAY, Timestamp};
use parlour_protocol::validation::{self, Violations};
use parlour_storage::sessions::SessionRow;
use parlour_storage::{Connection, api_tokens, sessions, users};
use subtle::ConstantTimeEq;

use crate::audit::{Note, note};
use crate::identity::sessions::ended;
use crate::outcome::{Done, Outcome};
use crate::{Refusal, bots, names};

const READ: i16 = 1;
const WRITE: i16 = 2;

/// What a token allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whether it can write; every token can read.
    pub writes: bool,
    /// The only conversations it can read and write; all if `None`.
    pub only: Option<BTreeSet<ConversationId>>,
}

impl Grant {
    /// Whether a conversation is among those that the token covers.
    pub fn covers(&self, id: ConversationId) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&id))
    }
}

/// The account that a token acts as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognized {
    /// The user or bot.
    pub user: UserId,
    /// What it allows.
    pub grant: Grant,
    /// When the token expires.
    pub expires_at: Timestamp,
    /// When its use was last recorded.
    pub noted_at: Timestamp,
}

/// Validates a new token, before the password is checked.
pub fn check_create(request: &CreateToken) -> Result<(), Refusal> {
    let scopes = if request.scopes.is_empty() { Err("Choose at least one.".to_owned()) } else { Ok(()) };
    let few = |ids: &Vec<ConversationId>| match ids.len() {
        0 => Err("Name at least one, or leave the field out.".to_owned()),
        1..=limits::TOKEN_CONVERSATIONS => Ok(()),
        _ => Err(format!("At most {}.", limits::TOKEN_CONVERSATIONS)),
    };
    let days = match request.days {
        Some(days) if !(1..=limits::TOKEN_DAYS).contains(&days) => {
            Err(format!("From 1 to {}.", limits::TOKEN_DAYS))
        }
        _ => Ok(()),
    };
    Violations::default()
        .check("name", validation::token_name(&request.name))
        .check("scopes", scopes)
        .check("conversations", request.conversations.as_ref().map_or(Ok(()), few))
        .check("days", days)
        .finish()
        .map_err(Refusal::from)
}

/// Whose tokens are meant: the caller's own, or those of one of their bots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The caller.
    Oneself,
    /// One of the caller's bots.
    Bot(UserId),
}

impl Holder {
    /// The account that holds the tokens; a bot must belong to the user.
    fn account(self, conn: &mut Connection, user: UserId) -> Result<UserId, Refusal> {
        match self {
            Self::Oneself => Ok(user),
            Self::Bot(bot) => bots::own(conn, user, bot).map(|row| row.id),
        }
    }

    fn note(self, kind: AuditKind, user: UserId) -> Note {
        match self {
            Self::Oneself => Note::by(kind, user),
            Self::Bot(bot) => Note::by(kind, user).about(bot),
        }
    }
}

/// Creates a token from the hash of its written form.
pub fn create(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    holder: Holder,
    (id, hash): (TokenId, &[u8]),
    request: &CreateToken,
) -> Done<Token> {
    // Counted against the limit under the lock of the caller.
    users::lock_pair(conn, user, user)?;
    users::find(conn, user)?.filter(|row| row.is_active()).ok_or(ErrorCode::Unauthenticated)?;
    let account = holder.account(conn, user)?;
    if api_tokens::list(conn, account, now.0, limits::TOKENS_PER_USER)?.len() as i64
        >= limits::TOKENS_PER_USER
    {
        return Err(Refusal::because(
            ErrorCode::LimitReached,
            "There are too many tokens. Revoke one first.",
        ));
    }
    let only: Option<BTreeSet<ConversationId>> =
        request.conversations.as_ref().map(|ids| ids.iter().copied().collect());
    let only = only.map(|ids| serde_json::to_string(&ids)).transpose();
    let row = SessionRow {
        id: SessionId(id.0),
        user_id: account,
        device: names::kept(&request.name),
        token_hash: hash.to_vec(),
        previous_hash: None,
        rotated_at: now.0,
        created_at: now.0,
        last_used_at: 0,
        expires_at: request.days.map_or(i64::MAX, |days| now.0 + days * DAY),
        revoked_at: None,
        network: None,
        scope: Some(if request.scopes.contains(&TokenScope::Write) { WRITE } else { READ }),
        conversations: only.map_err(|error| parlour_storage::StorageError::Fault(error.to_string()))?,
    };
    sessions::insert(conn, &row)?;
    note(conn, now, holder.note(AuditKind::TokenCreated, user))?;
    Ok(Outcome::without_events(view(row)))
}

/// Valid tokens, newest first.
pub fn list(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    holder: Holder,
) -> Result<Vec<Token>, Refusal> {
    let account = holder.account(conn, user)?;
    let rows = api_tokens::list(conn, account, now.0, limits::TOKENS_PER_USER)?;
    Ok(rows.into_iter().map(view).collect())
}

/// Revokes a token: it is refused from now on, and its sockets are closed.
pub fn revoke(conn: &mut Connection, now: Timestamp, user: UserId, holder: Holder, id: TokenId) -> Done<()> {
    let account = holder.account(conn, user)?;
    let own = api_tokens::find(conn, id)?.is_some_and(|(token, _)| token.user_id == account);
    let revoked =
        if own { sessions::revoke(conn, account, Some(SessionId(id.0)), None, now.0)? } else { Vec::new() };
    if revoked.is_empty() {
        return Err(ErrorCode::NotFound.into());
    }
    note(conn, now, holder.note(AuditKind::TokenRevoked, user))?;
    Ok(Outcome { value: (), effects: ended(now, account, &revoked) })
}

/// The account a token acts as, given the hash of its written form. `None` if the token isn't valid.
pub fn recognize(
    conn: &mut Connection,
    now: Timestamp,
    id: TokenId,
    presented: &[u8],
) -> Result<Option<Recognized>, Refusal> {
    let Some((token, account)) = api_tokens::find(conn, id)? else {
        return Ok(None);
    };
    let right: bool = token.token_hash.ct_eq(presented).into();
    if !right || token.revoked_at.is_some() || token.expires_at <= now.0 || !account.is_active() {
        return Ok(None);
    }
    if let Some(owner) = account.owner_id
        && !users::find(conn, owner)?.is_some_and(|owner| owner.is_active())
    {
        return Ok(None);
    }
    Ok(grant(&token).map(|grant| Recognized {
        user: account.id,
        grant,
        expires_at: Timestamp(token.expires_at),
        noted_at: Timestamp(token.last_used_at),
    }))
}

/// Records that a token was used.
pub fn touch(conn: &mut Connection, now: Timestamp, id: TokenId) -> Done<()> {
    api_tokens::touch(conn, id, now.0)?;
    Ok(Outcome::without_events(()))
}

/// What a stored token allows; `None` if the row can't be read.
fn grant(row: &SessionRow) -> Option<Grant> {
    let only = match row.conversations.as_deref() {
        None => None,
        Some(text) => Some(serde_json::from_str(text).ok()?),
    };
    match row.scope? {
        READ => Some(Grant { writes: false, only }),
        WRITE => Some(Grant { writes: true, only }),
        _ => None,
    }
}

fn view(row: SessionRow) -> Token {
    let conversations =
        row.conversations.as_deref().map(|text| serde_json::from_str(text).unwrap_or_default());
    Token {
        id: TokenId(row.id.0),
        scopes: match row.scope {
            Some(WRITE) => vec![TokenScope::Read, TokenScope::Write],
            _ => vec![TokenScope::Read],
        },
        name: row.device,
        conversations,
        created_at: Timestamp(row.created_at),
        last_used_at: (row.last_used_at > 0).then_some(Timestamp(row.last_used_at)),
        expires_at: (row.expires_at < i64::MAX).then_some(Timestamp(row.expires_at)),
    }
}
