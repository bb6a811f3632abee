//! Randomness.
//!
//! Invariant: all ids and secrets are drawn here, from the operating system's generator.

use std::cell::RefCell;

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

/// A new id for a request, used in responses and in the log. Each thread draws some at once, because every request needs
/// one.
pub fn request_id() -> String {
    /// Ids drawn at once.
    const AT_ONCE: usize = 32;
    thread_local! {
        static DRAWN: RefCell<Vec<[u8; 8]>> = const { RefCell::new(Vec::new()) };
    }
    let id = DRAWN.with_borrow_mut(|drawn| {
        if drawn.is_empty() {
            drawn.extend_from_slice(bytes::<{ 8 * AT_ONCE }>().as_chunks().0);
        }
        drawn.pop()
    });
    format!("{:016x}", u64::from_be_bytes(id.unwrap_or_else(bytes)))
}
