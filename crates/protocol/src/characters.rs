//! Which characters of a text are visible, and which ones hide something.
//!
//! Invariant: whether a text is empty depends on its visible characters, never on its bytes. The lists are ranges,
//! because full Unicode tables would make the browser client too large; they follow Unicode's `DerivedCoreProperties`.

/// Whether a character is always invisible by itself (`Default_Ignorable_Code_Point`).
pub fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{00AD}'
            | '\u{034F}'
            | '\u{061C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFF8}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// Whether a character renders as a blank: white space, and symbols that Unicode doesn't classify as ignorable, such as
/// the empty Braille cell, the null note head, fillers of hieroglyphs and Khitan, the object replacement character, and
/// interlinear annotation marks.
pub fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '\u{2800}' | '\u{1D159}' | '\u{13441}'..='\u{13442}' | '\u{16FE4}' | '\u{FFF9}'..='\u{FFFC}'
        )
}

/// Whether a character is visible.
pub fn is_seen(character: char) -> bool {
    !is_ignorable(character) && !is_blank(character) && !character.is_control()
}

/// Whether a text has any visible character.
pub fn can_be_seen(text: &str) -> bool {
    text.chars().any(is_seen)
}

/// Whether a name contains hidden characters, which would let two names look the same: any ignorable character outside
/// the scripts and emoji that need it. Direction marks are allowed: they hide nothing, and right-to-left names need
/// them next to digits and Latin letters.
pub fn hides_something(name: &str) -> bool {
    let mut tags = false;
    let mut before: Option<char> = None;
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        if tags {
            // Inside the region tag of a flag emoji, up to its end tag.
            match character {
                '\u{E0020}'..='\u{E007E}' if next.is_some() => continue,
                '\u{E007F}' if before == Some('🏴') => tags = false,
                _ => return true,
            }
            before = None;
            continue;
        }
        let fits = match character {
            '\u{200E}' | '\u{200F}' | '\u{061C}' => true,
            '\u{200C}' => before.is_some_and(joins) && next.is_some_and(joins),
            '\u{200D}' => {
                let letters = before.is_some_and(joins) && next.is_some_and(joins);
                letters || (before.is_some_and(is_picture) && next.is_some_and(is_picture))
            }
            '\u{FE0E}' | '\u{FE0F}' => {
                before.is_some_and(|one| is_picture(one) || one.is_ascii_digit() || one == '#' || one == '*')
            }
            '\u{FE00}'..='\u{FE0D}' => before.is_some_and(|one| one >= '\u{1000}' && is_seen(one)),
            '\u{E0100}'..='\u{E01EF}' => before.is_some_and(is_ideograph),
            '\u{180B}'..='\u{180F}' => before.is_some_and(|one| matches!(one, '\u{1800}'..='\u{18AF}')),
            '\u{E0020}'..='\u{E007E}' => {
                tags = before == Some('🏴');
                tags
            }
            other => !is_ignorable(other),
        };
        if !fits {
            return true;
        }
        // Combining marks and selectors don't replace `before`: an emoji with a selector is still an emoji.
        if !tags
            && !matches!(character, '\u{FE0E}' | '\u{FE0F}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
            && !is_mark(character)
        {
            before = Some(character);
        }
    }
    tags
}

/// Whether a character is a combining mark, drawn on the character before it.
pub fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{0300}'..='\u{036F}'
            | '\u{0483}'..='\u{0489}'
            | '\u{1AB0}'..='\u{1AFF}'
            | '\u{1DC0}'..='\u{1DFF}'
            | '\u{20D0}'..='\u{20FF}'
            | '\u{FE20}'..='\u{FE2F}'
    )
}

/// Scripts in which joiners change how text looks: Arabic and related scripts, Mongolian, and the scripts of India and
/// its neighbours.
fn joins(character: char) -> bool {
    matches!(
        character,
        '\u{0600}'..='\u{08FF}'
            | '\u{0900}'..='\u{109F}'
            | '\u{1780}'..='\u{18AF}'
            | '\u{1900}'..='\u{1CFF}'
            | '\u{A800}'..='\u{A8FF}'
            | '\u{A980}'..='\u{A9DF}'
            | '\u{AA00}'..='\u{AADF}'
            | '\u{ABC0}'..='\u{ABFF}'
            | '\u{FB50}'..='\u{FDFF}'
            | '\u{FE70}'..='\u{FEFC}'
            | '\u{10A00}'..='\u{10A5F}'
            | '\u{10AC0}'..='\u{10AFF}'
            | '\u{10D00}'..='\u{10D3F}'
            | '\u{10F30}'..='\u{11FFF}'
            | '\u{1E900}'..='\u{1E95F}'
    )
}

/// Symbols that emoji are made of, by Unicode block.
fn is_picture(character: char) -> bool {
    matches!(
        character,
        '©' | '®'
            | '\u{203C}'
            | '\u{2049}'
            | '\u{2122}'
            | '\u{2139}'
            | '\u{2190}'..='\u{21FF}'
            | '\u{2300}'..='\u{23FF}'
            | '\u{2460}'..='\u{24FF}'
            | '\u{25A0}'..='\u{27BF}'
            | '\u{2900}'..='\u{297F}'
            | '\u{2B00}'..='\u{2BFF}'
            | '\u{3030}'
            | '\u{303D}'
            | '\u{3297}'
            | '\u{3299}'
            | '\u{1F000}'..='\u{1FAFF}'
    )
}

fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emptiness_is_what_is_seen() {
        for empty in [
            "",
            " ",
            "\n\t",
            "\u{200B}",
            "\u{2800}",
            "\u{3164}",
            "\u{FFA0}",
            "\u{115F}\u{1160}",
            "\u{00AD}",
            "\u{2060}",
            "\u{FEFF}",
            "\u{3000}",
            "\u{00A0}",
            "\u{200D}\u{FE0F}",
            "\u{E0020}",
            "\u{1D159}",
            "\u{202E}",
            "\u{180E}",
            "\u{034F}",
            "\u{FFFC}",
            "\u{2028}",
            " \u{200B}\u{2800} ",
        ] {
            assert!(!can_be_seen(empty), "{empty:?}");
        }
        for seen in ["a", ".", "🏳️‍⚧️", "علی‌رضا", "\u{200B}a", "⠁", "ㄱ", "—", "\u{1680}x"]
        {
            assert!(can_be_seen(seen), "{seen:?}");
        }
    }

    #[test]
    fn joiners_stay_where_scripts_and_emoji_need_them() {
        for name in [
            "Ada",
            "🏳️‍⚧️ Sam",
            "علی‌رضا",
            "क्‍ष",
            "ක්‍රි",
            "👩‍👩‍👧 family",
            "👩🏽‍🚀",
            "❤️‍🔥",
            "1️⃣",
            "❤️ tea",
            "🏴󠁧󠁢󠁥󠁮󠁧󠁿 Jude",
            "葛\u{E0100}城",
            "Ada\u{200F}",
            "Zoe\u{308}",
            "José",
        ] {
            assert!(!hides_something(name), "{name:?}");
        }
        for name in [
            "Ad\u{200B}a",
            "Ada\u{200B}",
            "Ad\u{00AD}a",
            "A\u{200D}da",
            "A\u{200C}da",
            "علی\u{200C}",
            "Ada\u{FE0F}",
            "\u{FEFF}Ada",
            "Ada\u{2060}",
            "Ada\u{034F}",
            "Ada\u{3164}",
            "Ada\u{E0041}",
            "🏴\u{E0067}\u{E0062}",
            "❤\u{E0041}",
            "👩\u{200D}a",
            "👩\u{200D}",
            "A\u{E0100}",
            "a\u{180B}",
            "Ada\u{202E}",
        ] {
            assert!(hides_something(name), "{name:?}");
        }
    }
}
