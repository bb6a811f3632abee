//! How the changes in events are read.
//!
//! Derived code would read every kind on its own, and twice, as the kind may come before or after the data: in the
//! browser client that was more code than anything else. The kinds have few different fields. So all of them are read
//! first, and then each kind takes its own.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::events::{Change, UserChange};
use crate::ids::{ConversationId, Seq, SessionId, UserId};
use crate::messages::Mention;
use crate::rooms::MemberRole;

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(change(&value).unwrap_or(Self::Unknown(value)))
    }
}

impl<'de> Deserialize<'de> for UserChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(user_change(&value).unwrap_or(Self::Unknown(value)))
    }
}

/// The fields of all kinds of a `Change`.
#[derive(Deserialize)]
struct Fields {
    author: Option<UserId>,
    actor: Option<UserId>,
    user: Option<UserId>,
    target: Option<Seq>,
    cid: Option<String>,
    body: Option<String>,
    reply_to: Option<Seq>,
    reply_author: Option<UserId>,
    mentions: Option<Vec<Mention>>,
    emoji: Option<String>,
    role: Option<MemberRole>,
    name: Option<String>,
    topic: Option<String>,
    writable: Option<bool>,
}

/// The change, unless its kind is not known or a field of it is missing.
fn change(value: &Value) -> Option<Change> {
    let kind = value.get("kind")?.as_str()?;
    let fields = Fields::deserialize(value.get("data")?).ok()?;
    Some(match kind {
        "message.created" => Change::MessageCreated {
            author: fields.author?,
            cid: fields.cid?,
            body: fields.body,
            reply_to: fields.reply_to,
            reply_author: fields.reply_author,
            mentions: fields.mentions,
        },
        "message.edited" => Change::MessageEdited {
            author: fields.author?,
            target: fields.target?,
            body: fields.body,
            mentions: fields.mentions,
        },
        "message.deleted" => {
            Change::MessageDeleted { actor: fields.actor?, target: fields.target?, author: fields.author }
        }
        "reaction.added" => {
            Change::ReactionAdded { user: fields.user?, target: fields.target?, emoji: fields.emoji? }
        }
        "reaction.removed" => {
            Change::ReactionRemoved { user: fields.user?, target: fields.target?, emoji: fields.emoji? }
        }
        "member.joined" => Change::MemberJoined { user: fields.user?, role: fields.role? },
        "member.left" => Change::MemberLeft { user: fields.user? },
        "room.changed" => {
            Change::RoomChanged { actor: fields.actor?, name: fields.name?, topic: fields.topic? }
        }
        "room.deleted" => Change::RoomDeleted { actor: fields.actor? },
        "author.erased" => Change::AuthorErased { author: fields.author? },
        "direct.changed" => Change::DirectChanged { writable: fields.writable? },
        _ => return None,
    })
}

/// The fields of all kinds of a `UserChange`.
#[derive(Deserialize)]
struct UserFields {
    user: Option<UserId>,
    accepted: Option<bool>,
    conversation: Option<ConversationId>,
    seq: Option<Seq>,
    author: Option<UserId>,
    up_to: Option<Seq>,
    session: Option<SessionId>,
}

/// The change, unless its kind is not known or a field of it is missing.
fn user_change(value: &Value) -> Option<UserChange> {
    let kind = value.get("kind")?.as_str()?;
    let fields = UserFields::deserialize(value.get("data")?).ok()?;
    Some(match kind {
        "friend.requested" => UserChange::FriendRequested { user: fields.user? },
        "friend.asked" => UserChange::FriendAsked { user: fields.user? },
        "friend.added" => UserChange::FriendAdded { user: fields.user?, accepted: fields.accepted? },
        "friend.removed" => UserChange::FriendRemoved { user: fields.user? },
        "block.added" => UserChange::BlockAdded { user: fields.user? },
        "block.removed" => UserChange::BlockRemoved { user: fields.user? },
        "conversation.joined" => UserChange::ConversationJoined { conversation: fields.conversation? },
        "conversation.left" => UserChange::ConversationLeft { conversation: fields.conversation? },
        "rights.changed" => UserChange::RightsChanged { conversation: fields.conversation? },
        "read.moved" => UserChange::ReadMoved { conversation: fields.conversation?, seq: fields.seq? },
        "mentioned" => UserChange::Mentioned {
            conversation: fields.conversation?,
            seq: fields.seq?,
            author: fields.author?,
        },
        "answered" => UserChange::Answered {
            conversation: fields.conversation?,
            seq: fields.seq?,
            author: fields.author?,
        },
        "mention.removed" => {
            UserChange::MentionRemoved { conversation: fields.conversation?, seq: fields.seq? }
        }
        "notifications.read" => UserChange::NotificationsRead { up_to: fields.up_to? },
        "account.changed" => UserChange::AccountChanged {},
        "session.ended" => UserChange::SessionEnded { session: fields.session? },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;

    /// Writes and reads every value, and reads it with the data before the kind.
    fn read_again<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(all: Vec<T>) {
        for one in all {
            let value = serde_json::to_value(&one).unwrap();
            assert_eq!(serde_json::from_value::<T>(value.clone()).unwrap(), one);
            let turned = format!(r#"{{"data":{},"kind":{}}}"#, value["data"], value["kind"]);
            assert_eq!(serde_json::from_str::<T>(&turned).unwrap(), one);
        }
    }

    #[test]
    fn every_change_is_read_as_it_was_written() {
        let (author, actor, user, target) = (UserId(1), UserId(2), UserId(3), 4);
        let mentions = Some(vec![]);
        let text = || "text".to_owned();
        read_again(vec![
            Change::MessageCreated {
                author,
                cid: text(),
                body: Some(text()),
                reply_to: Some(5),
                reply_author: Some(user),
                mentions: mentions.clone(),
            },
            Change::MessageCreated {
                author,
                cid: text(),
                body: None,
                reply_to: None,
                reply_author: None,
                mentions: None,
            },
            Change::MessageEdited { author, target, body: Some(text()), mentions },
            Change::MessageDeleted { actor, target, author: Some(author) },
            Change::ReactionAdded { user, target, emoji: text() },
            Change::ReactionRemoved { user, target, emoji: text() },
            Change::MemberJoined { user, role: MemberRole::Owner },
            Change::MemberLeft { user },
            Change::RoomChanged { actor, name: text(), topic: text() },
            Change::RoomDeleted { actor },
            Change::AuthorErased { author },
            Change::DirectChanged { writable: true },
        ]);
        let (conversation, seq) = (ConversationId(6), 7);
        read_again(vec![
            UserChange::FriendRequested { user },
            UserChange::FriendAsked { user },
            UserChange::FriendAdded { user, accepted: true },
            UserChange::FriendRemoved { user },
            UserChange::BlockAdded { user },
            UserChange::BlockRemoved { user },
            UserChange::ConversationJoined { conversation },
            UserChange::ConversationLeft { conversation },
            UserChange::RightsChanged { conversation },
            UserChange::ReadMoved { conversation, seq },
            UserChange::Mentioned { conversation, seq, author },
            UserChange::Answered { conversation, seq, author },
            UserChange::MentionRemoved { conversation, seq },
            UserChange::NotificationsRead { up_to: 8 },
            UserChange::AccountChanged {},
            UserChange::SessionEnded { session: SessionId(9) },
        ]);
    }

    #[test]
    fn what_a_known_kind_lacks_makes_it_unknown() {
        for value in [
            json!({"kind": "member.left", "data": {}}),
            json!({"kind": "member.left", "data": {"user": 5}}),
            json!({"kind": "member.left"}),
            json!({"kind": "poll.opened", "data": {"user": "5"}}),
            json!({"data": {"user": "5"}}),
        ] {
            assert_eq!(
                serde_json::from_value::<Change>(value.clone()).unwrap(),
                Change::Unknown(value.clone())
            );
            assert_eq!(
                serde_json::from_value::<UserChange>(value.clone()).unwrap(),
                UserChange::Unknown(value)
            );
        }
    }
}
