//! Bidi isolation of user text inside the app's texts: its direction does not affect the words around it.
//!
//! In elements, `<bdi>` and `dir="auto"` do this. This module is for plain text: titles, notices, labels.

/// First strong isolate: starts a text with its own direction.
const OPEN: char = '\u{2068}';
/// Pop directional isolate: ends it.
const CLOSE: char = '\u{2069}';

/// Isolates a text if its characters could affect the text around it.
pub(crate) fn isolated(text: &str) -> String {
    if !text.chars().any(reaches_out) {
        return text.to_owned();
    }
    // Isolates opened inside the text are closed at its end; a closing character without an opening one is dropped.
    let mut open = 0_usize;
    let mut inside = String::new();
    for character in text.chars() {
        match character {
            '\u{2066}'..='\u{2068}' => open += 1,
            CLOSE if open == 0 => continue,
            CLOSE => open -= 1,
            _ => {}
        }
        inside.push(character);
    }
    inside.extend(std::iter::repeat_n(CLOSE, open));
    format!("{OPEN}{inside}{CLOSE}")
}

/// A handle with its `@`, always isolated, so that the `@` stays in front even in right-to-left text.
pub(crate) fn handle(handle: &str) -> String {
    format!("{OPEN}@{handle}{CLOSE}")
}

/// Right-to-left letters and bidi control characters.
fn reaches_out(character: char) -> bool {
    matches!(character,
        '\u{0590}'..='\u{08FF}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFF}' | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_any_direction_is_set_apart() {
        for plain in ["Ada Lovelace", "Ødegård", "请看", "👍"] {
            assert_eq!(isolated(plain), plain);
        }
        assert_eq!(isolated("Ada\u{200F}"), "\u{2068}Ada\u{200F}\u{2069}");
        assert_eq!(isolated("علی"), "\u{2068}علی\u{2069}");
        assert_eq!(isolated("a\u{2069}\u{202E}b"), "\u{2068}a\u{202E}b\u{2069}", "it cannot break out");
        assert_eq!(handle("ada"), "\u{2068}@ada\u{2069}");
        assert_eq!(isolated("a\u{2067}b"), "\u{2068}a\u{2067}b\u{2069}\u{2069}", "it is closed");
    }
}
