//! WebSocket frames in wire format. Server frames are not masked, so the bytes of a frame are the same for every
//! connection: encode once, share.

use bytes::{BufMut, Bytes, BytesMut};
use parlour_protocol::socket::{CloseCode, ServerFrame};

/// Encodes a server frame as a WebSocket text frame.
pub fn encode(frame: &ServerFrame) -> Bytes {
    match serde_json::to_vec(frame) {
        Ok(json) => text(&json),
        Err(error) => {
            // Cannot happen: these types have string keys only.
            tracing::error!(%error, "a frame could not be serialised");
            Bytes::new()
        }
    }
}

/// A text frame.
pub fn text(payload: &[u8]) -> Bytes {
    build(0x81, payload)
}

/// The reply to a ping; its payload is cut to the 125 bytes that a control frame may carry.
pub fn pong(payload: &[u8]) -> Bytes {
    build(0x8A, payload.get(..125).unwrap_or(payload))
}

/// A close frame, with its reason.
pub fn close(code: CloseCode) -> Bytes {
    build(0x88, &[&code.code().to_be_bytes(), code.reason().as_bytes()].concat())
}

fn build(first: u8, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    frame.put_u8(first);
    match payload.len() {
        length @ 0..=125 => frame.put_u8(length as u8),
        length @ 126..=0xFFFF => {
            frame.put_u8(126);
            frame.put_u16(length as u16);
        }
        length => {
            frame.put_u8(127);
            frame.put_u64(length as u64);
        }
    }
    frame.extend_from_slice(payload);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_rfc_6455_says() {
        assert_eq!(&text(b"hi")[..], b"\x81\x02hi");
        assert_eq!(&text(&[b'x'; 126])[..4], b"\x81\x7e\x00\x7e");
        assert_eq!(&text(&[b'x'; 65_536])[..10], b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00");
        let reason = CloseCode::SlowConsumer.reason();
        let expected = [&[0x88, reason.len() as u8 + 2, 0x0f, 0xa2], reason.as_bytes()].concat();
        assert_eq!(close(CloseCode::SlowConsumer)[..], expected);
    }
}
