//! Taking one's own data along, piece by piece.
//!
//! Invariant: every piece is read through the same checks as in daily use, at the moment at which it is written out;
//! of others there is only what they wrote to one in direct chats, and their names in lists.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::ids::{ConversationId, Seq, SessionId, UserId};
use parlour_protocol::limits;
use parlour_protocol::messages::Message;
use parlour_protocol::time::Timestamp;
use parlour_storage::users::AvatarRow;
use parlour_storage::{Connection, own_data};

use crate::audit::{Note, note};
use crate::history::{self, PageAt};
use crate::outcome::{Done, Outcome};
use crate::rooms::Listed;
use crate::{
    Refusal, accounts, blocks, conversations, emails, friends, identities, notifications, passkeys, privacy,
    rights, sessions,
};

/// Messages in one piece.
const PIECE: i64 = 100;

/// What an export begins with.
#[derive(Debug, Clone)]
pub struct Person {
    /// Kind and content of each piece.
    pub pieces: Vec<(&'static str, serde_json::Value)>,
    /// Pictures, whole.
    pub pictures: Vec<AvatarRow>,
    /// The conversations whose messages follow.
    pub conversations: Vec<Conversation>,
}

/// Notes that an export begins.
pub fn begin(conn: &mut Connection, now: Timestamp, user: UserId, address: &str) -> Done<()> {
    note(conn, now, Note::by(AuditKind::Exported, user).from(address))?;
    Ok(Outcome::quiet(()))
}

/// Everything but messages.
pub fn person(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    current: SessionId,
) -> Result<Person, Refusal> {
    let json = |value: serde_json::Result<serde_json::Value>| value.unwrap_or_default();
    let account = accounts::find(conn, user)?.account();
    let conversations = every(|after| conversations::list(conn, user, after, limits::LIST_PAGE))?;
    let pieces = vec![
        ("account", json(serde_json::to_value(account))),
        ("privacy", json(serde_json::to_value(privacy::find(conn, user)?))),
        (
            "friends",
            json(serde_json::to_value(every(|after| friends::list(conn, user, after, limits::LIST_PAGE))?)),
        ),
        ("friend_requests", json(serde_json::to_value(friends::list_requests(conn, user)?))),
        (
            "blocks",
            json(serde_json::to_value(every(|after| blocks::list(conn, user, after, limits::LIST_PAGE))?)),
        ),
        ("identities", json(serde_json::to_value(identities::list(conn, user)?))),
        ("sessions", json(serde_json::to_value(sessions::list(conn, now, user, current)?))),
        ("passkeys", json(serde_json::to_value(passkeys::list(conn, user)?))),
        ("notifications", json(serde_json::to_value(notifications::list(conn, user, Seq::MAX, 1000)?.items))),
        ("email", json(serde_json::to_value(emails::show(conn, now, user)?))),
    ];
    Ok(Person { pieces, pictures: own_data::list_avatars(conn, user)?, conversations })
}

/// Messages of a conversation after a position: one's own, and in a direct chat those of both. An empty list is the
/// end; so is a conversation that one cannot read any more.
pub fn messages_after(
    conn: &mut Connection,
    user: UserId,
    id: ConversationId,
    kind: ConversationKind,
    after: Seq,
) -> Result<Vec<Message>, Refusal> {
    if kind == ConversationKind::Direct {
        return Ok(history::list(conn, user, id, PageAt::After(after), PIECE)?.items);
    }
    rights::readable(conn, id, user)?;
    let rows = own_data::list_own_messages(conn, id, user, after, PIECE)?;
    Ok(rows.into_iter().map(|row| row.into_message()).collect())
}

/// All pages of a list.
fn every<T>(
    mut page: impl FnMut(Option<(i64, i64)>) -> Result<Listed<T>, Refusal>,
) -> Result<Vec<T>, Refusal> {
    let (mut all, mut next) = page(None)?;
    while next.is_some() {
        let (more, after) = page(next)?;
        all.extend(more);
        next = after;
    }
    Ok(all)
}
