//! `cargo xtask fuzz`: random input against a server of the debug build, in one process on SQLite; and libFuzzer,
//! guided by code coverage, on the functions that parse untrusted input.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{
    client, commands,
    interrupt::Interrupt,
    prerequisites::{self, OpenSsl},
    steps::Steps,
    tests,
    workspace::Workspace,
};

/// The package of the fuzz targets. Only this command builds it.
pub const PACKAGE: &str = "fuzz-targets";
/// The targets, as in the package's manifest, and the longest input worth trying, in bytes.
const TARGETS: [(&str, u32); 6] = [
    ("socket", 4096),
    ("frames", 1024),
    ("bodies", 4096),
    ("pictures", 65_536),
    ("tokens", 1024),
    ("forwarded", 512),
];
/// The compiler flags of `cargo fuzz`: counters at every branch, and traced comparisons. Stable compilers accept them.
const COVERAGE: [&str; 6] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// Total running time in seconds, unless given.
const SECONDS: u64 = 60;

/// Builds both and runs each for half of the time.
pub fn fuzz(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let (seconds, seed) = parse(arguments)?;
    let interrupt = Interrupt::listen()?;
    let openssl = prerequisites::for_the_server()?;
    let dist = client::build(workspace, steps)?;
    steps.step("build the server and the nonsense", || {
        // Building a test along with the binaries gives dependencies the same features as in tests.
        interrupt.run(tests::cargo(workspace, "build", openssl, &dist).args(["--bins", "--test", "security"]))
    })?;
    let half = (seconds / 2).max(1).to_string();
    let mut command = Command::new(workspace.target.join("debug/fuzz"));
    command.args(["--seconds", &half, "--seed", &seed.to_string()]);
    steps.step("try nonsense", || interrupt.run(&mut command))?;
    guided(workspace, steps, &interrupt, openssl, (seconds / 2, seed))
}

fn parse(arguments: &[String]) -> Result<(u64, u64)> {
    let (mut seconds, mut seed) = (SECONDS, 1);
    for pair in arguments.chunks(2) {
        let number = pair.get(1).and_then(|text| text.parse().ok());
        let number = number.with_context(|| format!("{} needs a number", pair[0]))?;
        match pair[0].as_str() {
            "--seconds" => seconds = number,
            "--seed" => seed = number,
            other => bail!("there is no {other}; there are --seconds and --seed"),
        }
    }
    Ok((seconds, seed))
}

fn guided(
    workspace: &Workspace,
    steps: &mut Steps,
    interrupt: &Interrupt,
    openssl: OpenSsl,
    (seconds, seed): (u64, u64),
) -> Result<()> {
    let directory = workspace.target.join("guided");
    let host = host(workspace)?;
    steps.step("build the targets of libFuzzer", || {
        let mut build = commands::cargo(workspace);
        build.args(["build", "--locked", "--package", PACKAGE, "--bins"]);
        // With an explicit target, build scripts and macros are compiled without counters.
        build.args(["--target", &host, "--target-dir"]).arg(&directory).args(openssl.cargo_arguments());
        // Light optimization is fast enough, and overflow checks stay on.
        build.args(["--config", "profile.dev.opt-level=1"]);
        interrupt.run(build.env("RUSTFLAGS", COVERAGE.join(" ")))
    })?;
    let share = Duration::from_secs((seconds / TARGETS.len() as u64).max(1));
    for (target, longest) in TARGETS {
        steps.step(&format!("guided nonsense: {target}"), || {
            let program = directory.join(&host).join("debug").join(target);
            interrupt.run(&mut guided_by(&program, &directory, target, longest, share, seed)?)
        })?;
    }
    Ok(())
}

fn guided_by(
    program: &Path,
    directory: &Path,
    target: &str,
    longest: u32,
    share: Duration,
    seed: u64,
) -> Result<Command> {
    // The next run starts from the inputs that reached new code in earlier ones.
    let corpus = directory.join("corpus").join(target);
    std::fs::create_dir_all(&corpus)?;
    let mut command = Command::new(program);
    command.arg(&corpus).args([
        format!("-max_total_time={}", share.as_secs()),
        format!("-seed={seed}"),
        format!("-max_len={longest}"),
        format!("-artifact_prefix={}/{target}-", directory.display()),
        "-timeout=10".to_owned(),
        "-rss_limit_mb=2048".to_owned(),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
    ]);
    Ok(command)
}

/// The host target of the compiler.
fn host(workspace: &Workspace) -> Result<String> {
    let told = commands::output(commands::cargo_tool(workspace, "rustc").arg("-vV"))?;
    let told = String::from_utf8(told)?;
    let line = told.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).context("rustc does not say what it builds for")
}
