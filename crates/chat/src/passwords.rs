//! Password hashes: argon2id in PHC strings. Slow on purpose; never call this on an async thread.

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use parlour_protocol::validation;

/// The most common passwords of known breaches that are long enough to be allowed otherwise, in lower case and sorted.
/// From the frequency list of zxcvbn (MIT licence), with rows of one character and simple endings added.
const COMMON: &str = include_str!("common_passwords.txt");

/// Whether a new password may be used: long enough, not too long, and none of the most common ones.
pub fn check(password: &str) -> Result<(), String> {
    validation::password(password)?;
    if is_common(password) {
        return Err("This password is one of the most common ones. Choose another.".into());
    }
    Ok(())
}

fn is_common(password: &str) -> bool {
    static SORTED: LazyLock<Vec<&str>> = LazyLock::new(|| COMMON.lines().collect());
    SORTED.binary_search(&password.to_lowercase().as_str()).is_ok()
}

/// How hard hashing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hardness {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl Default for Hardness {
    /// The OWASP minimum for argon2id: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

fn hasher(hardness: Hardness) -> Result<Argon2<'static>, String> {
    let params =
        Params::new(hardness.memory_kib, hardness.passes, 1, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes a password with a random salt.
pub fn hash(hardness: Hardness, password: &str, salt: &[u8; 16]) -> Result<String, String> {
    hasher(hardness)?
        .hash_password_with_salt(password.as_bytes(), salt)
        .map(|hash: PasswordHash| hash.to_string())
        .map_err(|error| error.to_string())
}

/// Whether the password belongs to the hash, at the cost that is written in the hash.
pub fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
}

/// Whether the hash was made with other parameters than today's, and should be made anew at the next log-in.
pub fn outdated(hardness: Hardness, hash: &str) -> bool {
    let wanted = format!("$argon2id$v=19$m={},t={},p=1$", hardness.memory_kib, hardness.passes);
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
    fn no_byte_of_a_long_password_is_ignored() {
        let cheap = Hardness { memory_kib: 8, passes: 1 };
        let long = format!("{}a", "é".repeat(127));
        let hash = hash(cheap, &long, &[7; 16]).unwrap();
        assert!(verify(&long, &hash));
        assert!(!verify(&format!("{}b", "é".repeat(127)), &hash));
        assert!(!verify(&"é".repeat(127), &hash));
    }

    #[test]
    fn hashes_verify_and_say_when_they_are_outdated() {
        let cheap = Hardness { memory_kib: 8, passes: 1 };
        let hash = hash(cheap, "correct horse", &[7; 16]).unwrap();
        assert!(verify("correct horse", &hash));
        assert!(!verify("correct horsf", &hash));
        assert!(!verify("correct horse", "nonsense"));
        assert!(!outdated(cheap, &hash));
        assert!(outdated(Hardness::default(), &hash));
    }
}
