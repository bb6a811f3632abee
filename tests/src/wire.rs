//! The minimum that reads and writes WebSocket frames: load costs little beside the server, and attackers can write
//! what no library would.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "latencies are of the real time, between programs")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

/// A text frame as a client sends it. The mask is zero, so the bytes stay readable.
pub fn client_frame(text: &str) -> Vec<u8> {
    let mut frame = header(0x81, text.len() as u64);
    frame.extend(text.as_bytes());
    frame
}

/// The first bytes of a frame of any length and kind. The mask is zero.
pub fn header(first: u8, length: u64) -> Vec<u8> {
    let mut header = vec![first];
    match length {
        0..=125 => header.push(0x80 | length as u8),
        126..=0xFFFF => {
            header.push(0x80 | 126);
            header.extend((length as u16).to_be_bytes());
        }
        _ => {
            header.push(0x80 | 127);
            header.extend(length.to_be_bytes());
        }
    }
    header.extend([0; 4]);
    header
}

/// The upgrade request of a socket.
pub fn upgrade(host: &str, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: parlour.v1\r\n\r\n"
    )
}

/// The first complete frame in the buffer: its opcode, the range of its payload, and where the next frame begins.
pub fn frame(buffer: &[u8]) -> Option<(u8, std::ops::Range<usize>)> {
    let (first, second) = (*buffer.first()?, *buffer.get(1)?);
    let (start, length) = match second & 0x7F {
        126 => (4, u16::from_be_bytes([*buffer.get(2)?, *buffer.get(3)?]) as usize),
        127 => (10, u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?) as usize),
        length => (2, length as usize),
    };
    (buffer.len() >= start + length).then_some((first & 0x0F, start..start + length))
}

/// The number after a key, such as `"seq":`.
pub fn number_after(payload: &[u8], key: &[u8], from: usize) -> Option<u64> {
    let at = from + payload.get(from..)?.windows(key.len()).position(|window| window == key)? + key.len();
    let mut number = 0_u64;
    let mut digits = 0;
    for byte in payload.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()) {
        number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
        digits += 1;
    }
    (digits > 0).then_some(number)
}
