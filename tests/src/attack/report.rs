//! What an attack did: measured values as one line of JSON, and the bounds that it broke.

use serde_json::{Map, Value, json};

use super::innocents::{Seen, Tally};
use super::stage::Usage;
use crate::Backend;

/// Memory above idle that an attack may cost while it lasts, in MiB.
const PEAK: u64 = 256;
/// Memory above idle that may remain after it, in MiB.
const LEFT: u64 = 64;
/// Open descriptors above idle that may remain after it: connections whose clients have gone must be closed.
const LEFT_OPEN: usize = 64;
/// Memory that a dozen people who register, log in and chat may cost, in MiB: two hashes at a time and what is kept of
/// them. Otherwise the memory of hashing would be hidden in the idle value.
const PEOPLE: u64 = 128;
/// Bytes of log that an attack may cause: a fixed amount, and then a number per second, which is 350 MB a day.
const LOG: (u64, u64) = (64 * 1024, 4 * 1024);
/// The slowest of a hundred deliveries may take this many times its calm value.
const SLOWER: f64 = 3.0;
/// The calm value counts as at least this many milliseconds: timers are up to two late, a durable commit waits for the
/// disk, and a log-in takes a core for tens of them. Three times less than this would measure the machine.
const FLOOR: f64 = 10.0;

/// The result of an attack.
#[derive(Debug, Clone)]
pub struct Report {
    /// Measured values.
    pub values: Value,
    /// Bounds that were broken.
    pub faults: Vec<String>,
    /// The last lines of the nodes' logs, if a bound was broken.
    pub last_words: String,
}

/// What the processes used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured {
    /// Right after the start.
    pub fresh: Usage,
    /// Before the attack, with the innocents there.
    pub idle: Usage,
    /// The maximum of each value during the attack.
    pub peak: Usage,
    /// When memory and descriptors were back, or at the end of the time allowed for it.
    pub after: Usage,
    /// Duration of the attack in seconds.
    pub seconds: f64,
    /// Seconds after it until they were back.
    pub settled: f64,
    /// Whether the attack was ended early, before the machine ran out of memory.
    pub cut_short: bool,
    /// Bytes of log written during the attack.
    pub log_bytes: u64,
}

/// A percentile in milliseconds.
pub fn percentile(micros: &[u64], share: f64) -> f64 {
    let mut sorted = micros.to_vec();
    sorted.sort_unstable();
    let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(0.0, |micros| *micros as f64 / 1000.0)
}

fn sum(tally: &Tally, which: impl Fn(&str) -> bool) -> (u64, u64) {
    let of = |counts: &std::collections::BTreeMap<&'static str, u64>| {
        counts.iter().filter(|(kind, _)| which(kind)).map(|(_, count)| count).sum()
    };
    (of(&tally.tried), of(&tally.refused))
}

/// Compares what was measured with the bounds of every attack.
pub fn judge(measured: &Measured, seen: &Seen, alive: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let Measured { fresh, idle, peak, after, .. } = measured;
    if idle.mib > fresh.mib + PEOPLE {
        faults.push(format!("memory: {} MiB after the start, {} with a dozen people", fresh.mib, idle.mib));
    }
    if peak.peak_mib > idle.mib + PEAK {
        faults.push(format!("memory: {} MiB idle, {} at the peak", idle.mib, peak.peak_mib));
    }
    if after.mib > idle.mib + LEFT {
        faults.push(format!("memory: {} MiB idle, {} afterwards", idle.mib, after.mib));
    }
    if after.descriptors > idle.descriptors + LEFT_OPEN {
        faults.push(format!("descriptors: {} idle, {} afterwards", idle.descriptors, after.descriptors));
    }
    let most = LOG.0 + LOG.1 * measured.seconds as u64;
    if measured.log_bytes > most {
        faults
            .push(format!("log: {} bytes in {:.0} s, at most {most}", measured.log_bytes, measured.seconds));
    }
    if measured.cut_short {
        faults.push("the attack was cut short for the sake of the machine".to_owned());
    }
    for (what, calm, attacked) in [
        ("acknowledgement", &seen.calm.ack, &seen.attacked.ack),
        ("delivery", &seen.calm.delivery, &seen.attacked.delivery),
    ] {
        let (calm, attacked) = (percentile(calm, 0.99), percentile(attacked, 0.99));
        if attacked > SLOWER * calm.max(FLOOR) {
            faults.push(format!("{what}: p99 {calm:.1} ms calm, {attacked:.1} ms under attack"));
        }
    }
    if seen.attacked.delivery.is_empty() {
        faults.push("nothing was delivered under attack".to_owned());
    }
    for (why, count) in &seen.attacked.why {
        faults.push(format!("innocents refused: {why} ({count} times)"));
    }
    for code in &seen.closed {
        faults.push(format!("an innocent's socket was closed {code}"));
    }
    if !alive {
        faults.push("the server does not live".to_owned());
    }
    faults
}

/// The report of an attack that ran beside innocents.
pub fn line(
    (name, backend): (&str, Backend),
    measured: &Measured,
    seen: &Seen,
    own: Map<String, Value>,
    faults: &[String],
) -> Value {
    let Measured { fresh, idle, peak, after, .. } = measured;
    let (log_ins, log_ins_refused) = sum(&seen.attacked, |kind| kind.starts_with("log-in"));
    let (others, others_refused) = sum(&seen.attacked, |kind| !kind.starts_with("log-in"));
    json!({
        "attack": name,
        "backend": backend_name(backend),
        "fresh_mib": fresh.mib, "idle_mib": idle.mib, "peak_mib": peak.peak_mib, "after_mib": after.mib, "settled_s": round(measured.settled),
        "calm_ack_p99_ms": round(percentile(&seen.calm.ack, 0.99)),
        "ack_p50_ms": round(percentile(&seen.attacked.ack, 0.5)),
        "ack_p99_ms": round(percentile(&seen.attacked.ack, 0.99)),
        "calm_delivery_p99_ms": round(percentile(&seen.calm.delivery, 0.99)),
        "delivery_p50_ms": round(percentile(&seen.attacked.delivery, 0.5)),
        "delivery_p99_ms": round(percentile(&seen.attacked.delivery, 0.99)),
        "slowest_acks": slowest(&seen.attacked.ack),
        "own_p99_ms": round(percentile(&seen.attacked.late, 0.99)),
        "log_ins": log_ins, "log_ins_refused": log_ins_refused,
        "log_in_max_ms": seen.attacked.log_in.iter().max(),
        "others": others, "others_refused": others_refused,
        "closed": seen.closed.len(),
        "descriptors": [idle.descriptors, peak.descriptors, after.descriptors],
        "log_bytes": measured.log_bytes,
        "seconds": round(measured.seconds),
        "own": own,
        "failed": faults,
    })
}

/// The five slowest acknowledgements, each with its index: it shows whether they came together, and when.
fn slowest(acks: &[u64]) -> Vec<(usize, u64)> {
    let mut numbered: Vec<_> = acks.iter().map(|micros| micros / 1000).enumerate().collect();
    numbered.sort_by_key(|(_, millis)| std::cmp::Reverse(*millis));
    numbered.truncate(5);
    numbered
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A back end's name in reports.
pub fn backend_name(backend: Backend) -> &'static str {
    match backend {
        Backend::SqliteLocal => "sqlite",
        Backend::PostgresLocal => "postgres",
        Backend::PostgresRedis => "postgres+redis",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> (Measured, Seen) {
        let usage = |mib, peak_mib| Usage { mib, peak_mib, descriptors: 20 };
        let measured = Measured {
            idle: usage(40, 45),
            peak: usage(200, 296),
            after: usage(104, 296),
            ..Measured::default()
        };
        let tally =
            |micros| Tally { ack: vec![micros; 100], delivery: vec![micros; 100], ..Tally::default() };
        (measured, Seen { calm: tally(4000), attacked: tally(29_000), closed: Vec::new() })
    }

    #[test]
    fn what_is_within_the_bounds_passes() {
        let (measured, seen) = fine();
        assert_eq!(judge(&measured, &seen, true), Vec::<String>::new());
    }

    #[test]
    fn every_bound_can_be_broken() {
        let (measured, seen) = fine();
        let broken = |change: fn(&mut Measured, &mut Seen)| {
            let (mut measured, mut seen) = (measured, seen.clone());
            change(&mut measured, &mut seen);
            judge(&measured, &seen, true).len()
        };
        assert_eq!(broken(|measured, _| measured.idle.mib = 145), 1);
        assert_eq!(broken(|measured, _| measured.peak.peak_mib += 1), 1);
        assert_eq!(broken(|measured, _| measured.after.mib += 1), 1);
        assert_eq!(broken(|measured, _| measured.log_bytes = 100_000), 1);
        assert_eq!(broken(|measured, _| measured.cut_short = true), 1);
        assert_eq!(broken(|_, seen| seen.attacked.ack[..2].fill(31_000)), 1);
        assert_eq!(broken(|_, seen| seen.attacked.delivery[..2].fill(31_000)), 1);
        assert_eq!(broken(|_, seen| seen.attacked.delivery.clear()), 1);
        assert_eq!(broken(|_, seen| *seen.attacked.why.entry("log-in: 429".into()).or_default() += 1), 1);
        assert_eq!(broken(|_, seen| seen.closed.push("with 4002".into())), 1);
        assert_eq!(judge(&measured, &seen, false).len(), 1);
    }
}
