//! Makes text written by others harmless. A terminal obeys control sequences in its output: they move the cursor,
//! rename the window, or answer as if the user had typed; a carriage return overwrites a line, and a bidi control
//! reorders what is read.
//!
//! Invariant: the result contains no control characters except line feeds, and no bidi controls; every line after the
//! first is indented, so that no message looks like two.

/// Replaces a removed character.
const TAKEN_OUT: char = '\u{FFFD}';
/// Prefix of every line of a text except the first.
const INDENT: &str = "\n      | ";

/// Returns the text without anything that could control a terminal.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' | '\u{2028}' | '\u{2029}' => cleaned.push_str(INDENT),
            '\t' => cleaned.push_str("    "),
            // Bidi marks, embeddings, overrides and isolates.
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                cleaned.push(TAKEN_OUT);
            }
            other if other.is_control() => cleaned.push(TAKEN_OUT),
            other => cleaned.push(other),
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_controls_a_terminal_is_left() {
        for (hostile, harmless) in [
            ("\x1b[2J\x1b]0;owned\x07", "\u{FFFD}[2J\u{FFFD}]0;owned\u{FFFD}"),
            ("\u{9b}31mred", "\u{FFFD}31mred"),
            ("safe\rrm -rf", "safe\u{FFFD}rm -rf"),
            ("a\u{8}b\u{7f}c\0", "a\u{FFFD}b\u{FFFD}c\u{FFFD}"),
            ("\u{202e}cod.exe", "\u{FFFD}cod.exe"),
            ("one\n12:00 <root> two", "one\n      | 12:00 <root> two"),
            ("one\r\ntwo\u{2028}three", "one\n      | two\n      | three"),
            ("a\tb", "a    b"),
            ("ordinary: é 日本 👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "ordinary: é 日本 👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
        ] {
            assert_eq!(clean(hostile), harmless, "{hostile:?}");
        }
        let all: String = (0..0x3000).filter_map(char::from_u32).collect();
        assert!(clean(&all).chars().all(|one| one == '\n' || !one.is_control()));
    }
}
