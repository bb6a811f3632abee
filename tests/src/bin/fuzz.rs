//! Random nonsense, for as long as requested: `fuzz [--seconds N] [--seed N]`. Prints one line of JSON; fails on
//! anything that must not happen. `cargo xtask fuzz` starts this program.

use std::time::Duration;

fn main() {
    let (mut seed, mut seconds) = (1, 60);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = arguments.next().and_then(|value| value.parse::<u64>().ok());
        let number = number.unwrap_or_else(|| panic!("{argument} needs a number"));
        match argument.as_str() {
            "--seed" => seed = number,
            "--seconds" => seconds = number,
            other => panic!("there is no {other}; there are --seed and --seconds"),
        }
    }
    let tried = system_tests::fuzz::fuzz(seed, Duration::from_secs(seconds));
    println!(
        "{{\"seed\":{seed},\"seconds\":{seconds},\"requests\":{},\"frames\":{},\"images\":{}}}",
        tried.requests, tried.frames, tried.images
    );
}
