//! Taking one's own data along, piece by piece.
//!
//! Invariant: every piece is read through the same checks as in daily use, at the moment at which it is written out;
//! of others there is only what they wrote to one in direct chats, and their names in lists.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::ids::{ConversationId, Seq, SessionId, UserId};
use parlour_protocol::limits;
use parlour_protocol::messages::Message;
use parlour_protocol::own_data::ExportLine;
use parlour_protocol::time::Timestamp;
use parlour_storage::users::AvatarRow;
use parlour_storage::{Connection, own_data};

use crate::api_tokens::Holder;
use crate::audit::{Note, note};
use crate::history::{self, PageAt};
use crate::outcome::{Done, Outcome};
use crate::rooms::Listed;
use crate::{
    Refusal, accounts, api_tokens, blocks, bots, conversations, emails, friends, identities, notifications,
    passkeys, privacy, rights, sessions,
};

/// Messages in one piece.
const PIECE: i64 = 100;
/// The newest notifications, as many as are kept.
const NOTIFICATIONS: i64 = 1000;

/// What an export begins with.
#[derive(Debug, Clone)]
pub struct Person {
    /// What comes before the pictures.
    pub lines: Vec<ExportLine>,
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
    let conversations = every(|after| conversations::list(conn, user, after, limits::LIST_PAGE))?;
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
