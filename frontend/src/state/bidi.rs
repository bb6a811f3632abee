//! People's text among the app's own words: whatever direction it is written in, its neighbours keep their place.
//!
//! Where there are elements, `<bdi>` and `dir="auto"` do it. This is for what is text alone: titles, notices, labels.

/// Opens a piece of text that has a direction of its own.
const OPEN: char = '\u{2068}';
/// Closes it.
const CLOSE: char = '\u{2069}';

/// Text that is set apart from what stands around it, if it could reach beyond itself.
pub(crate) fn isolated(text: &str) -> String {
    if !text.chars().any(reaches_out) {
        return text.to_owned();
    }
    // What the text opens it must close itself, and it must not close what is opened around it.
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

/// A handle as it is shown, set apart always: its mark belongs in front also where the words around it are written from
/// right to left.
pub(crate) fn handle(handle: &str) -> String {
    format!("{OPEN}@{handle}{CLOSE}")
}

/// Letters that are written from right to left, and marks that say how others are.
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
