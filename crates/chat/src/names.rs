//! Normalized forms in which names are stored and compared.
//!
//! Invariant: names that look the same have the same key, and a key depends only on the letters of the name, never on
//! how they were typed (composed or not, full-width or not, with invisible characters). If the way keys are made
//! changes, [`KEYS`] must change too, and the stored keys are rebuilt.

use std::collections::BTreeSet;

use parlour_protocol::characters::{is_blank, is_ignorable};
use parlour_storage::{Connection, conversations, server_state};
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

use crate::Refusal;

/// Version of the algorithm that made the stored keys.
const KEYS: &str = "1";
const KEYS_OF: &str = "room_name_keys";

/// The form in which a text is stored: composed (NFC) and trimmed; empty if it has no visible character.
pub fn kept(text: &str) -> String {
    if !parlour_protocol::characters::can_be_seen(text) {
        return String::new();
    }
    text.trim().nfc().collect()
}

/// The visible part of a name.
pub(crate) fn seen(name: &str) -> String {
    name.chars().filter(|one| !is_ignorable(*one)).collect()
}

/// The form in which room names are compared and searched: without case and compatibility variants (NFKC), without
/// invisible characters, and with letters of other alphabets replaced by the Latin ones they look like (the skeleton of
/// UTS 39, limited to Latin; ASCII stays as it is, since everyone can tell `modern` from `modem`).
pub fn room_key(name: &str) -> String {
    // First normalizes the whole text, then replaces letters: one may look like Latin in lower case or in upper case.
    let plain: String = seen(name).chars().map(|one| if is_blank(one) { ' ' } else { one }).nfkc().collect();
    let plain = lower(&upper(&plain));
    let latin = lower(&look_alikes(&upper(&look_alikes(&plain))));
    let words: Vec<&str> = latin.split_whitespace().collect();
    words.join(" ").nfc().collect()
}

fn upper(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).collect()
}

/// Letter by letter, so that a sigma is the same at every position.
fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

fn look_alikes(text: &str) -> String {
    text.chars().map(|one| latin(one).unwrap_or(one)).collect()
}

/// The ASCII letter or digit that a letter of a Latin-like alphabet looks like. Other scripts are left alone: their
/// letters resemble strokes and dots of ours, so different words would become equal.
fn latin(character: char) -> Option<char> {
    let alphabet = matches!(
        character,
        '\u{00C0}'..='\u{058F}'
            | '\u{10A0}'..='\u{10FF}'
            | '\u{13A0}'..='\u{13FF}'
            | '\u{1C80}'..='\u{1CBF}'
            | '\u{1D00}'..='\u{1DBF}'
            | '\u{1E00}'..='\u{1FFF}'
            | '\u{2C00}'..='\u{2DFF}'
            | '\u{A4D0}'..='\u{A4FF}'
            | '\u{A640}'..='\u{A69F}'
            | '\u{A720}'..='\u{A7FF}'
            | '\u{AB30}'..='\u{ABBF}'
    );
    if !alphabet {
        return None;
    }
    let mut buffer = [0; 4];
    let mut looks = skeleton(character.encode_utf8(&mut buffer));
    match (looks.next()?, looks.next()) {
        // Capital I and small l look the same; the case of the original letter decides.
        ('l', None) if character.is_uppercase() => Some('I'),
        (one, None) if one.is_ascii_alphanumeric() => Some(one),
        ('r', Some('n')) => Some('m'),
        _ => None,
    }
}

/// Rebuilds the keys of rooms stored with an earlier algorithm. If several rooms now look the same, the oldest gets the
/// new key, and the others keep their old one until they are renamed.
pub fn renew_keys(conn: &mut Connection) -> Result<usize, Refusal> {
    if server_state::find(conn, KEYS_OF)?.as_deref() == Some(KEYS) {
        return Ok(0);
    }
    let rooms = conversations::list_room_names(conn)?;
    let mut taken: BTreeSet<String> = rooms.iter().map(|room| room.name_key.clone()).collect();
    let mut changed = 0;
    for room in rooms {
        let (name, key) = (kept(&room.name), room_key(&room.name));
        let key = if taken.contains(&key) { room.name_key.clone() } else { key };
        // A name without visible characters stays, because the room has no other one.
        let name = if name.is_empty() { room.name.clone() } else { name };
        if (&name, &key) != (&room.name, &room.name_key) {
            conversations::update_name(conn, room.id, &name, &key)?;
            taken.remove(&room.name_key);
            taken.insert(key);
            changed += 1;
        }
    }
    server_state::find_or_insert(conn, KEYS_OF, KEYS)?;
    server_state::replace(conn, KEYS_OF, KEYS)?;
    Ok(changed)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Texts made of letters, combining marks in any order, full-width and compatibility forms, and invisible
    /// characters.
    pub(crate) fn random_texts() -> impl Iterator<Item = String> {
        const PARTS: &[char] = &[
            'a', 'E', 'n', 's', 'ſ', 'ß', 'İ', 'ı', 'é', 'Å', '\u{212B}', 'ﬁ', 'ｔ', '𝓪', 'о', 'Σ', 'ς', 'ǅ',
            'ά', '가', '\u{1100}', '\u{1161}', '\u{11A8}', '漢', 'ガ', 'ｶ', '\u{FF9E}', 'ر', '\u{301}',
            '\u{308}', '\u{323}', '\u{327}', '\u{345}', '\u{3099}', '\u{200B}', '\u{200D}', '\u{AD}',
            '\u{FE0F}', '❤', ' ', '\u{A0}', '\u{3000}', '1', '²',
        ];
        let mut state: u64 = 0x5EED;
        let mut next = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        (0..5_000).map(move |_| (0..=next(8)).map(|_| PARTS[next(PARTS.len())]).collect())
    }

    #[test]
    fn any_text_is_the_same_however_it_was_typed() {
        for text in random_texts() {
            let forms = [
                text.nfc().collect(),
                text.nfd().collect(),
                seen(&text),
                seen(&text.nfd().collect::<String>()),
            ];
            for form in &forms {
                assert_eq!(room_key(form), room_key(&text), "{text:?} {form:?}");
            }
            let [composed, decomposed, ..] = &forms;
            assert_eq!(kept(composed), kept(decomposed), "{text:?}");
            assert_eq!(kept(&kept(&text)), kept(&text), "{text:?}");
            assert_eq!(
                room_key(&kept(&text)),
                if kept(&text).is_empty() { String::new() } else { room_key(&text) },
                "{text:?}"
            );
        }
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        for (one, other) in [
            ("Café", "Cafe\u{301}"),
            ("tea", "tea\u{200B}"),
            ("tea", "t\u{00AD}ea"),
            ("tea", "TEA"),
            ("tea", "ｔｅａ"),
            ("tea", "t\u{0435}a"),
            ("tea", "т\u{0435}а"),
            ("TEA", "ТЕА"),
            ("tea", "𝓽𝓮𝓪"),
            ("tea time", " tea\u{00A0} \u{3000}time"),
            ("tea time", "tea\u{2800}time"),
            ("Straße", "STRASSE"),
            ("ΟΔΟΣ", "οδος"),
            ("ΟΔΟΣ", "οδοσ"),
            ("тест", "ТЕСТ"),
            ("paypal", "pаypаl"),
            ("TIP", "TІP"),
            ("❤ tea", "❤️ tea"),
            ("علی‌رضا", "علیرضا"),
            ("Ada", "Ada\u{200F}"),
            ("ﬁsh", "fish"),
            ("\u{212B}ngström", "ångström"),
        ] {
            assert_eq!(room_key(one), room_key(other), "{one} {other}");
        }
    }

    #[test]
    fn names_that_look_different_are_different() {
        for (one, other) in [
            ("Café", "Cafe"),
            ("modern", "modem"),
            ("room 1", "room l"),
            ("TIP", "tlp"),
            ("r00m", "room"),
            ("בן", "בו"),
            ("茶", "茶室"),
            ("чай", "час"),
            ("a b", "ab"),
        ] {
            assert_ne!(room_key(one), room_key(other), "{one} {other}");
        }
    }

    #[test]
    fn a_key_is_its_own_key() {
        for name in [
            "Café",
            "ТЕА",
            "Straße",
            "ΟΔΟΣ",
            "modern",
            "TІP",
            "علی‌رضا",
            "𝓽𝓮𝓪",
            "İstanbul",
            "ǅ",
            "ŉ",
            "ﬃ",
            "①",
        ] {
            let key = room_key(name);
            assert_eq!(room_key(&key), key, "{name}");
        }
    }

    #[test]
    fn what_is_kept_is_composed_and_bare() {
        assert_eq!(kept(" Cafe\u{301} "), "Café");
        assert_eq!(kept("\u{2800}\u{200B}"), "");
        assert_eq!(kept("🏳️‍⚧️ Sam"), "🏳️‍⚧️ Sam");
    }
}
