//! Prepares a written text for sending, and describes when it is too long.

use parlour_protocol::{characters, limits};

use super::people;
use crate::texts::chat;

/// The message for a text of `count` characters that is too long; `None` if it is not.
pub(crate) fn over(count: usize) -> Option<String> {
    let limit = people::number(limits::MESSAGE as i64);
    let too_many = count.checked_sub(limits::MESSAGE).filter(|over| *over > 0)?;
    Some(chat::too_long(too_many as i64, &limit))
}

/// The part of a text that is sent: without leading blank lines and trailing whitespace. Empty if nothing in it is
/// visible.
pub(crate) fn written(text: &str) -> &str {
    if !characters::can_be_seen(text) {
        return "";
    }
    let text = text.trim_end();
    // Whitespace-only lines at the start are dropped.
    let blank = text.split_inclusive('\n').take_while(|line| line.trim().is_empty()).map(str::len).sum();
    text.get(blank..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_says_by_how_much() {
        assert_eq!(over(limits::MESSAGE), None);
        assert_eq!(over(limits::MESSAGE + 1), Some("Too long by 1 character (limit 4\u{202F}000).".into()));
        assert_eq!(
            over(limits::MESSAGE + 100),
            Some("Too long by 100 characters (limit 4\u{202F}000).".into())
        );
    }

    #[test]
    fn a_text_keeps_the_spaces_that_it_begins_with() {
        for (text, sent) in [
            ("    let x;\n    let y;", "    let x;\n    let y;"),
            ("\tx  \n", "\tx"),
            ("\n\n  x\n\n", "  x"),
            ("  \n  x", "  x"),
            ("  ", ""),
            ("\u{200B} \u{2800}", ""),
        ] {
            assert_eq!(written(text), sent, "{text:?}");
        }
    }
}
