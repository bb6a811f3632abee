//! Frames with any length in their header, fragments and control frames, as they arrive: at once, byte by byte, and cut
//! anywhere. What is read must not depend on the cuts, and what is buffered meanwhile is bounded.

#![no_main]

use parlour_server::fuzzing::{self, Frames};

/// The largest frame with its header: never more is buffered for a connection.
const HELD: usize = 16 * 1024 + 14;
/// Interesting lengths: both sides of every boundary, and the largest possible.
const LENGTHS: [u64; 14] = [
    0,
    1,
    125,
    126,
    16 * 1024 - 1,
    16 * 1024,
    16 * 1024 + 1,
    65_535,
    65_536,
    (1 << 31) - 1,
    1 << 31,
    1 << 62,
    i64::MAX as u64,
    u64::MAX,
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&how, rest)) = bytes.split_first() else { return };
    let made = if how & 1 == 1 { frames(rest) } else { rest.to_vec() };
    let at_once = read(&[&made]);
    let single: Vec<&[u8]> = made.chunks(1).collect();
    assert_eq!(read(&single), at_once, "byte by byte");
    assert_eq!(read(&cut(&made, u64::from(how) + 1)), at_once, "cut anywhere");
});

fn read(pieces: &[&[u8]]) -> Vec<String> {
    let Frames { seen, most_held } = fuzzing::frames(pieces);
    // A piece that was just received is buffered until it is read.
    let largest = pieces.iter().map(|piece| piece.len()).max().unwrap_or(0);
    assert!(most_held <= HELD + largest, "{most_held} bytes are held");
    // A frame may be bad in two ways, and which one is detected first does not matter.
    seen.into_iter().map(|one| if one.starts_with("bad ") { "bad".to_owned() } else { one }).collect()
}

/// Pieces of pseudo-random lengths.
fn cut(mut bytes: &[u8], mut seed: u64) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let length = ((seed >> 33) as usize % 37 + 1).min(bytes.len());
        let (piece, rest) = bytes.split_at(length);
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// Builds frames from the input: of each triple, the first is the first byte, the second the length to declare, and the
/// third how much content to send.
fn frames(input: &[u8]) -> Vec<u8> {
    let mut made = Vec::new();
    for triple in input.chunks_exact(3) {
        let (first, length, brought) =
            (triple[0], LENGTHS[usize::from(triple[1]) % LENGTHS.len()], triple[2]);
        made.push(first);
        // The mask is sometimes missing.
        let masked = if triple[1] & 0x80 == 0 { 0x80 } else { 0 };
        match length {
            0..=125 => made.push(masked | length as u8),
            126..=0xFFFF => {
                made.push(masked | 126);
                made.extend((length as u16).to_be_bytes());
            }
            _ => {
                made.push(masked | 127);
                made.extend(length.to_be_bytes());
            }
        }
        if masked != 0 {
            made.extend([0; 4]);
        }
        // Whole frames where they are not too long, and a part of the others.
        let content =
            if length <= 16 * 1024 && brought & 1 == 0 { length } else { length.min(u64::from(brought)) };
        made.extend(std::iter::repeat_n(b'{', content as usize));
    }
    made
}
