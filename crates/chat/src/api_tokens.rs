//! Personal access tokens: making, recognizing and revoking them.
//!
//! Invariant: a token is stored as the hash of its written form and nothing else, and it is worth nothing once its
//! account, or the owner of its bot, may not act any more.

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
use crate::outcome::{Done, Outcome};
use crate::sessions::ended;
use crate::{Refusal, bots, names};

const READ: i16 = 1;
const WRITE: i16 = 2;

/// What a token allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whether it writes; every token reads.
    pub writes: bool,
    /// The only conversations that it reads and writes; all when absent.
    pub only: Option<BTreeSet<ConversationId>>,
}

impl Grant {
    /// Whether a conversation is among those that it is for.
    pub fn covers(&self, id: ConversationId) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&id))
    }
}

/// Whom a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognized {
    /// The person or bot.
    pub user: UserId,
    /// What it allows.
    pub grant: Grant,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When its use was noted last.
    pub noted_at: Timestamp,
}

/// Checks a new token before the password is looked at.
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

/// Whose tokens are meant: one's own, or those of a bot of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// One's own.
    Oneself,
    /// A bot's.
    Bot(UserId),
}

impl Holder {
    /// The account, which must be the person's to decide about.
    fn account(self, conn: &mut Connection, user: UserId) -> Result<UserId, Refusal> {
        match self {
            Self::Oneself => Ok(user),
            Self::Bot(bot) => bots::own(conn, user, bot).map(|row| UserId(row.id)),
        }
    }

    fn note(self, kind: AuditKind, user: UserId) -> Note {
        match self {
            Self::Oneself => Note::by(kind, user),
            Self::Bot(bot) => Note::by(kind, user).about(bot),
        }
    }
}

/// Makes a token from the hash of its written form.
pub fn create(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    holder: Holder,
    (id, hash): (TokenId, &[u8]),
    request: &CreateToken,
) -> Done<Token> {
    // The limit is counted under the lock of the one who asks.
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
        id: id.0,
        user_id: account.0,
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
    Ok(Outcome::quiet(view(row)))
}

/// Tokens that can be used, newest first.
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
    let own = api_tokens::find(conn, id)?.is_some_and(|(token, _)| token.user_id == account.0);
    let revoked =
        if own { sessions::revoke(conn, account, Some(SessionId(id.0)), None, now.0)? } else { Vec::new() };
    if revoked.is_empty() {
        return Err(ErrorCode::NotFound.into());
    }
    note(conn, now, holder.note(AuditKind::TokenRevoked, user))?;
    Ok(Outcome { value: (), effects: ended(now, account, &revoked) })
}

/// Whom a token speaks for, given the hash of its written form, if it can be used.
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
        && !users::find(conn, UserId(owner))?.is_some_and(|owner| owner.is_active())
    {
        return Ok(None);
    }
    Ok(grant(&token).map(|grant| Recognized {
        user: UserId(account.id),
        grant,
        expires_at: Timestamp(token.expires_at),
        noted_at: Timestamp(token.last_used_at),
    }))
}

/// Notes that a token is used.
pub fn touch(conn: &mut Connection, now: Timestamp, id: TokenId) -> Done<()> {
    api_tokens::touch(conn, id, now.0)?;
    Ok(Outcome::quiet(()))
}

/// What a stored token allows; nothing where that cannot be read.
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
        id: TokenId(row.id),
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
