//! How users without a picture are shown: initials on a gradient of two colours that are derived from their id.

use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::users::User;

use crate::texts::common;

/// Number of colours in the style sheet: twelve hues with light letters, and the same hues, pale, with dark letters.
const HUES: u64 = 24;

/// A user's colour, derived from the id alone, so that it is the same everywhere and forever.
fn hue(id: UserId) -> u64 {
    spread(id.0) % HUES
}

/// Number of distances around the colour wheel, in the style sheet, from the first colour to the second.
const TURNS: u64 = 6;

/// The CSS classes that colour a user's initials.
pub(crate) fn colours(id: UserId) -> String {
    format!("hue-{} turn-{}", hue(id), turn(id))
}

fn turn(id: UserId) -> u64 {
    spread(id.0) / HUES % TURNS
}

/// The hue of a room's icon.
pub(crate) fn room_hue(id: ConversationId) -> u64 {
    spread(id.0) % (HUES / 2)
}

/// Ids are random, but the low digits alone should not decide the modulus.
fn spread(id: i64) -> u64 {
    id.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32
}

/// One or two letters for a name.
pub(crate) fn initials(name: &str) -> String {
    let mut words =
        name.split_whitespace().filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    let letters: String = first.into_iter().chain(last).flat_map(char::to_uppercase).collect();
    if letters.is_empty() { "?".to_owned() } else { letters }
}

/// Two letters for a room: the first two of a name with one word.
pub(crate) fn sign(name: &str) -> String {
    let initials = initials(name);
    let mut letters = name.chars().filter(|letter| letter.is_alphanumeric());
    match (initials.chars().count(), letters.nth(1)) {
        (1, Some(second)) => initials + &second.to_lowercase().to_string(),
        _ => initials,
    }
}

/// A name as plain text, marked for bots: `weather (bot)`.
pub(crate) fn spoken(user: &User) -> String {
    if user.bot { common::bot_named(&user.display_name) } else { user.display_name.clone() }
}

/// Badges count up to this number.
pub(crate) const COUNTED: i64 = 99;

/// A number as badges show it: `99+` if it is larger.
pub(crate) fn capped(count: i64) -> String {
    if count > COUNTED { format!("{COUNTED}+") } else { count.to_string() }
}

/// A number with narrow no-break spaces between groups of three digits.
pub(crate) fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202F}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_letters_of_the_first_and_the_last_word() {
        for (name, letters) in
            [("Ada Lovelace", "AL"), ("ada", "A"), ("Jean von der Au", "JA"), ("(x) 9", "X9"), ("…", "?")]
        {
            assert_eq!(initials(name), letters);
        }
    }

    #[test]
    fn bots_are_named_as_such() {
        let user = |bot| User {
            id: UserId(7),
            handle: "weather".into(),
            display_name: "Weather".into(),
            avatar: None,
            bot,
        };
        assert_eq!(spoken(&user(false)), "Weather");
        assert_eq!(spoken(&user(true)), "Weather (bot)");
    }

    #[test]
    fn hues_are_spread() {
        let used: std::collections::BTreeSet<u64> = (1..200).map(|id| hue(UserId(id))).collect();
        assert_eq!(used.len() as u64, HUES);
    }

    #[test]
    fn people_in_a_room_look_different() {
        // Ids are random: here they come from a generator with a fixed seed.
        let mut random = fastrand::Rng::with_seed(1);
        let mut alike = 0;
        for _ in 0..100 {
            let mut used = std::collections::BTreeSet::new();
            for _ in 0..8 {
                alike += usize::from(!used.insert(colours(UserId(random.i64(0..)))));
            }
        }
        assert!(alike < 40, "{alike} of 800 people look like somebody else among eight");
    }

    #[test]
    fn rooms_are_told_apart_by_two_letters() {
        for (name, letters) in
            [("garden", "Ga"), ("general", "Ge"), ("Read a book", "RB"), ("x", "X"), ("…", "?")]
        {
            assert_eq!(sign(name), letters);
        }
    }

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(number(999), "999");
        assert_eq!(number(-1_284_231), "-1\u{202F}284\u{202F}231");
    }
}
