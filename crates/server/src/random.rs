//! Randomness: the only place that draws ids and secrets, all from the operating system's generator.

/// Bytes that nobody can guess.
///
/// # Panics
/// When the operating system has no randomness: nothing safe can be done then.
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

/// Names one request in answers and in the log.
pub fn request_id() -> String {
    format!("{:016x}", u64::from_be_bytes(bytes()))
}
