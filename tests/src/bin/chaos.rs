//! Fault injection: `chaos [scenario…|all] [--seed N] [--seconds N]`. Prints one line of JSON per scenario and one of
//! totals, and every broken promise on standard error; any broken promise makes it fail. `cargo xtask chaos` starts
//! PostgreSQL, Redis and this program.
//!
//! Invariant: `--seconds` is divided among the scenarios that have load. Those that wait for a one-minute time-out run
//! beside them.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use system_tests::chaos::report::totals;
use system_tests::chaos::{Report, Scenario, Settings, run};

/// At most this many broken promises of one run are printed: if something is wrong, the first ones tell what.
const PRINTED: usize = 20;
/// Default for all scenarios together, in seconds.
const SECONDS: u64 = 120;
/// A scenario with less time would hardly see a single fault.
const LEAST: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let (mut seed, mut seconds) = (1, SECONDS);
    let mut wanted = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
            value.unwrap_or_else(|| panic!("{argument} needs a number"))
        };
        match argument.as_str() {
            "--seed" => seed = number(),
            "--seconds" => seconds = number(),
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
    let (patient, loaded): (Vec<Scenario>, Vec<Scenario>) =
        wanted.into_iter().partition(|scenario| scenario.is_patient());
    let share = Duration::from_secs(seconds) / u32::try_from(loaded.len().max(1)).unwrap_or(1);
    let settings = Settings { seed, load: share.max(LEAST), slack: 1 };

    let began = Instant::now();
    let waiting: Vec<_> =
        patient.into_iter().map(|scenario| std::thread::spawn(move || run(scenario, settings))).collect();
    let (mut values, mut broken) = (Vec::new(), 0);
    let mut tell = |report: Report| {
        println!("{}", report.values);
        if !report.violations.is_empty() {
            broken += report.violations.len();
            report.violations.iter().take(PRINTED).for_each(|violation| eprintln!("{violation}"));
            eprintln!("{}", report.last_words);
        }
        values.push(report.values);
    };
    loaded.into_iter().for_each(|scenario| tell(run(scenario, settings)));
    for report in waiting {
        tell(report.join().expect("scenarios do not panic"));
    }
    println!("{}", totals(&values, broken, began.elapsed().as_secs_f64()));
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
