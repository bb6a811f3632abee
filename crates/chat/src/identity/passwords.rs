//! Password hashes: argon2id as PHC strings.
//!
//! Invariant: hashing is slow on purpose; never call it on an async thread.

use std::borrow::Cow;
use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parlour_protocol::validation;
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;

/// The most common passwords of known breaches that are long enough to pass the other rules, in lower case and sorted.
/// Taken from zxcvbn's frequency list (MIT licence), plus runs of a single character and simple suffixes.
const COMMON: &str = include_str!("common_passwords.txt");

/// Checks a new password: long enough, not too long, and not one of the most common ones.
pub fn check(password: &str) -> Result<(), String> {
    let password = prepared(password);
    validation::password(&password)?;
    if is_common(&password) {
        return Err("This is one of the most common passwords. Choose another.".into());
    }
    Ok(())
}

/// The form in which a password is hashed (`OpaqueString` of RFC 8265): composed (NFC), with all kinds of spaces
/// replaced by plain ones. Keyboards and systems produce different characters for the same keys.
fn prepared(password: &str) -> Cow<'_, str> {
    if password.is_ascii() {
        return password.into();
    }
    let space = |one: char| {
        matches!(one, '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
    };
    password.chars().map(|one| if space(one) { ' ' } else { one }).nfc().collect()
}

/// The forms in which a password may have been hashed, the current one first. Earlier versions hashed it as it was
/// typed, which may be composed or decomposed.
fn forms(password: &str) -> Vec<Cow<'_, str>> {
    let mut forms = vec![prepared(password)];
    if !password.is_ascii() {
        for old in [Cow::Borrowed(password), password.nfd().collect()] {
            if !forms.contains(&old) {
                forms.push(old);
            }
        }
    }
    forms
}

/// Result of comparing a password with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password is wrong.
    Wrong,
    /// The password is right.
    Right,
    /// The password is right, but was hashed in an old form: hash it again.
    RightInOldForm,
}

impl Verdict {
    /// Whether the password is right.
    pub fn is_right(self) -> bool {
        self != Self::Wrong
    }
}

fn is_common(password: &str) -> bool {
    static SORTED: LazyLock<Vec<&str>> = LazyLock::new(|| COMMON.lines().collect());
    SORTED.binary_search(&password.to_lowercase().as_str()).is_ok()
}

/// Cost of hashing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl Default for Argon2Cost {
    /// The OWASP minimum for argon2id: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

impl Argon2Cost {
    /// Approximate time that hashing takes, in memory blocks filled.
    pub fn work(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.passes)
    }

    fn params(self) -> Result<Params, String> {
        Params::new(self.memory_kib, self.passes, 1, Some(OUTPUT)).map_err(|error| error.to_string())
    }
}

/// Length of a hash, in bytes.
const OUTPUT: usize = 32;

/// Working memory for hashing. It is large, so reuse it between hashes.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    fn of(&mut self, params: &Params) -> Result<&mut [Block], String> {
        let count = params.block_count();
        if self.0.len() < count {
            // Freed first, so that there are never two at once.
            self.0 = Vec::new();
            self.0.try_reserve_exact(count).map_err(|error| error.to_string())?;
            self.0.resize(count, Block::default());
        }
        self.0.get_mut(..count).ok_or_else(|| "no memory for hashing".to_owned())
    }

    /// Whether no memory is allocated.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Hashes a password with this salt.
pub fn hash(
    cost: Argon2Cost,
    password: &str,
    salt: &[u8; 16],
    memory: &mut Memory,
) -> Result<String, String> {
    let params = cost.params()?;
    let mut output = [0; OUTPUT];
    let blocks = memory.of(&params)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(prepared(password).as_bytes(), salt, &mut output, blocks)
        .map_err(|error| error.to_string())?;
    let encode = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
    let Argon2Cost { memory_kib, passes } = cost;
    Ok(format!("$argon2id$v=19$m={memory_kib},t={passes},p=1${}${}", encode(salt), encode(&output)))
}

/// Compares a password, in any of its forms, with a hash, at the cost stored in the hash.
pub fn verify(password: &str, hash: &str, memory: &mut Memory) -> Verdict {
    match forms(password).iter().position(|form| belongs(form, hash, memory)) {
        None => Verdict::Wrong,
        Some(0) => Verdict::Right,
        Some(_) => Verdict::RightInOldForm,
    }
}

fn belongs(password: &str, hash: &str, memory: &mut Memory) -> bool {
    let found = (|| {
        let parsed = PasswordHash::new(hash).ok()?;
        let params = Params::try_from(&parsed).ok()?;
        let algorithm = Algorithm::try_from(parsed.algorithm.as_str()).ok()?;
        let version = parsed.version.map_or(Ok(Version::V0x13), Version::try_from).ok()?;
        let (salt, expected) = (parsed.salt?, parsed.hash?);
        let mut output = vec![0; expected.as_bytes().len()];
        let blocks = memory.of(&params).ok()?;
        Argon2::new(algorithm, version, params)
            .hash_password_into_with_memory(password.as_bytes(), salt.as_ref(), &mut output, blocks)
            .ok()?;
        Some(bool::from(output.ct_eq(expected.as_bytes())))
    })();
    found == Some(true)
}

/// Approximate time that verifying a hash takes; see [`Argon2Cost::work`].
pub fn work_of(hash: &str) -> u64 {
    let params = PasswordHash::new(hash).ok().and_then(|parsed| Params::try_from(&parsed).ok());
    params.map_or(0, |params| u64::from(params.m_cost()) * u64::from(params.t_cost()))
}

/// Like [`verify`], but a wrong password takes about as long as `work`, whatever the hash, or without one. The time
/// therefore reveals neither whether the account exists nor how old its hash is.
pub fn verify_alike(
    cost: Argon2Cost,
    work: u64,
    password: &str,
    hash: Option<&str>,
    memory: &mut Memory,
) -> Verdict {
    let verdict = hash.map_or(Verdict::Wrong, |hash| verify(password, hash, memory));
    if verdict.is_right() {
        return verdict;
    }
    let tries = forms(password).len() as u64;
    let rest = work.saturating_sub(hash.map_or(0, work_of)).saturating_mul(tries);
    let memory_kib = u32::try_from(rest / u64::from(cost.passes.max(1))).unwrap_or(u32::MAX);
    if memory_kib >= 8 {
        let pretended = Argon2Cost { memory_kib, passes: cost.passes };
        let _ = self::hash(pretended, password, &[0; 16], memory);
    }
    Verdict::Wrong
}

/// Whether a hash was made with parameters other than the current ones, and should be replaced at the next log-in.
pub fn outdated(cost: Argon2Cost, hash: &str) -> bool {
    let wanted = format!("$argon2id$v=19$m={},t={},p=1$", cost.memory_kib, cost.passes);
    !hash.starts_with(&wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_passwords_are_refused_in_any_case() {
        assert!(COMMON.lines().is_sorted(), "they are searched by halves");
        for bad in ["password", "PassWord", "iloveyou", "12345678", "aaaaaaaaaa", "qwertyuiop"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        for good in ["correct horse", "tr0ub4dor&3x", "ÄÖÜäöüß€"] {
            assert!(check(good).is_ok(), "{good}");
        }
        assert!(check("1234567").is_err() && check(&"é".repeat(129)).is_err());
        assert!(check(&"é!".repeat(85)).is_ok(), "255 bytes");
    }

    #[test]
    fn any_password_has_one_form() {
        for text in crate::names::tests::random_texts() {
            let form = prepared(&text);
            assert_eq!(form, prepared(&text.nfc().collect::<String>()), "{text:?}");
            assert_eq!(form, prepared(&text.nfd().collect::<String>()), "{text:?}");
            assert_eq!(form, prepared(&form), "{text:?}");
            assert!(forms(&text).iter().any(|old| *old == text), "{text:?}");
        }
    }

    #[test]
    fn a_password_is_the_same_however_it_was_typed() {
        let (cheap, mut memory) = (Argon2Cost { memory_kib: 8, passes: 1 }, Memory::default());
        let same = ["Zoe\u{308} 1234", "Zo\u{EB} 1234", "Zo\u{EB}\u{A0}1234", "Zo\u{EB}\u{3000}1234"];
        for registered in same {
            let hash = hash(cheap, registered, &[7; 16], &mut memory).unwrap();
            for entered in same {
                assert!(verify(entered, &hash, &mut memory).is_right(), "{registered:?} {entered:?}");
            }
            for other in ["Zoe 1234", "ZOE\u{308} 1234", "Zo\u{EB}1234", "Zo\u{EB} 1234 "] {
                assert!(!verify(other, &hash, &mut memory).is_right(), "{registered:?} {other:?}");
            }
        }
        // Compatibility variants and case make a different password; RFC 8265 changes neither.
        assert_eq!(prepared("\u{FB01}sh \u{FF21}"), "\u{FB01}sh \u{FF21}");
    }

    #[test]
    fn hashes_of_what_was_typed_go_on_to_work() {
        let (cheap, mut memory) = (Argon2Cost { memory_kib: 8, passes: 1 }, Memory::default());
        let params = cheap.params().unwrap();
        let (composed, decomposed) =
            ("Zo\u{EB} \u{AC00}\u{1E69}1234", "Zoe\u{308} \u{1100}\u{1161}s\u{323}\u{307}1234");
        for typed in [composed, decomposed] {
            let mut output = [0; OUTPUT];
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
                .hash_password_into_with_memory(
                    typed.as_bytes(),
                    &[7; 16],
                    &mut output,
                    memory.of(&params).unwrap(),
                )
                .unwrap();
            let encode = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
            let old = format!("$argon2id$v=19$m=8,t=1,p=1${}${}", encode(&[7; 16]), encode(&output));
            let expected = if typed == composed { Verdict::Right } else { Verdict::RightInOldForm };
            for entered in [composed, decomposed] {
                assert_eq!(verify(entered, &old, &mut memory), expected, "{typed:?} {entered:?}");
                let alike = verify_alike(cheap, cheap.work(), entered, Some(&old), &mut memory);
                assert_eq!(alike, expected, "{typed:?} {entered:?}");
            }
            assert_eq!(verify("Zoe 1234", &old, &mut memory), Verdict::Wrong);
        }
        assert_eq!(forms("plain 1234").len(), 1, "most people pay for one");
    }

    #[test]
    fn no_byte_of_a_long_password_is_ignored() {
        let (cheap, mut memory) = (Argon2Cost { memory_kib: 8, passes: 1 }, Memory::default());
        let long = format!("{}a", "é".repeat(127));
        let hash = hash(cheap, &long, &[7; 16], &mut memory).unwrap();
        assert!(verify(&long, &hash, &mut memory).is_right());
        assert!(!verify(&format!("{}b", "é".repeat(127)), &hash, &mut memory).is_right());
        assert!(!verify(&"é".repeat(127), &hash, &mut memory).is_right());
    }

    #[test]
    fn hashes_verify_and_say_when_they_are_outdated() {
        let (cheap, mut memory) = (Argon2Cost { memory_kib: 8, passes: 1 }, Memory::default());
        let hash = hash(cheap, "correct horse", &[7; 16], &mut memory).unwrap();
        assert!(verify("correct horse", &hash, &mut memory).is_right());
        assert!(!verify("correct horsf", &hash, &mut memory).is_right());
        assert!(!verify("correct horse", "nonsense", &mut memory).is_right());
        assert!(!outdated(cheap, &hash));
        assert!(outdated(Argon2Cost::default(), &hash));
    }

    #[test]
    fn memory_that_was_used_before_changes_nothing() {
        let mut used = Memory::default();
        let large = Argon2Cost { memory_kib: 64, passes: 2 };
        hash(large, "something else", &[1; 16], &mut used).unwrap();
        let small = Argon2Cost { memory_kib: 16, passes: 3 };
        let fresh = hash(small, "correct horse", &[7; 16], &mut Memory::default()).unwrap();
        assert_eq!(hash(small, "correct horse", &[7; 16], &mut used).unwrap(), fresh);
        assert!(verify("correct horse", &fresh, &mut used).is_right());
        // Made by another implementation, with other parameters.
        let known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verify("password", known, &mut used).is_right());
        assert_eq!(work_of(known), 131_072);
    }

    #[test]
    fn whatever_is_stored_a_wrong_password_is_as_much_work() {
        let (today, mut memory) = (Argon2Cost { memory_kib: 64, passes: 2 }, Memory::default());
        let old = hash(Argon2Cost { memory_kib: 16, passes: 1 }, "right", &[7; 16], &mut memory).unwrap();
        assert!(verify_alike(today, today.work(), "right", Some(&old), &mut memory).is_right());
        assert!(!verify_alike(today, today.work(), "wrong", Some(&old), &mut memory).is_right());
        assert!(!verify_alike(today, today.work(), "wrong", None, &mut memory).is_right());
    }
}
