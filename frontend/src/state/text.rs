//! Converts the browser's text positions. How a text is divided into segments is defined by `parlour_protocol::text`.

/// Converts a position in UTF-16 units to a byte offset.
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
