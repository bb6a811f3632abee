//! Randomness.
//!
//! Invariant: all ids and secrets are drawn here, from the operating system's generator.

use std::cell::Cell;

/// Unguessable random bytes.
///
/// # Panics
/// If the operating system provides no randomness: nothing can be done safely then.
#[expect(clippy::expect_used, reason = "without randomness nothing safe can be done")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A positive 63-bit id.
pub fn id() -> i64 {
    loop {
        let id = i64::from_be_bytes(bytes()) & i64::MAX;
        if id != 0 {
            return id;
        }
    }
}

/// A new id for a request, used in responses and in the log. It gives access to nothing, so only the first one of a
/// thread is drawn; the others follow it in steps that visit every number before they repeat.
pub fn request_id() -> String {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    thread_local! {
        static LAST: Cell<u64> = Cell::new(u64::from_be_bytes(bytes()));
    }
    format!("{:016x}", LAST.replace(LAST.get().wrapping_add(STEP)))
}
