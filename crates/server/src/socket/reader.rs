//! The reading side: whole messages, bounded in bytes and in fragments.

use actix_ws::{Item, Message, MessageStream, ProtocolError, Session};
use bytes::Bytes;
use parlour_protocol::limits;
use parlour_protocol::socket::CloseCode;

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
    /// The connection ended.
    End,
}

pub(super) struct Reader {
    messages: MessageStream,
    // Keeps the reading side from taking the connection for closed.
    _session: Session,
    partial: Option<(Vec<u8>, usize)>,
}

impl Reader {
    pub(super) fn new(messages: MessageStream, session: Session) -> Self {
        Self { messages: messages.max_frame_size(limits::FRAME.0), _session: session, partial: None }
    }

    /// The next message.
    pub(super) async fn next(&mut self) -> Incoming {
        loop {
            let message = match self.messages.recv().await {
                None | Some(Ok(Message::Close(_))) | Some(Err(ProtocolError::Io(_))) => return Incoming::End,
                Some(Err(ProtocolError::Overflow)) => return Incoming::Bad(CloseCode::TooLarge),
                Some(Err(_)) => return Incoming::Bad(CloseCode::BadFrame),
                Some(Ok(message)) => message,
            };
            match message {
                Message::Text(text) if self.partial.is_none() => return Incoming::Text(text.to_string()),
                Message::Ping(payload) => return Incoming::Ping(payload),
                Message::Pong(_) => return Incoming::Pong,
                Message::Continuation(item) => match self.collect(item) {
                    Ok(Some(text)) => return Incoming::Text(text),
                    Ok(None) => {}
                    Err(code) => return Incoming::Bad(code),
                },
                // Binary messages have no meaning here.
                _ => return Incoming::Bad(CloseCode::BadFrame),
            }
        }
    }

    fn collect(&mut self, item: Item) -> Result<Option<String>, CloseCode> {
        let (bytes, last) = match item {
            Item::FirstText(bytes) if self.partial.is_none() => {
                self.partial = Some((Vec::new(), 0));
                (bytes, false)
            }
            Item::Continue(bytes) => (bytes, false),
            Item::Last(bytes) => (bytes, true),
            _ => return Err(CloseCode::BadFrame),
        };
        let (collected, fragments) = self.partial.as_mut().ok_or(CloseCode::BadFrame)?;
        *fragments += 1;
        if collected.len() + bytes.len() > limits::FRAME.0 || *fragments > limits::FRAME.1 {
            return Err(CloseCode::TooLarge);
        }
        collected.extend_from_slice(&bytes);
        if !last {
            return Ok(None);
        }
        let whole = self.partial.take().map(|(collected, _)| collected).unwrap_or_default();
        String::from_utf8(whole).map(Some).map_err(|_| CloseCode::BadFrame)
    }

    /// Reads and forgets until the connection ends.
    pub(super) async fn drain(&mut self) {
        while !matches!(self.next().await, Incoming::End) {}
    }
}
