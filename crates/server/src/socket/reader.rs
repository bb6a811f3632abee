//! The reading side: from bytes to whole messages, bounded in bytes and in fragments.
//!
//! Invariant: between messages nothing is held. Bytes are read into a buffer that all connections of a thread
//! share; only an unfinished frame stays with its connection.

use std::cell::RefCell;

use actix_codec::Decoder;
use actix_http::ws::{Codec, Frame};
use actix_ws::{Item, ProtocolError};
use bytes::{Bytes, BytesMut};
use parlour_protocol::limits;
use parlour_protocol::socket::CloseCode;
use tokio::net::TcpStream;

/// What came in.
pub(super) enum Incoming {
    /// A whole text message.
    Text(String),
    /// To be answered by a pong.
    Ping(Bytes),
    /// A sign of life.
    Pong,
    /// Not acceptable: close.
    Bad(CloseCode),
    /// The client says farewell.
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
    /// Begins with what was received already.
    pub(super) fn new(received: BytesMut) -> Self {
        // The buffer of the handshake is large; what is left in it is not.
        let unfinished = BytesMut::from(&received[..]);
        Self { codec: Codec::new().max_size(limits::FRAME.0), unfinished, partial: None }
    }

    /// Takes what the kernel has. False when the connection has ended.
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

    /// Reads and forgets what the kernel has. False when the connection has ended.
    pub(super) fn discard(stream: &TcpStream) -> bool {
        SCRATCH.with_borrow_mut(|scratch| match stream.try_read(scratch) {
            Ok(count) => count > 0,
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
        })
    }

    /// The next whole message, if it is here.
    pub(super) fn next(&mut self) -> Option<Incoming> {
        loop {
            let frame = match self.codec.decode(&mut self.unfinished) {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    if self.unfinished.is_empty() {
                        self.unfinished = BytesMut::new();
                    }
                    return None;
                }
                Err(ProtocolError::Overflow) => return Some(Incoming::Bad(CloseCode::TooLarge)),
                Err(_) => return Some(Incoming::Bad(CloseCode::BadFrame)),
            };
            return Some(match frame {
                Frame::Text(bytes) if self.partial.is_none() => text(bytes.to_vec()),
                Frame::Ping(payload) => Incoming::Ping(payload),
                Frame::Pong(_) => Incoming::Pong,
                Frame::Close(_) => Incoming::End,
                Frame::Continuation(item) => match self.collect(item) {
                    Ok(Some(whole)) => text(whole),
                    Ok(None) => continue,
                    Err(code) => Incoming::Bad(code),
                },
                // Binary messages have no meaning here.
                _ => Incoming::Bad(CloseCode::BadFrame),
            });
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

fn text(bytes: Vec<u8>) -> Incoming {
    String::from_utf8(bytes).map_or(Incoming::Bad(CloseCode::BadFrame), Incoming::Text)
}
