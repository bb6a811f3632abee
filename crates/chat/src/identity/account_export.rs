//! Exports a user's own data, piece by piece.
//!
//! Invariant: every piece passes the same checks as in normal use, at the time it is written. Of other users, it
//! contains only what they wrote to this user in direct chats, and their names in lists.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::ids::{ConversationId, Seq, SessionId, UserId};
use parlour_protocol::limits;
use parlour_protocol::messages::Message;
use parlour_protocol::own_data::ExportLine;
use parlour_protocol::rights::Permission;
use parlour_protocol::time::Timestamp;
use parlour_storage::users::AvatarRow;
use parlour_storage::{Connection, own_data};

use crate::audit::{Note, note};
use crate::history::{self, PageAt};
use crate::identity::api_tokens::Holder;
use crate::identity::{accounts, api_tokens, emails, identities, passkeys, sessions};
use crate::outcome::{Done, Outcome};
use crate::rights::Access;
use crate::rooms::Listed;
use crate::{Refusal, blocks, bots, conversations, friends, notifications, privacy};

/// Number of messages per piece.
const PIECE: i64 = 100;
/// Maximum number of notifications, newest first.
const NOTIFICATIONS: i64 = 1000;

/// The beginning of an export.
#[derive(Debug, Clone)]
pub struct Person {
    /// Lines before the pictures.
    pub lines: Vec<ExportLine>,
    /// Profile pictures, with their bytes.
    pub pictures: Vec<AvatarRow>,
    /// The conversations whose messages follow.
    pub conversations: Vec<Conversation>,
}

/// Records that an export starts.
pub fn begin(conn: &mut Connection, now: Timestamp, user: UserId, address: &str) -> Done<()> {
    note(conn, now, Note::by(AuditKind::Exported, user).from(address))?;
    Ok(Outcome::without_events(()))
}

/// Everything except messages.
pub fn person(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    current: SessionId,
) -> Result<Person, Refusal> {
    let conversations = every(|after| conversations::list(conn, user.into(), after, limits::LIST_PAGE))?;
    let lines = vec![
        ExportLine::Account(accounts::find(conn, user)?.account()),
        ExportLine::Privacy(privacy::find(conn, user)?),
        ExportLine::Friends(every(|after| friends::list(conn, user, after, limits::LIST_PAGE))?),
        ExportLine::FriendRequests(friends::list_requests(conn, user)?),
        ExportLine::Blocks(every(|after| blocks::list(conn, user, after, limits::LIST_PAGE))?),
        ExportLine::Identities(identities::list(conn, user)?),
        ExportLine::Sessions(sessions::list(conn, now, user, current)?),
        ExportLine::Tokens(api_tokens::list(conn, now, user, Holder::Oneself)?),
        ExportLine::Bots(bots::list(conn, user)?),
        ExportLine::Passkeys(passkeys::list(conn, user)?),
        ExportLine::Notifications(notifications::list(conn, user, Seq::MAX, NOTIFICATIONS)?.items),
        ExportLine::Email(emails::show(conn, now, user)?),
    ];
    Ok(Person { lines, pictures: own_data::list_avatars(conn, user)?, conversations })
}

/// Messages of a conversation after a position: only the user's in rooms, both users' in direct chats. An empty list
/// marks the end. A conversation that the user can no longer read is refused.
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
    Access::find(conn, id, user)?.require(Permission::Read)?;
    let rows = own_data::list_own_messages(conn, id, user, after, PIECE)?;
    Ok(rows.into_iter().map(|row| row.into_message()).collect())
}

/// Reads all pages of a list.
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
