//! Attacks on real servers: `attack [name…|all] [--seconds N] [--settle N] [--backend sqlite|postgres|postgres+redis]`.
//! Prints one line of JSON per attack and back end and one of totals, and every broken bound on standard error; any
//! broken bound makes it fail. `cargo xtask attack` starts PostgreSQL, Redis and this program. Without a name it lists
//! the attacks.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::Backend;
use system_tests::attack::catalogue::{ATTACKS, Attack};
use system_tests::attack::report::backend_name;
use system_tests::attack::{Settings, run};

const BACKENDS: [Backend; 3] = [Backend::SqliteLocal, Backend::PostgresLocal, Backend::PostgresRedis];

fn main() -> ExitCode {
    let mut settings = Settings { attack: Duration::from_secs(10), settle: Duration::from_secs(30) };
    let mut backends = BACKENDS.to_vec();
    let mut wanted: Vec<&'static Attack> = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut seconds = || {
            let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
            Duration::from_secs(value.unwrap_or_else(|| panic!("{argument} needs a number")))
        };
        match argument.as_str() {
            "--seconds" => settings.attack = seconds(),
            "--settle" => settings.settle = seconds(),
            "--backend" => {
                let name = arguments.next().unwrap_or_default();
                backends.retain(|backend| backend_name(*backend) == name);
                assert!(!backends.is_empty(), "there is no back end {name:?}");
            }
            "all" => wanted.extend(ATTACKS),
            word => {
                let named: Vec<_> = ATTACKS.iter().filter(|attack| attack.is_named(word)).collect();
                if named.is_empty() {
                    eprintln!("there is no attack {word:?}.\n");
                    list();
                    return ExitCode::FAILURE;
                }
                wanted.extend(named);
            }
        }
    }
    if wanted.is_empty() {
        list();
        return ExitCode::SUCCESS;
    }
    raise_the_limit();
    let began = Instant::now();
    let (mut broken, mut runs) = (Vec::new(), 0);
    for attack in wanted {
        for backend in backends.iter().filter(|backend| backend.is_available()) {
            let report = run(attack, *backend, settings);
            runs += 1;
            println!("{}", report.values);
            if !report.faults.is_empty() {
                let name = format!("{} on {}", attack.name, backend_name(*backend));
                report.faults.iter().for_each(|fault| eprintln!("{name}: {fault}"));
                eprintln!("{}", report.last_words);
                broken.push(name);
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64().round();
    println!("{}", json!({"attack": "totals", "runs": runs, "seconds": seconds, "failed": broken}));
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn list() {
    ATTACKS.iter().for_each(|attack| println!("{:<18} {}", attack.name, attack.about));
}

/// Raises the limit on open files: attackers hold thousands of connections, and each needs a descriptor on their side.
fn raise_the_limit() {
    let own = std::process::id().to_string();
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let hard = limits.lines().find(|line| line.starts_with("Max open files"));
    if let Some(hard) = hard.and_then(|line| line.split_whitespace().nth(4)) {
        let raised =
            Command::new("prlimit").args(["--pid", &own, &format!("--nofile={hard}:{hard}")]).status();
        assert!(raised.is_ok_and(|status| status.success()), "the limit of open files cannot be raised");
    }
}
