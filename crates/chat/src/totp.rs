//! Codes of the time after RFC 6238, as authenticator apps make them: HMAC-SHA-1, six digits, steps of 30 seconds.
//!
//! Invariant: pure; which codes were used is known to the caller.

use hmac::{Hmac, Mac};
use parlour_protocol::time::{SECOND, Timestamp};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// Length of a step.
pub const STEP: i64 = 30 * SECOND;
/// Bytes of a secret: as many as RFC 4226 recommends.
pub const SECRET: usize = 20;

/// The step of a moment.
pub fn step(now: Timestamp) -> i64 {
    now.0.div_euclid(STEP)
}

/// The code of a step.
pub fn code(secret: &[u8], step: i64) -> String {
    let digest = Hmac::<Sha1>::new_from_slice(secret).map(|mac| {
        let digest = mac.chain_update(step.to_be_bytes()).finalize().into_bytes();
        let offset = usize::from(digest.last().copied().unwrap_or_default() & 15);
        digest.iter().skip(offset).take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
    });
    // HMAC takes keys of any length.
    format!("{:06}", (digest.unwrap_or_default() & 0x7fff_ffff) % 1_000_000)
}

/// The step to which a code belongs: this one, or one of its neighbours for clocks that differ a little.
pub fn find_step(secret: &[u8], now: Timestamp, given: &str) -> Option<i64> {
    let now = step(now);
    // All three are looked at, whichever fits.
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

    /// The last six of the eight digits in appendix B of RFC 6238.
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
