//! A short run of what `cargo xtask fuzz` does for longer.

use std::time::Duration;

#[test]
fn nonsense_is_refused_and_harms_nobody() {
    let tried = system_tests::fuzz::fuzz(1, Duration::from_secs(5));
    println!("nonsense: {tried:?}");
    assert!(tried.requests >= 50 && tried.frames >= 10 && tried.images >= 1, "{tried:?}");
}
