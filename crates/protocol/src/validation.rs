//! Rules for the values of fields. The server enforces them; clients check them before sending.
//!
//! Invariant: a rule returns its error as a sentence for people, and both sides use the same one.

use crate::characters;
use crate::limits;
use crate::problems::Violation;

/// Collects the violations of one request.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Adds a violation of this field if the rule failed.
    pub fn check(mut self, field: &str, outcome: Result<(), String>) -> Self {
        if let Err(message) = outcome {
            self.0.push(Violation { field: field.to_owned(), message });
        }
        self
    }

    /// Like [`Self::check`], for a field that may be absent.
    pub fn check_opt<T>(self, field: &str, value: Option<T>, rule: impl Fn(T) -> Result<(), String>) -> Self {
        match value {
            Some(value) => self.check(field, rule(value)),
            None => self,
        }
    }

    /// `Ok` if there are no violations, otherwise the list of them.
    pub fn finish(self) -> Result<(), Vec<Violation>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}

/// A handle: 3 to 24 of `a-z A-Z 0-9 _`, starting with a letter, so that it can never look like an id.
pub fn handle(text: &str) -> Result<(), String> {
    let (min, max) = limits::HANDLE;
    let mut bytes = text.bytes();
    let ok = (min..=max).contains(&text.len())
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if ok {
        Ok(())
    } else {
        Err(format!("Use {min} to {max} letters, digits or underscores, starting with a letter."))
    }
}

/// The form in which handles and room names are compared: trimmed and in lower case.
pub fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Error message that says by how much a value is too long.
fn too_long(count: usize, most: usize, unit: &str) -> String {
    let over = count.saturating_sub(most);
    let many = if over == 1 { "" } else { "s" };
    format!("Too long by {} {unit}{many} (limit {}).", grouped(over), grouped(most))
}

/// A number with a comma before every three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn length(text: &str, min: usize, max: usize) -> Result<(), String> {
    let count = text.chars().count();
    if count < min {
        return Err(if min == 1 {
            "This can't be empty.".into()
        } else {
            format!("Use at least {min} characters.")
        });
    }
    if count > max {
        return Err(too_long(count, max, "character"));
    }
    Ok(())
}

/// Control characters, and others that could reorder or hide the text around them.
fn deceptive(character: char) -> bool {
    (character.is_control() && character != '\n' && character != '\t')
        || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

fn single_line(text: &str, min: usize, max: usize) -> Result<(), String> {
    length(text.trim(), min, max)?;
    let breaks = |character| matches!(character, '\n' | '\t' | '\u{2028}' | '\u{2029}');
    if text.chars().any(|character| breaks(character) || deceptive(character)) {
        return Err("Control characters aren't allowed.".into());
    }
    Ok(())
}

/// A name: on one line, with visible characters, and without hidden ones.
fn name(text: &str, min: usize, max: usize) -> Result<(), String> {
    let seen = text.chars().filter(|character| characters::is_seen(*character)).count();
    if seen == 0 {
        return Err("This can't be empty.".into());
    }
    if seen < min {
        return Err(format!("Use at least {min} characters."));
    }
    single_line(text, 1, max)?;
    if text.trim().starts_with(characters::is_mark) {
        return Err("Start with a letter, a digit or a symbol.".into());
    }
    if characters::hides_something(text) {
        return Err("Invisible characters aren't allowed.".into());
    }
    Ok(())
}

/// A display name: 1 to 40 visible characters on one line.
pub fn display_name(text: &str) -> Result<(), String> {
    name(text, 1, limits::DISPLAY_NAME)
}

/// A bio: at most 300 characters.
pub fn bio(text: &str) -> Result<(), String> {
    length(text, 0, limits::BIO)?;
    if text.chars().any(deceptive) { Err("Control characters aren't allowed.".into()) } else { Ok(()) }
}

/// A new password: at least 8 characters, at most 256 bytes. The server also refuses the most common passwords.
pub fn password(text: &str) -> Result<(), String> {
    let (min, max) = limits::PASSWORD;
    if text.chars().count() < min {
        return Err(format!("Use at least {min} characters."));
    }
    if text.len() > max {
        return Err(too_long(text.len(), max, "byte"));
    }
    Ok(())
}

/// An email address, as far as a form can check it. The server checks more, and only a delivered mail confirms it.
pub fn email(text: &str) -> Result<(), String> {
    let (most, most_before) = limits::EMAIL;
    let text = text.trim();
    if text.len() > most {
        return Err(too_long(text.len(), most, "byte"));
    }
    let odd = |one: char| {
        one.is_whitespace() || one.is_control() || deceptive(one) || "<>()[]\\,;:\"".contains(one)
    };
    let good = text.rsplit_once('@').is_some_and(|(before, domain)| {
        !before.is_empty() && before.len() <= most_before && !before.contains('@') && !domain.is_empty()
    });
    if good && !text.contains(odd) { Ok(()) } else { Err("Enter a valid email address.".into()) }
}

/// A room name: 2 to 40 visible characters on one line.
pub fn room_name(text: &str) -> Result<(), String> {
    name(text, limits::ROOM_NAME.0, limits::ROOM_NAME.1)
}

/// A room topic: at most 200 characters on one line.
pub fn topic(text: &str) -> Result<(), String> {
    single_line(text, 0, limits::TOPIC)
}

/// A message: 1 to 4000 characters, at least one of them visible.
pub fn message(text: &str) -> Result<(), String> {
    if !characters::can_be_seen(text) {
        return Err("This can't be empty.".into());
    }
    length(text, 1, limits::MESSAGE)?;
    if text.contains('\0') { Err("NUL characters aren't allowed.".into()) } else { Ok(()) }
}

/// A client id: 8 to 64 of `a-z A-Z 0-9 - _`. Make it random: it identifies the message permanently.
pub fn cid(text: &str) -> Result<(), String> {
    let ok = (8..=limits::CID).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if ok { Ok(()) } else { Err(format!("Use 8 to {} letters, digits, - or _.", limits::CID)) }
}

/// The name of a device: at most 80 characters on one line.
pub fn device(text: &str) -> Result<(), String> {
    single_line(text, 0, limits::DEVICE)
}

/// The name of a passkey: 1 to 40 characters on one line.
pub fn passkey_name(text: &str) -> Result<(), String> {
    name(text, 1, limits::PASSKEY_NAME)
}

/// The name of a token: 1 to 40 characters on one line.
pub fn token_name(text: &str) -> Result<(), String> {
    name(text, 1, limits::TOKEN_NAME)
}

/// An invite code: at most 64 ASCII characters.
pub fn invite(text: &str) -> Result<(), String> {
    if text.len() <= limits::INVITE_CODE && text.is_ascii() {
        Ok(())
    } else {
        Err("That invite code isn't valid.".into())
    }
}

/// A search text: at most 60 characters on one line.
pub fn search(text: &str) -> Result<(), String> {
    single_line(text, 0, limits::SEARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_says_by_how_much() {
        assert_eq!(message(&"x".repeat(4100)).unwrap_err(), "Too long by 100 characters (limit 4,000).");
        assert_eq!(topic(&"x".repeat(201)).unwrap_err(), "Too long by 1 character (limit 200).");
    }

    #[test]
    fn handles_never_look_like_ids() {
        for good in ["ada", "Ada_L", "a23"] {
            assert!(handle(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", "123", "1ab", "_ab", "ada!", "a b", "ädä", "abcdefghijklmnopqrstuvwxy"] {
            assert!(handle(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_cannot_hide_or_reorder_text() {
        for good in ["Ada Lovelace", "🏳️‍⚧️ Sam", "علی‌رضا", "Ada\u{200F}", "李"] {
            assert!(display_name(good).is_ok(), "{good}");
        }
        let empty = ["", "  ", "\u{200B}", "\u{2800}", "\u{3164}"];
        let hiding =
            ["a\u{202E}b", "a\nb", "a\u{0}b", "a\u{2028}b", "Ad\u{200B}a", "Ad\u{AD}a", "\u{301}Ada"];
        for bad in empty.into_iter().chain(hiding) {
            assert!(display_name(bad).is_err(), "{bad:?}");
            assert!(room_name(&format!("{bad}{bad}")).is_err(), "{bad:?}");
            assert!(passkey_name(bad).is_err(), "{bad:?}");
        }
        assert!(room_name("a\u{200F}").is_err(), "two characters that are seen");
    }

    #[test]
    fn a_message_is_seen() {
        for bad in ["", " \n", "\u{200B}", "\u{2800}\n", "\u{3164}", "\u{FE0F}", "a\0"] {
            assert!(message(bad).is_err(), "{bad:?}");
        }
        for good in ["  a", "\u{200B}a", "👍", "a\u{202E}b"] {
            assert!(message(good).is_ok(), "{good:?}");
        }
    }
}
