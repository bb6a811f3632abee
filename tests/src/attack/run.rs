//! One attack on one back end, from the start of the servers to the verdict.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::task::LocalSet;

use super::catalogue::{Attack, Kind};
use super::innocents::{self, Seen};
use super::report::{self, Measured, Report, backend_name, judge};
use super::scene::{Phase, Scene};
use super::stage::{Stage, Usage};
use crate::Backend;

/// How long innocents run before they count.
const WARM_UP: Duration = Duration::from_secs(1);
/// Preparing an attack takes at most this long.
const SET_UP: Duration = Duration::from_secs(180);
/// Memory above idle at which an attack is cut short, in MiB: the machine has other work.
const ENOUGH: u64 = 1536;
/// Memory above idle, in MiB, and descriptors, that end the wait afterwards early: the bounds, less a little.
const BACK: (u64, usize) = (60, 60);
const SAMPLE: Duration = Duration::from_millis(50);

/// How attacks are run.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Duration of each attack.
    pub attack: Duration,
    /// How long memory and descriptors may take to come back.
    pub settle: Duration,
}

/// Runs one attack on one back end. A panic counts as a broken bound, too.
pub fn run(attack: &'static Attack, backend: Backend, settings: Settings) -> Report {
    let outcome = std::panic::catch_unwind(|| match attack.kind {
        Kind::Flood { own, from, confirms, flood } => {
            let stage = Arc::new(Stage::start(backend, own));
            let crowd = Crowd { from, confirms, flood };
            beside_innocents(attack.name, &stage, &crowd, settings)
        }
        Kind::Probe(probe) => {
            let began = Instant::now();
            let mut findings = probe(backend, settings);
            let line = json!({
                "attack": attack.name, "backend": backend_name(backend),
                "seconds": (began.elapsed().as_secs_f64() * 10.0).round() / 10.0,
                "own": findings.values, "failed": findings.faults,
            });
            let last_words = std::mem::take(&mut findings.last_words);
            Report { values: line, faults: findings.faults, last_words }
        }
    });
    outcome.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let fault = format!("it could not be run: {}", said.unwrap_or_default());
        let line = json!({"attack": attack.name, "backend": backend_name(backend), "failed": [fault]});
        Report { values: line, faults: vec![fault], last_words: String::new() }
    })
}

struct Crowd {
    from: super::scene::From,
    confirms: bool,
    flood: super::catalogue::Flood,
}

fn beside_innocents(name: &str, stage: &Arc<Stage>, crowd: &Crowd, settings: Settings) -> Report {
    let fresh = stage.usage();
    let (phase, phases) = watch::channel(Phase::SetUp);
    let (told, tell) = sync_channel(1);
    let addresses = stage.addresses.clone();
    let (confirms, watching) = (crowd.confirms, phases.clone());
    let innocents = std::thread::spawn(move || innocents::live(addresses, confirms, watching, told));
    let Ok(scenery) = tell.recv_timeout(SET_UP) else {
        drop(phase);
        std::panic::resume_unwind(innocents.join().expect_err("innocents who prepared nothing"));
    };
    let (ready, readiness) = sync_channel(1);
    let (from, flood, addresses) = (crowd.from, crowd.flood, stage.addresses.clone());
    let seconds = settings.attack.as_secs();
    let attackers = std::thread::spawn(move || {
        step_back();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let scene = Scene::new(addresses, scenery, seconds, from, phases, ready);
        LocalSet::new().block_on(&runtime, flood(scene.clone()));
        (scene.values.take(), scene.faults.take())
    });
    let prepared = readiness.recv_timeout(SET_UP).is_ok();
    if !prepared && attackers.is_finished() {
        phase.send_replace(Phase::After);
        let _seen = innocents.join();
        std::panic::resume_unwind(attackers.join().expect_err("attackers who prepared nothing"));
    }
    std::thread::sleep(WARM_UP);
    phase.send_replace(Phase::Calm);
    // As long as the attack: the slowest of a hundred is only comparable among equally many.
    std::thread::sleep(settings.attack);

    let mut measured = Measured { fresh, idle: stage.usage(), peak: stage.usage(), ..Measured::default() };
    stage.reset_peak();
    let (began, log) = (Instant::now(), stage.log_bytes());
    phase.send_replace(Phase::Attack);
    measure(stage, &mut measured, settings.attack);
    measured.seconds = began.elapsed().as_secs_f64();
    phase.send_replace(Phase::After);
    measured.log_bytes = stage.log_bytes() - log;
    // The innocents wait for what is in flight, as long as their patience allows; what is used is watched in the meantime.
    let (own, mut faults) = attackers.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    settle(stage, &mut measured, settings.settle);
    let seen = innocents.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    finish((name, stage), &measured, &seen, own, &mut faults)
}

fn finish(
    (name, stage): (&str, &Stage),
    measured: &Measured,
    seen: &Seen,
    own: Map<String, Value>,
    faults: &mut Vec<String>,
) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let alive = runtime.block_on(stage.is_alive());
    let mut all = judge(measured, seen, alive);
    all.append(faults);
    let values = report::line((name, stage.backend), measured, seen, own, &all);
    let last_words = if all.is_empty() { String::new() } else { stage.last_words() };
    Report { values, faults: all, last_words }
}

/// Watches what the servers use for a time, or until it is more than the machine can spare.
fn measure(stage: &Stage, measured: &mut Measured, time: Duration) {
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        let Usage { mib, peak_mib, descriptors } = stage.usage();
        let peak = &mut measured.peak;
        peak.mib = peak.mib.max(mib);
        // Where the kernel does not reset its own peak, that peak includes the start.
        peak.peak_mib = peak.mib.max(peak_mib);
        peak.descriptors = peak.descriptors.max(descriptors);
        if mib > measured.idle.mib + ENOUGH {
            measured.cut_short = true;
            return;
        }
        std::thread::sleep(SAMPLE);
    }
}

/// Waits until memory and descriptors are back, for at most `time`.
fn settle(stage: &Stage, measured: &mut Measured, time: Duration) {
    let began = Instant::now();
    loop {
        measured.after = stage.usage();
        measured.settled = began.elapsed().as_secs_f64();
        let (after, idle) = (&measured.after, &measured.idle);
        let are_back = after.mib <= idle.mib + BACK.0 && after.descriptors <= idle.descriptors + BACK.1;
        if are_back || began.elapsed() >= time {
            return;
        }
        std::thread::sleep(SAMPLE * 4);
    }
}

/// Attackers share their core with the innocents, whose clocks must not wait: this thread runs at idle priority.
fn step_back() {
    let thread = std::fs::read_link("/proc/thread-self").unwrap_or_default();
    if let Some(id) = thread.file_name().and_then(|id| id.to_str()) {
        let _without = std::process::Command::new("chrt").args(["--idle", "--pid", "0", id]).output();
    }
}
