//! Time-based codes as authenticator apps make them (RFC 6238): HMAC-SHA-1, six digits, steps of 30 seconds.
//!
//! Invariant: pure functions; the caller keeps track of used codes.

use hmac::{Hmac, Mac};
use parlour_protocol::time::{SECOND, Timestamp};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// Length of a time step, in microseconds.
pub const STEP: i64 = 30 * SECOND;
/// Length of a secret in bytes, as recommended by RFC 4226.
pub const SECRET: usize = 20;

/// The time step at a point in time.
pub fn step(now: Timestamp) -> i64 {
    now.0.div_euclid(STEP)
}

/// The code of a time step.
pub fn code(secret: &[u8], step: i64) -> String {
    let digest = Hmac::<Sha1>::new_from_slice(secret).map(|mac| {
        let digest = mac.chain_update(step.to_be_bytes()).finalize().into_bytes();
        let offset = usize::from(digest.last().copied().unwrap_or_default() & 15);
        digest.iter().skip(offset).take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
    });
    // HMAC takes keys of any length.
    format!("{:06}", (digest.unwrap_or_default() & 0x7fff_ffff) % 1_000_000)
}

/// The time step whose code was entered: the current one or one of its neighbours, for clocks that differ a little.
pub fn find_step(secret: &[u8], now: Timestamp, given: &str) -> Option<i64> {
    let now = step(now);
    // Always compares all three, so that the time doesn't depend on which one matches.
    let fits: Vec<i64> = [now - 1, now, now + 1]
        .into_iter()
        .filter(|step| code(secret, *step).as_bytes().ct_eq(given.as_bytes()).into())
        .collect();
    fits.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    /// The last six of the eight digits in RFC 6238, appendix B.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp(seconds * SECOND);
            assert_eq!(code(SECRET, step(now)), expected);
            assert_eq!(find_step(SECRET, now, expected), Some(step(now)));
        }
    }

    #[test]
    fn a_code_is_good_for_one_step_more_or_less() {
        let now = Timestamp(1_111_111_111 * SECOND);
        for (off, good) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let given = code(SECRET, step(now) + off);
            assert_eq!(find_step(SECRET, now, &given), good.then(|| step(now) + off), "{off}");
        }
        for bad in ["", "05047", "0504711", "٠٥٠٤٧١"] {
            assert_eq!(find_step(SECRET, now, bad), None);
        }
    }
}
