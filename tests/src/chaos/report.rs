//! The result of a scenario: measured values for people and programs, and broken promises.

use std::time::Duration;

use serde_json::{Value, json};

use super::checker::{Attempt, Outcome, Recording, Violation};
use super::clients::Seen;

/// What came out.
pub struct Report {
    /// Measured values.
    pub values: Value,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// The last lines of the nodes' logs.
    pub last_words: String,
}

/// How long things took, in milliseconds.
#[derive(Default)]
pub struct Times {
    /// From the end of a staying reader's connection until the next one was up.
    pub resumes: Vec<u64>,
    /// From the acknowledgement until a staying reader had applied the event.
    pub deliveries: Vec<u64>,
}

/// A duration in whole milliseconds.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Times {
    /// Adds what a staying reader has measured.
    pub fn add(&mut self, seen: &Seen, attempts: &[Attempt]) {
        self.resumes.extend(seen.outages.iter().copied().map(millis));
        for attempt in attempts {
            let Outcome::Acknowledged(seq) = attempt.outcome else { continue };
            let Some(applied) = seen.applied.get(&attempt.conversation) else { continue };
            if let Some((at, _)) = usize::try_from(seq - 1).ok().and_then(|index| applied.get(index)) {
                self.deliveries.push(millis(at.saturating_sub(attempt.ended)));
            }
        }
    }
}

/// The time that `percent` percent of the times do not exceed.
pub fn percentile(times: &[u64], percent: usize) -> Option<u64> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied()
}

/// What every scenario reports about its recording and times.
pub fn measured(recording: &Recording, times: &Times) -> Value {
    let count =
        |is: fn(&Outcome) -> bool| recording.attempts.iter().filter(|attempt| is(&attempt.outcome)).count();
    let read = recording.readings.iter().map(|reading| reading.events.len()).sum::<usize>();
    let visited = recording.visits.iter().map(|visit| visit.events.len()).sum::<usize>();
    json!({
        "sends": recording.attempts.len(),
        "acked": count(|outcome| matches!(outcome, Outcome::Acknowledged(_))),
        "unknown": count(|outcome| matches!(outcome, Outcome::Unknown(_))),
        "refused": count(|outcome| matches!(outcome, Outcome::Refused(_))),
        "changes": recording.mutations.len(),
        "delivered": read + visited,
        "resumes": times.resumes.len(),
        "resume_p50_ms": percentile(&times.resumes, 50),
        "resume_p99_ms": percentile(&times.resumes, 99),
        "delivery_p50_ms": percentile(&times.deliveries, 50),
        "delivery_p99_ms": percentile(&times.deliveries, 99),
        "delivery_max_ms": percentile(&times.deliveries, 100),
    })
}

/// The totals of several scenarios, as one line.
pub fn totals(reports: &[Value], violations: usize, seconds: f64) -> Value {
    let sum = |name: &str| reports.iter().filter_map(|report| report[name].as_u64()).sum::<u64>();
    let most = |name: &str| reports.iter().filter_map(|report| report[name].as_u64()).max();
    let faults = reports.iter().filter_map(|report| report["faults"].as_array().map(Vec::len)).sum::<usize>();
    json!({
        "scenario": "totals",
        "scenarios": reports.iter().filter(|report| report["skipped"].is_null()).count(),
        "skipped": reports.iter().filter(|report| !report["skipped"].is_null()).count(),
        "sends": sum("sends"),
        "acked": sum("acked"),
        "unknown": sum("unknown"),
        "changes": sum("changes"),
        "delivered": sum("delivered"),
        "faults": faults,
        "meddled": sum("meddled"),
        "resumes": sum("resumes"),
        "worst_resume_p99_ms": most("resume_p99_ms"),
        "wall_seconds": seconds.round(),
        "violations": violations,
    })
}
