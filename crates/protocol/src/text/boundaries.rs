//! Where words begin and end, in every script, without full Unicode tables that would make the browser client too
//! large.
//!
//! Invariant: in scripts without spaces between words, every character is a boundary.

use crate::characters::is_mark;

/// Whether a character is part of a word next to it.
pub(super) fn joins(character: char) -> bool {
    character == '_' || (character.is_alphanumeric() && !is_unspaced(character))
}

/// The last character that stands by itself, skipping combining marks and joiners, which belong to the character
/// before.
pub(super) fn last_letter(text: &str) -> Option<char> {
    text.chars().rev().find(|character| !is_attached(*character))
}

/// Whether a character that came next would be inside a word.
pub(super) fn follows_word(before: &str) -> bool {
    last_letter(before).is_some_and(joins)
}

/// Whether a word that ended just before continues.
pub(super) fn goes_on(rest: &str) -> bool {
    rest.chars().next().is_some_and(|next| joins(next) || is_attached(next))
}

/// Combining marks, joiners, soft hyphens and variation selectors.
pub(super) fn is_attached(character: char) -> bool {
    let joiner = matches!(character, '\u{200C}' | '\u{200D}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}');
    joiner || is_mark(character) || matches!(character, '\u{FE00}'..='\u{FE0F}')
}

/// Scripts without spaces between words, or that attach endings to foreign words: those of South-East Asia and Tibet,
/// Han, Kana, Bopomofo, Hangul and Yi.
fn is_unspaced(character: char) -> bool {
    matches!(
        character,
        '\u{0E00}'..='\u{109F}'
            | '\u{1100}'..='\u{11FF}'
            | '\u{1780}'..='\u{17FF}'
            | '\u{1950}'..='\u{1AAF}'
            | '\u{1B00}'..='\u{1BBF}'
            | '\u{2E80}'..='\u{2FDF}'
            | '\u{3005}'..='\u{4DBF}'
            | '\u{4E00}'..='\u{A4CF}'
            | '\u{A960}'..='\u{A9DF}'
            | '\u{AA60}'..='\u{AADF}'
            | '\u{AC00}'..='\u{D7FF}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{FF66}'..='\u{FFDC}'
            | '\u{1B000}'..='\u{1B16F}'
            | '\u{20000}'..='\u{3FFFF}'
    )
}
