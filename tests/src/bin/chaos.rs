//! Faults on purpose: `chaos [scenario…] [--seed N] [--seconds N]`. Prints one line of JSON per scenario, and every
//! broken promise on standard error; any makes it fail. `cargo xtask chaos` starts PostgreSQL, Redis and this.

use std::process::ExitCode;
use std::time::Duration;

use system_tests::chaos::{Scenario, Settings, run};

/// So many broken promises of one run are printed: when something is wrong, the first ones tell what.
const PRINTED: usize = 20;

fn main() -> ExitCode {
    let mut settings = Settings { seed: 1, load: Duration::from_secs(20) };
    let mut wanted = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
            value.unwrap_or_else(|| panic!("{argument} needs a number"))
        };
        match argument.as_str() {
            "--seed" => settings.seed = number(),
            "--seconds" => settings.load = Duration::from_secs(number()),
            "all" => wanted.extend(Scenario::ALL),
            name => match Scenario::ALL.into_iter().find(|scenario| scenario.name() == name) {
                Some(scenario) => wanted.push(scenario),
                None => {
                    let names: Vec<&str> = Scenario::ALL.into_iter().map(Scenario::name).collect();
                    eprintln!("there is no scenario {name:?}; there are {}, and all", names.join(", "));
                    return ExitCode::FAILURE;
                }
            },
        }
    }
    if wanted.is_empty() {
        wanted.extend(Scenario::ALL);
    }
    let mut kept = true;
    for scenario in wanted {
        let report = run(scenario, settings);
        println!("{}", report.values);
        if !report.violations.is_empty() {
            kept = false;
            report.violations.iter().take(PRINTED).for_each(|violation| eprintln!("{violation}"));
            eprintln!("{}", report.last_words);
        }
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
