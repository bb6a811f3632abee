//! How people are shown without a picture: initials on one of twelve hues that their id decides.

use parlour_protocol::ids::UserId;

/// How many hues the stylesheet knows.
const HUES: u64 = 12;

/// The hue of a person, by the id alone, so that it is the same everywhere and for ever.
pub(crate) fn hue(id: UserId) -> u64 {
    // Ids are random, but their low digits alone are not worth trusting to the modulus.
    (id.0.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % HUES
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

/// A list of names as a sentence begins: `Ada`, `Ada and Bob`, `Ada, Bob and 3 others`.
pub(crate) fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} others", rest.len()),
    }
}

/// A number whose thousands are set apart by narrow spaces.
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

/// A number of things: `1 member`, `12 members`.
pub(crate) fn count(value: i64, thing: &str) -> String {
    format!("{} {thing}{}", number(value), if value == 1 { "" } else { "s" })
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
    fn hues_are_spread() {
        let used: std::collections::BTreeSet<u64> = (1..200).map(|id| hue(UserId(id))).collect();
        assert_eq!(used.len() as u64, HUES);
    }

    #[test]
    fn names_are_listed_shortly() {
        let names: Vec<String> = ["Ada", "Bob", "Cy", "Di"].map(String::from).to_vec();
        assert_eq!(list(&names[..1]), "Ada");
        assert_eq!(list(&names[..3]), "Ada, Bob and Cy");
        assert_eq!(list(&names), "Ada, Bob and 2 others");
    }

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(number(999), "999");
        assert_eq!(number(-1_284_231), "-1\u{202F}284\u{202F}231");
        assert_eq!(count(1, "member"), "1 member");
        assert_eq!(count(1_200, "member"), "1\u{202F}200 members");
    }
}
