//! The reading side of a socket: from bytes to whole messages, bounded in bytes and in fragments.
//!
//! Invariant: between messages nothing is buffered. Bytes are read into a buffer shared by all connections of a
//! thread; only an unfinished message stays with its connection, charged to the node's memory budget. A frame is
//! rejected by its declared length, before its bytes are collected.

use std::cell::RefCell;

use actix_codec::Decoder;
use actix_http::ws::{Codec, Frame};
use actix_ws::{Item, ProtocolError};
use bytes::{Bytes, BytesMut};
use parlour_protocol::limits;
use parlour_protocol::socket::CloseCode;
use tokio::net::TcpStream;

/// Maximum payload of a control frame in bytes (RFC 6455, section 5.5).
const CONTROL: u64 = 125;

/// What was read.
pub(super) enum Incoming {
    /// A complete text message.
    Text(String),
    /// Part of a message that is not complete yet.
    Fragment,
    /// A ping with this payload, to be answered by a pong.
    Ping(Bytes),
    /// A pong: a sign of life.
    Pong,
    /// Invalid input: close the connection with this code.
    Bad(CloseCode),
    /// A close frame.
    End,
}

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; 32 * 1024].into_boxed_slice());
}

pub(super) struct Reader {
    codec: Codec,
    unfinished: BytesMut,
    partial: Option<Box<(Vec<u8>, usize)>>,
}

impl Reader {
    /// Starts with the bytes already received.
    pub(super) fn new(received: BytesMut) -> Self {
        // Copied, because the handshake's buffer is large and what remains in it is not.
        let unfinished = BytesMut::from(&received[..]);
        Self { codec: Codec::new().max_size(limits::FRAME.0), unfinished, partial: None }
    }

    /// Reads what the kernel has. Returns false when the connection has ended.
    pub(super) fn fill(&mut self, stream: &TcpStream) -> bool {
        SCRATCH.with_borrow_mut(|scratch| match stream.try_read(scratch) {
            Ok(0) => false,
            Ok(count) => {
                self.unfinished.extend_from_slice(scratch.get(..count).unwrap_or_default());
                true
            }
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
        })
    }

    /// Reads and discards what the kernel has, and returns its size in bytes; `None` when the connection has ended.
    pub(super) fn discard(stream: &TcpStream) -> Option<usize> {
        SCRATCH.with_borrow_mut(|scratch| match stream.try_read(scratch) {
            Ok(0) => None,
            Ok(count) => Some(count),
            Err(error) => (error.kind() == std::io::ErrorKind::WouldBlock).then_some(0),
        })
    }

    /// Memory held for an unfinished message, in bytes.
    pub(super) fn held(&self) -> usize {
        self.unfinished.capacity() + self.partial.as_deref().map_or(0, |(bytes, _)| bytes.capacity())
    }

    /// The next frame, if it is complete: a whole message, or notice that a fragment has arrived.
    pub(super) fn next(&mut self) -> Option<Incoming> {
        // The codec checks the length only once the whole frame has arrived.
        if let Some((length, control)) = declared(&self.unfinished) {
            let collected = self.partial.as_deref().map_or(0, |(bytes, _)| bytes.len());
            let most = if control { CONTROL } else { limits::FRAME.0.saturating_sub(collected) as u64 };
            if length > most {
                return Some(Incoming::Bad(CloseCode::TooLarge));
            }
        }
        let frame = match self.codec.decode(&mut self.unfinished) {
            Ok(Some(frame)) => frame,
            Ok(None) => {
                self.shrink();
                return None;
            }
            Err(ProtocolError::Overflow) => return Some(Incoming::Bad(CloseCode::TooLarge)),
            Err(_) => return Some(Incoming::Bad(CloseCode::BadFrame)),
        };
        Some(match frame {
            Frame::Text(bytes) if self.partial.is_none() => text(bytes.to_vec()),
            Frame::Ping(payload) => Incoming::Ping(payload),
            Frame::Pong(_) => Incoming::Pong,
            Frame::Close(_) => Incoming::End,
            Frame::Continuation(item) => match self.collect(item) {
                Ok(Some(whole)) => text(whole),
                Ok(None) => Incoming::Fragment,
                Err(code) => Incoming::Bad(code),
            },
            // Binary messages are not part of the protocol.
            _ => Incoming::Bad(CloseCode::BadFrame),
        })
    }

    /// Shrinks the buffer to the unfinished frame: most of what was read at once has been consumed.
    fn shrink(&mut self) {
        if self.unfinished.is_empty() {
            self.unfinished = BytesMut::new();
        } else if self.unfinished.capacity() > 2 * self.unfinished.len() + 256 {
            self.unfinished = BytesMut::from(&self.unfinished[..]);
        }
    }

    fn collect(&mut self, item: Item) -> Result<Option<Vec<u8>>, CloseCode> {
        let (bytes, last) = match item {
            Item::FirstText(bytes) if self.partial.is_none() => {
                self.partial = Some(Box::default());
                (bytes, false)
            }
            Item::Continue(bytes) => (bytes, false),
            Item::Last(bytes) => (bytes, true),
            _ => return Err(CloseCode::BadFrame),
        };
        let (collected, fragments) = self.partial.as_deref_mut().ok_or(CloseCode::BadFrame)?;
        *fragments += 1;
        if collected.len() + bytes.len() > limits::FRAME.0 || *fragments > limits::FRAME.1 {
            return Err(CloseCode::TooLarge);
        }
        collected.extend_from_slice(&bytes);
        Ok(if last { self.partial.take().map(|partial| partial.0) } else { None })
    }
}

/// The payload length declared in a frame's header, and whether it is a control frame; `None` until the header has
/// arrived.
fn declared(frame: &[u8]) -> Option<(u64, bool)> {
    let (first, second) = (frame.first()?, frame.get(1)?);
    let length = match second & 0x7F {
        126 => u64::from(u16::from_be_bytes(frame.get(2..4)?.try_into().ok()?)),
        127 => u64::from_be_bytes(frame.get(2..10)?.try_into().ok()?),
        short => u64::from(short),
    };
    Some((length, first & 0x08 != 0))
}

fn text(bytes: Vec<u8>) -> Incoming {
    String::from_utf8(bytes).map_or(Incoming::Bad(CloseCode::BadFrame), Incoming::Text)
}

/// For the fuzz targets: accepts bytes as the network delivers them, and reports how many are buffered.
#[cfg(fuzzing)]
impl Reader {
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.unfinished.extend_from_slice(bytes);
    }

    pub(super) fn bytes(&self) -> usize {
        self.unfinished.len() + self.partial.as_deref().map_or(0, |(bytes, _)| bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(opcode: u8, length: u64) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode];
        match length {
            0..=125 => frame.push(0x80 | length as u8),
            126..=0xFFFF => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame
    }

    #[test]
    fn a_frame_is_refused_by_its_header() {
        for length in [16 * 1024 + 1, 70_000, 1 << 31, 1 << 62, i64::MAX as u64, u64::MAX] {
            let whole = header(1, length);
            let mut reader = Reader::new(BytesMut::new());
            let mut refused = None;
            for (index, byte) in whole.iter().enumerate() {
                reader.unfinished.extend_from_slice(&[*byte]);
                if let Some(incoming) = reader.next() {
                    assert!(matches!(incoming, Incoming::Bad(CloseCode::TooLarge)));
                    refused = Some(index);
                    break;
                }
            }
            assert!(refused.is_some_and(|index| index < whole.len()), "{length}");
        }
        let mut longest = Reader::new(BytesMut::from(&header(1, 16 * 1024)[..]));
        assert!(longest.next().is_none(), "the longest frame that is allowed");
        // What was collected of a message counts too.
        let mut parts = header(0, 10_000);
        parts[0] = 0x01;
        parts.extend([b'a'; 10_000]);
        let mut fragmented = Reader::new(BytesMut::from(&parts[..]));
        assert!(matches!(fragmented.next(), Some(Incoming::Fragment)));
        fragmented.unfinished.extend_from_slice(&header(0, 10_000));
        assert!(matches!(fragmented.next(), Some(Incoming::Bad(CloseCode::TooLarge))));
        let mut control = Reader::new(BytesMut::from(&header(9, 126)[..]));
        assert!(matches!(control.next(), Some(Incoming::Bad(CloseCode::TooLarge))));
    }

    #[test]
    fn what_is_held_is_about_as_much_as_has_come() {
        let mut reader = Reader::new(BytesMut::new());
        // Many complete frames, and one byte of the next.
        let mut frames = header(1, 0).repeat(4000);
        frames.push(0x81);
        reader.unfinished.extend_from_slice(&frames);
        while reader.next().is_some() {}
        assert!(reader.held() < 512, "{}", reader.held());
        reader.unfinished.extend_from_slice(&header(1, 16 * 1024)[1..]);
        reader.unfinished.extend_from_slice(&[b'a'; 16 * 1024 - 1]);
        assert!(reader.next().is_none());
        assert!(reader.held() < 33 * 1024 + 256, "{}", reader.held());
    }
}
