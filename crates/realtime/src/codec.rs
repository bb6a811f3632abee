//! What nodes say to each other, in a compact binary form: the frame inside an event is passed on as it is.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use parlour_protocol::ids::{ConversationId, SessionId, UserId};

use crate::feed::{Control, Delivery, Topic};

/// Changes with every incompatible change of the form; other versions are ignored, the log fills the hole.
const VERSION: u8 = 2;

/// Names a node among its peers; random at every start.
pub(crate) type NodeId = u64;

/// One thing that a node tells the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Packet {
    /// A stored event.
    Event(Delivery),
    /// Something that is not kept.
    Ephemeral {
        /// Whom it reaches.
        topic: Topic,
        /// Who do not get it.
        except: Vec<UserId>,
        /// The complete frame.
        frame: Bytes,
    },
    /// A person connected to the node for the first time, or is gone from it.
    Presence {
        /// Who.
        user: UserId,
        /// Whether they are there.
        online: bool,
    },
    /// Everybody who is connected to the node, and how many follow each room there.
    Roll {
        /// The people.
        users: Vec<UserId>,
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
                };
                out.put_u8(code);
                out.put_i64(id);
                put_frame(&mut out, &delivery.frame);
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
            Packet::Roll { users } => {
                out.put_u8(3);
                out.put_u32(users.len() as u32);
                users.iter().for_each(|user| out.put_i64(user.0));
                // Earlier versions told how many people follow each room.
                out.put_u32(0);
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

fn put_frame(out: &mut BytesMut, frame: &Bytes) {
    out.put_u32(frame.len() as u32);
    out.extend_from_slice(frame);
}

/// Who sent a message, without reading it. `None` when it is of another version or damaged.
pub(crate) fn sender(mut input: &[u8]) -> Option<NodeId> {
    (input.try_get_u8().ok()? == VERSION).then(|| input.try_get_u64().ok())?
}

/// Reads a message. `None` when it is of another version or damaged.
pub(crate) fn decode(mut input: Bytes) -> Option<(NodeId, Vec<Packet>)> {
    if input.try_get_u8().ok()? != VERSION {
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
                    _ => return None,
                };
                Packet::Event(Delivery { topic, seq, control, frame: get_frame(&mut input)? })
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
                // Earlier versions tell how many people follow each room.
                let rooms = get_count(&mut input, 12)?;
                input.advance(rooms * 12);
                Packet::Roll { users }
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

fn get_users(input: &mut Bytes) -> Option<Vec<UserId>> {
    let count = get_count(input, 8)?;
    (0..count).map(|_| input.try_get_i64().ok().map(UserId)).collect()
}

/// A count that fits into what is left, so that a damaged one allocates nothing.
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
        let packets = vec![
            Packet::Event(Delivery { topic, seq: 3, frame: frame.clone(), control: None }),
            Packet::Event(Delivery {
                topic: Topic::User(UserId(4)),
                seq: 9,
                frame: frame.clone(),
                control: Some(Control::EndSession(SessionId(5))),
            }),
            Packet::Ephemeral { topic, except: vec![UserId(1)], frame },
            Packet::Presence { user: UserId(2), online: true },
            Packet::Roll { users: vec![UserId(1), UserId(2)] },
        ];
        let bytes = encode(42, &packets);
        assert_eq!(sender(&bytes), Some(42));
        assert_eq!(decode(bytes.clone()), Some((42, packets)));
        for end in 0..bytes.len() {
            // A cut message is refused or is a shorter list, and never a panic.
            let _ = decode(bytes.slice(..end));
        }
        assert_eq!(decode(Bytes::from_static(b"\x03")), None);
    }
}
