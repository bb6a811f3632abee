//! Logging: lines on standard error, rate-limited by call site.
//!
//! Invariant: nobody outside can fill the disk. Lines that a call site writes too often are dropped, and their number
//! is reported later. What a stranger sends never decides how much is written.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Burst of lines per call site, and lines per second after it.
const LINES: (f64, f64) = (50.0, 1.0);
/// Minimum interval between two reports of dropped lines, per call site.
const SAY_EVERY: Duration = Duration::from_secs(60);

struct Place {
    lines: f64,
    at: Instant,
    left_out: u64,
    said: Instant,
}

/// A token bucket for each call site.
#[derive(Default)]
struct Bounded(Mutex<HashMap<Identifier, Place>>);

impl Bounded {
    /// Whether to write a line, and how many before it were dropped and not yet reported.
    fn take(&self, place: Identifier, now: Instant) -> (bool, u64) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Bounded by the number of call sites in the program.
        let place = places.entry(place).or_insert(Place { lines: LINES.0, at: now, left_out: 0, said: now });
        let gained = now.duration_since(place.at).as_secs_f64() * LINES.1;
        place.lines = (place.lines + gained).min(LINES.0);
        place.at = now;
        if place.lines < 1.0 {
            place.left_out += 1;
            return (false, 0);
        }
        place.lines -= 1.0;
        let mut left_out = 0;
        if place.left_out > 0 && now.duration_since(place.said) >= SAY_EVERY {
            left_out = std::mem::take(&mut place.left_out);
            place.said = now;
        }
        (true, left_out)
    }
}

/// Passes a limited number of lines on to `lines`. A wrapping layer rather than a filter: other filters assume that a
/// filter gives the same result for the same call site.
struct BoundedLayer<L> {
    bounded: Bounded,
    lines: L,
}

impl<S: Subscriber, L: Layer<S>> Layer<S> for BoundedLayer<L> {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        // Debug and trace lines were requested explicitly, so they are not limited.
        if *metadata.level() <= tracing::Level::INFO {
            let (write, left_out) = self.bounded.take(metadata.callsite(), Instant::now());
            if left_out > 0 {
                eprintln!("{left_out} lines like the next one were left out ({})", metadata.target());
            }
            if !write {
                return;
            }
        }
        self.lines.on_event(event, context);
    }
}

/// What is logged: levels, in general and by module, such as `info,parlour_server=debug`.
fn filter(wanted: &str) -> Result<Targets, ParseError> {
    let filter = if wanted.trim().is_empty() { Targets::new() } else { wanted.parse::<Targets>()? };
    let general = filter.default_level().unwrap_or(LevelFilter::INFO);
    Ok(filter
        .with_default(general)
        // These log one line for every malformed request or connection of a stranger.
        .with_target("actix_http", LevelFilter::OFF)
        .with_target("actix_server", LevelFilter::WARN)
        .with_target("actix_server::accept", LevelFilter::OFF))
}

/// Starts logging to standard error, filtered by `RUST_LOG`.
#[expect(clippy::disallowed_methods, reason = "logging starts before the settings are read")]
pub fn init() {
    let filter = filter(&std::env::var("RUST_LOG").unwrap_or_default()).unwrap_or_else(|error| {
        eprintln!("RUST_LOG is ignored: {error}; an example is info,parlour_server=debug");
        filter("").unwrap_or_default()
    });
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines = BoundedLayer { bounded: Bounded::default(), lines };
    tracing_subscriber::registry().with(lines).with(filter).init();
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn levels_are_set_in_general_and_by_module() {
        let shows = |wanted: &str, module: &str, level| filter(wanted).unwrap().would_enable(module, &level);
        assert!(shows("", "parlour_chat", Level::INFO) && !shows("", "parlour_chat", Level::DEBUG));
        let few = "parlour_server=debug";
        assert!(
            shows(few, "parlour_server::socket", Level::DEBUG) && shows(few, "parlour_chat", Level::INFO)
        );
        assert!(!shows("error,hyper=info", "parlour_chat", Level::INFO));
        assert!(!shows("trace", "actix_http::h1", Level::ERROR));
        assert!(filter("parlour=loud").is_err());
    }

    #[test]
    fn a_place_writes_a_bounded_number_of_lines_and_says_how_many_it_left_out() {
        struct One;
        impl tracing::Callsite for One {
            fn set_interest(&self, _: tracing::subscriber::Interest) {}
            fn metadata(&self) -> &tracing::Metadata<'_> {
                unreachable!("nobody asks")
            }
        }
        static ONE: One = One;
        let bounded = Bounded::default();
        let start = Instant::now();
        let take = |after| bounded.take(Identifier(&ONE), start + Duration::from_secs(after));
        let written = (0..1000).filter(|_| take(0).0).count();
        assert_eq!(written, LINES.0 as usize);
        assert_eq!(take(1), (true, 0));
        assert_eq!(take(61), (true, 950));
        assert_eq!(take(61), (true, 0));
    }
}
