//! Where a URL in a message ends.
//!
//! Invariant: punctuation of the surrounding sentence is not part of the URL; everything else is.

use super::boundaries::{is_attached, joins};

/// The URL that a text starts with. `before` is the character directly before it.
pub(super) fn address(text: &str, before: Option<char>) -> Option<&str> {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)))?;
    let begins = |next: char| next.is_alphanumeric() || next == '[';
    text.get(scheme.len()..).filter(|host| host.starts_with(begins))?;
    let end = text.find(ends).unwrap_or(text.len());
    let end = host_end(text.get(..end)?, scheme.len());
    let address = without_closing(text.get(..end)?, before);
    (address.len() > scheme.len()).then_some(address)
}

/// Characters that never appear in a URL: white space, control characters, quotation marks, angle brackets, and the
/// punctuation of scripts that put no space after it.
fn ends(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(
            character,
            '<' | '>' | '"' | '`' | '«' | '»' | '\u{2018}'..='\u{201F}' | '‹' | '›' | '\u{200B}' | '\u{200E}' | '\u{200F}'
                | '\u{202A}'..='\u{202E}'
                | '\u{2066}'..='\u{2069}'
                | '\u{3000}'..='\u{3004}'
                | '\u{3008}'..='\u{301F}'
                | '\u{30FB}'
                | '\u{FE10}'..='\u{FE1F}'
                | '\u{FE30}'..='\u{FE6F}'
                | '\u{FF01}'..='\u{FF0F}'
                | '\u{FF1A}'..='\u{FF20}'
                | '\u{FF3B}'..='\u{FF40}'
                | '\u{FF5B}'..='\u{FF65}'
        )
}

/// The last label of a host is in one script: in `https://example.com看一下` the host ends where the script changes.
fn host_end(address: &str, from: usize) -> usize {
    let host = address.get(from..).unwrap_or_default();
    let of_name = |one: char| one.is_alphanumeric() || matches!(one, '-' | '.') || is_attached(one);
    let host = host.split(|one| !of_name(one)).next().unwrap_or_default();
    let Some((first, last)) = host.trim_end_matches('.').rsplit_once('.') else {
        return address.len();
    };
    let foreign = last.find(|one: char| !one.is_ascii() && !joins(one));
    let cut = foreign.filter(|at| *at > 1 && last.as_bytes().iter().take(*at).all(u8::is_ascii_alphabetic));
    cut.map_or(address.len(), |at| from + first.len() + 1 + at)
}

/// Removes what belongs to the sentence: trailing punctuation, a bracket opened before the URL, and a mark on both
/// sides of it (`*https://example.org*`).
fn without_closing(address: &str, before: Option<char>) -> &str {
    let pairs = [('(', ')'), ('[', ']'), ('{', '}')];
    // For each kind of bracket, how many more are closed than opened.
    let mut surplus = pairs.map(|(open, close)| {
        let count = |one: char| address.chars().filter(|other| *other == one).count();
        count(close).saturating_sub(count(open))
    });
    let mut rest = address;
    while let Some(last) = rest.chars().next_back() {
        let bracket = pairs.iter().position(|(_, close)| *close == last);
        let closes = match bracket.and_then(|index| surplus.get_mut(index)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            Some(_) => false,
            None => is_punctuation(last) || (before == Some(last) && matches!(last, '*' | '_' | '~' | '|')),
        };
        if !closes {
            break;
        }
        rest = rest.get(..rest.len() - last.len_utf8()).unwrap_or_default();
    }
    rest
}

fn is_punctuation(character: char) -> bool {
    matches!(
        character,
        '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '…' | '–' | '—' | '·' | '¡' | '¿' | '\u{037E}' | '\u{0387}'
            // Armenian, Hebrew, Arabic, Devanagari, Ethiopic and Khmer.
            | '\u{055A}'..='\u{055F}'
            | '\u{0589}'
            | '\u{05C3}'
            | '\u{060C}'
            | '\u{061B}'
            | '\u{061F}'
            | '\u{06D4}'
            | '\u{0964}'
            | '\u{0965}'
            | '\u{1361}'..='\u{1368}'
            | '\u{17D4}'..='\u{17D6}'
    )
}
