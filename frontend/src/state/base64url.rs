//! URL-safe base64 without padding: how WebAuthn encodes bytes in JSON.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Encodes bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let number = number << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let digit = (number >> (18 - 6 * place) & 63) as usize;
            text.extend(ALPHABET.get(digit).copied().map(char::from));
        }
    }
    text
}

/// Decodes a text; `None` if it is not base64url.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let digits = chunk.iter().map(|one| ALPHABET.iter().position(|known| known == one));
        let number = digits.collect::<Option<Vec<_>>>()?.iter().fold(0, |number, digit| number << 6 | digit);
        let number = number << (6 * (4 - chunk.len()));
        if chunk.len() == 1 {
            return None;
        }
        bytes.extend((1..chunk.len()).map(|place| (number >> (24 - 8 * place) & 255) as u8));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (&[0xfb, 0xff, 0xfe], "-__-"),
        ] {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text).as_deref(), Some(bytes));
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all)), Some(all));
    }

    #[test]
    fn what_is_none_is_none() {
        assert_eq!(decode("Zg=="), Some(b"f".to_vec()), "padding is forgiven");
        for text in ["A", "Zm9vA", "+/", "é", "Zm 9v"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
