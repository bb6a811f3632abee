//! Binary encoding of what nodes send each other. An event's WebSocket frame is embedded unchanged.
//!
//! Invariant: a damaged message or one of an unknown version decodes to `None`, never to a panic.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use parlour_protocol::ids::{ConversationId, SessionId, UserId};
use parlour_protocol::time::Timestamp;

use crate::feed::{Control, Delivery, Topic};
use crate::news::Summary;
use crate::presence::Digest;

/// Raised with every incompatible change of the encoding. Unknown versions are ignored; the log fills the hole.
const VERSION: u8 = 4;
/// The previous version, still decoded so that nodes can be upgraded one by one: it has no digests, and repeats lists.
const WITHOUT_DIGEST: u8 = 3;

/// Identifies a node among its peers; random at every start.
pub(crate) type NodeId = u64;
/// Stands for all nodes where one could be named; no node draws it.
const EVERY_NODE: NodeId = 0;

/// One unit of node-to-node traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Packet {
    /// A stored event.
    Event(Delivery),
    /// A frame that is not stored.
    Ephemeral {
        /// Its subscribers receive the frame.
        topic: Topic,
        /// People who do not receive it even if they subscribe.
        except: Vec<UserId>,
        /// The complete WebSocket frame.
        frame: Bytes,
    },
    /// A person came online at the sending node, or went offline there.
    Presence {
        /// Whose presence changed.
        user: UserId,
        /// True when the person came online.
        online: bool,
    },
    /// Everybody who is connected to the sending node.
    List {
        /// Ids of the connected people.
        users: Vec<UserId>,
    },
    /// The digest of that list, repeated so that peers notice what they missed.
    Digest(Digest),
    /// Asks a node for its list, or every node for its digest.
    Ask {
        /// The node; `None` for all of them.
        node: Option<NodeId>,
    },
}

pub(crate) fn encode(node: NodeId, packets: &[Packet]) -> Bytes {
    let mut out = BytesMut::with_capacity(64 + packets.len() * 320);
    out.put_u8(VERSION);
    out.put_u64(node);
    for packet in packets {
        match packet {
            Packet::Event(delivery) => {
                out.put_u8(0);
                put_topic(&mut out, delivery.topic);
                out.put_i64(delivery.seq);
                let (code, id) = match delivery.control {
                    None => (0, 0),
                    Some(Control::Attach(id)) => (1, id.0),
                    Some(Control::Detach(id)) => (2, id.0),
                    Some(Control::EndSession(id)) => (3, id.0),
                    Some(Control::Block(id)) => (4, id.0),
                    Some(Control::Unblock(id)) => (5, id.0),
                };
                out.put_u8(code);
                out.put_i64(id);
                put_frame(&mut out, &delivery.frame);
                put_summary(&mut out, delivery.summary.as_ref());
            }
            Packet::Ephemeral { topic, except, frame } => {
                out.put_u8(1);
                put_topic(&mut out, *topic);
                out.put_u32(except.len() as u32);
                except.iter().for_each(|user| out.put_i64(user.0));
                put_frame(&mut out, frame);
            }
            Packet::Presence { user, online } => {
                out.put_u8(2);
                out.put_i64(user.0);
                out.put_u8(u8::from(*online));
            }
            Packet::List { users } => {
                out.put_u8(3);
                out.put_u32(users.len() as u32);
                users.iter().for_each(|user| out.put_i64(user.0));
                // Always zero rooms: earlier versions sent how many people follow each room.
                out.put_u32(0);
            }
            Packet::Digest(Digest { count, sum }) => {
                out.put_u8(4);
                out.put_u32(*count);
                out.put_u64(*sum);
            }
            Packet::Ask { node } => {
                out.put_u8(5);
                out.put_u64(node.unwrap_or(EVERY_NODE));
            }
        }
    }
    out.freeze()
}

fn put_topic(out: &mut BytesMut, topic: Topic) {
    let (code, id) = match topic {
        Topic::Conversation(id) => (0, id.0),
        Topic::User(id) => (1, id.0),
    };
    out.put_u8(code);
    out.put_i64(id);
}

fn put_summary(out: &mut BytesMut, summary: Option<&Summary>) {
    match summary {
        None => out.put_u8(0),
        Some(Summary::Nothing) => out.put_u8(1),
        Some(Summary::Said { author, at, text }) => {
            out.put_u8(if text.is_some() { 2 } else { 3 });
            out.put_i64(author.0);
            out.put_i64(at.0);
            if let Some(text) = text {
                put_text(out, text);
            }
        }
        Some(Summary::Edited { author, at, target, text }) => {
            out.put_u8(4);
            out.put_i64(author.0);
            out.put_i64(at.0);
            out.put_i64(*target);
            put_text(out, text);
        }
        Some(Summary::Deleted { target, author }) => {
            out.put_u8(5);
            out.put_i64(*target);
            out.put_i64(author.0);
        }
        Some(Summary::Joined) => out.put_u8(6),
        Some(Summary::Left) => out.put_u8(7),
        Some(Summary::Over) => out.put_u8(8),
    }
}

fn put_text(out: &mut BytesMut, text: &str) {
    out.put_u32(text.len() as u32);
    out.extend_from_slice(text.as_bytes());
}

fn put_frame(out: &mut BytesMut, frame: &Bytes) {
    out.put_u32(frame.len() as u32);
    out.extend_from_slice(frame);
}

/// The sender of a message, read without decoding the rest. `None` if the version is unknown or the message damaged.
pub(crate) fn sender(mut input: &[u8]) -> Option<NodeId> {
    is_known(input.try_get_u8().ok()?).then(|| input.try_get_u64().ok())?
}

fn is_known(version: u8) -> bool {
    [VERSION, WITHOUT_DIGEST].contains(&version)
}

/// Decodes a message. `None` if the version is unknown or the message damaged.
pub(crate) fn decode(mut input: Bytes) -> Option<(NodeId, Vec<Packet>)> {
    if !is_known(input.try_get_u8().ok()?) {
        return None;
    }
    let node = input.try_get_u64().ok()?;
    let mut packets = Vec::new();
    while input.has_remaining() {
        packets.push(match input.try_get_u8().ok()? {
            0 => {
                let topic = get_topic(&mut input)?;
                let seq = input.try_get_i64().ok()?;
                let code = input.try_get_u8().ok()?;
                let id = input.try_get_i64().ok()?;
                let control = match code {
                    0 => None,
                    1 => Some(Control::Attach(ConversationId(id))),
                    2 => Some(Control::Detach(ConversationId(id))),
                    3 => Some(Control::EndSession(SessionId(id))),
                    4 => Some(Control::Block(UserId(id))),
                    5 => Some(Control::Unblock(UserId(id))),
                    _ => return None,
                };
                let frame = get_frame(&mut input)?;
                Packet::Event(Delivery { topic, seq, control, frame, summary: get_summary(&mut input)? })
            }
            1 => {
                let topic = get_topic(&mut input)?;
                let except = get_users(&mut input)?;
                Packet::Ephemeral { topic, except, frame: get_frame(&mut input)? }
            }
            2 => Packet::Presence {
                user: UserId(input.try_get_i64().ok()?),
                online: input.try_get_u8().ok()? != 0,
            },
            3 => {
                let users = get_users(&mut input)?;
                // Skip the per-room follower counts that earlier versions send.
                let rooms = get_count(&mut input, 12)?;
                input.advance(rooms * 12);
                Packet::List { users }
            }
            4 => Packet::Digest(Digest { count: input.try_get_u32().ok()?, sum: input.try_get_u64().ok()? }),
            5 => {
                let node = input.try_get_u64().ok()?;
                Packet::Ask { node: (node != EVERY_NODE).then_some(node) }
            }
            _ => return None,
        });
    }
    Some((node, packets))
}

fn get_topic(input: &mut Bytes) -> Option<Topic> {
    let code = input.try_get_u8().ok()?;
    let id = input.try_get_i64().ok()?;
    match code {
        0 => Some(Topic::Conversation(ConversationId(id))),
        1 => Some(Topic::User(UserId(id))),
        _ => None,
    }
}

fn get_frame(input: &mut Bytes) -> Option<Bytes> {
    let length = input.try_get_u32().ok()? as usize;
    (length <= input.remaining()).then(|| input.split_to(length))
}

/// `None` if damaged; otherwise the event's summary, which is optional itself.
fn get_summary(input: &mut Bytes) -> Option<Option<Summary>> {
    let code = input.try_get_u8().ok()?;
    let mut number = || input.try_get_i64().ok();
    Some(Some(match code {
        0 => return Some(None),
        1 => Summary::Nothing,
        2 => {
            let (author, at) = (UserId(number()?), Timestamp(number()?));
            Summary::Said { author, at, text: Some(get_text(input)?) }
        }
        3 => Summary::Said { author: UserId(number()?), at: Timestamp(number()?), text: None },
        4 => {
            let (author, at, target) = (UserId(number()?), Timestamp(number()?), number()?);
            Summary::Edited { author, at, target, text: get_text(input)? }
        }
        5 => Summary::Deleted { target: number()?, author: UserId(number()?) },
        6 => Summary::Joined,
        7 => Summary::Left,
        8 => Summary::Over,
        _ => return None,
    }))
}

fn get_text(input: &mut Bytes) -> Option<Arc<str>> {
    let text = get_frame(input)?;
    std::str::from_utf8(&text).ok().map(Into::into)
}

fn get_users(input: &mut Bytes) -> Option<Vec<UserId>> {
    let count = get_count(input, 8)?;
    (0..count).map(|_| input.try_get_i64().ok().map(UserId)).collect()
}

/// Reads a count of items of `size` bytes. `None` unless they fit into the rest of the input, so that a damaged count
/// cannot cause a large allocation.
fn get_count(input: &mut Bytes, size: usize) -> Option<usize> {
    let count = input.try_get_u32().ok()? as usize;
    (count.checked_mul(size)? <= input.remaining()).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_survive_the_way_and_damage_is_refused() {
        let topic = Topic::Conversation(ConversationId(7));
        let frame = Bytes::from_static(b"\x81\x02hi");
        let (author, at, text) = (UserId(8), Timestamp(77), Arc::from("hi"));
        let summaries = [
            None,
            Some(Summary::Nothing),
            Some(Summary::Said { author, at, text: Some(Arc::clone(&text)) }),
            Some(Summary::Said { author, at, text: None }),
            Some(Summary::Edited { author, at, target: 2, text }),
            Some(Summary::Deleted { target: 2, author }),
            Some(Summary::Joined),
            Some(Summary::Left),
            Some(Summary::Over),
        ];
        let controls = [
            None,
            Some(Control::Attach(ConversationId(5))),
            Some(Control::Detach(ConversationId(5))),
            Some(Control::EndSession(SessionId(5))),
            Some(Control::Block(UserId(5))),
            Some(Control::Unblock(UserId(5))),
        ];
        let said =
            summaries.map(|summary| Delivery { topic, seq: 3, frame: frame.clone(), summary, control: None });
        let done = controls.map(|control| {
            let topic = Topic::User(UserId(4));
            Delivery { topic, seq: 9, frame: frame.clone(), summary: None, control }
        });
        let mut packets: Vec<Packet> = said.into_iter().chain(done).map(Packet::Event).collect();
        packets.extend([
            Packet::Ephemeral { topic, except: vec![UserId(1)], frame },
            Packet::Presence { user: UserId(2), online: true },
            Packet::List { users: vec![UserId(1), UserId(2)] },
            Packet::Digest(Digest { count: 2, sum: 3 }),
            Packet::Ask { node: Some(7) },
            Packet::Ask { node: None },
        ]);
        let bytes = encode(42, &packets);
        assert_eq!(sender(&bytes), Some(42));
        assert_eq!(decode(bytes.clone()), Some((42, packets)));
        for end in 0..bytes.len() {
            // A truncated message decodes to `None` or to fewer packets, and never panics.
            let _ = decode(bytes.slice(..end));
        }
        assert_eq!(decode(Bytes::from_static(b"\x05")), None);
    }

    #[test]
    fn a_node_of_the_version_before_is_understood() {
        let mut old = BytesMut::new();
        old.put_u8(3);
        old.put_u64(42);
        for seq in [3, 4] {
            old.put_u8(0);
            put_topic(&mut old, Topic::Conversation(ConversationId(7)));
            old.put_i64(seq);
            old.put_u8(0);
            old.put_i64(0);
            put_frame(&mut old, &Bytes::from_static(b"\x81\x02hi"));
            put_summary(&mut old, Some(&Summary::Joined));
        }
        old.put_u8(3);
        old.put_u32(1);
        old.put_i64(8);
        old.put_u32(0);
        let old = old.freeze();
        assert_eq!(sender(&old), Some(42));
        let (_, packets) = decode(old).unwrap();
        assert_eq!(packets.len(), 3);
        assert_eq!(packets[2], Packet::List { users: vec![UserId(8)] });
    }
}
