//! What an event does to a conversation's entry in the sidebar.
//!
//! Invariant: an entry tells the state at its `head`; an event at or below it changes nothing.

use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::ids::{Seq, UserId};
use parlour_protocol::messages::Message;
use parlour_protocol::socket::{Change, Event};

/// Applies an event to an entry. `me` is oneself.
pub(crate) fn apply(entry: &mut Conversation, event: &Event, me: UserId) {
    if event.seq <= entry.head {
        return;
    }
    entry.head = event.seq;
    entry.last_activity_at = event.at;
    match &event.change {
        Change::MessageCreated { author, cid, body, reply_to, reply_author, mentions } => {
            if *author == me {
                // Whoever writes has read what stands above.
                entry.unread = 0;
                entry.mentions = 0;
                entry.read_seq = entry.read_seq.max(event.seq);
            } else if body.is_some() {
                entry.unread = (entry.unread + 1).min(100);
                if *reply_author == Some(me) || mentions.iter().flatten().any(|one| one.user == me) {
                    entry.mentions += 1;
                }
            }
            if body.is_some() {
                entry.last_message = Some(Message {
                    seq: event.seq,
                    author: *author,
                    cid: cid.clone(),
                    body: body.clone(),
                    reply_to: *reply_to,
                    reply_author: *reply_author,
                    mentions: mentions.clone(),
                    at: event.at,
                    edited_at: None,
                    deleted_at: None,
                    reactions: Vec::new(),
                });
            }
        }
        Change::MessageEdited { target, body, .. } => {
            if let Some(last) = entry.last_message.as_mut().filter(|last| last.seq == *target)
                && body.is_some()
            {
                last.body.clone_from(body);
            }
        }
        Change::MessageDeleted { target, .. } => {
            entry.last_message.take_if(|last| last.seq == *target);
        }
        Change::MemberJoined { .. } => entry.member_count += 1,
        Change::MemberLeft { .. } => entry.member_count = (entry.member_count - 1).max(0),
        Change::RoomChanged { name, topic, .. } => {
            entry.name = Some(name.clone());
            entry.topic = Some(topic.clone());
        }
        Change::DirectChanged { writable } => {
            entry.writable = *writable;
            if !writable {
                entry.online = None;
            }
        }
        Change::RoomDeleted { .. } => entry.writable = false,
        _ => {}
    }
}

/// Notes that everything up to a position was read. True when the marker moved.
pub(crate) fn mark_read(entry: &mut Conversation, seq: Seq) -> bool {
    let moved = seq > entry.read_seq;
    entry.read_seq = entry.read_seq.max(seq);
    if entry.read_seq >= entry.last_message.as_ref().map_or(entry.head, |last| last.seq) {
        entry.unread = 0;
        entry.mentions = 0;
    }
    moved
}

/// The name that a conversation is shown under, without the mark of a room.
pub(crate) fn title(entry: &Conversation) -> String {
    match entry.kind {
        ConversationKind::Room => entry.name.clone().unwrap_or_default(),
        ConversationKind::Direct => {
            entry.peer.as_ref().map_or_else(|| "Deleted account".to_owned(), |peer| peer.display_name.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlour_protocol::ids::ConversationId;
    use parlour_protocol::messages::Mention;
    use parlour_protocol::time::Timestamp;

    const ME: UserId = UserId(1);

    fn entry() -> Conversation {
        Conversation {
            id: ConversationId(5),
            kind: ConversationKind::Room,
            name: Some("tea".into()),
            topic: None,
            peer: None,
            online: None,
            role: None,
            writable: true,
            member_count: 2,
            head: 3,
            read_seq: 3,
            unread: 0,
            mentions: 0,
            last_message: None,
            last_activity_at: Timestamp(0),
        }
    }

    fn said(seq: Seq, author: i64, body: &str) -> Event {
        let mention = Mention { user: ME, handle: "ada".into() };
        let change = Change::MessageCreated {
            author: UserId(author),
            cid: format!("cid-{seq:05}"),
            body: Some(body.into()),
            reply_to: None,
            reply_author: None,
            mentions: body.contains("@ada").then(|| vec![mention]),
        };
        Event { conversation: ConversationId(5), seq, at: Timestamp(seq), change }
    }

    #[test]
    fn unread_and_mentions_are_counted_once() {
        let mut entry = entry();
        for event in [said(4, 2, "hi"), said(5, 2, "@ada?"), said(5, 2, "@ada?"), said(2, 2, "old")] {
            apply(&mut entry, &event, ME);
        }
        assert_eq!((entry.unread, entry.mentions, entry.head), (2, 1, 5));
        assert!(mark_read(&mut entry, 5));
        assert!(!mark_read(&mut entry, 4));
        assert_eq!((entry.unread, entry.mentions, entry.read_seq), (0, 0, 5));
        apply(&mut entry, &said(6, 2, "again"), ME);
        apply(&mut entry, &said(7, 1, "answer"), ME);
        assert_eq!(entry.unread, 0, "whoever answers has read");
    }

    #[test]
    fn the_end_of_a_friendship_closes_the_composer() {
        let mut entry = entry();
        let change = Change::DirectChanged { writable: false };
        let event = Event { conversation: entry.id, seq: 4, at: Timestamp(4), change };
        apply(&mut entry, &event, ME);
        assert!(!entry.writable);
    }
}
