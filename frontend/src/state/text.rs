//! Positions in a text as the browser counts them. What a text consists of is settled by `parlour_protocol::text`.

/// The byte offset of a position that the browser counted in UTF-16 units.
pub(crate) fn from_utf16(text: &str, units: usize) -> usize {
    let mut seen = 0;
    for (at, character) in text.char_indices() {
        if seen >= units {
            return at;
        }
        seen += character.len_utf16();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_what_the_browser_counts() {
        assert_eq!(from_utf16("ü👍x", 3), "ü👍".len());
    }
}
