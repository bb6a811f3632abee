//! The log: lines on standard error, a bounded number of each kind.
//!
//! Invariant: nobody outside can fill the disk. A line that one place in the program writes too often is left out, and
//! how many there were is said later. What a stranger sends never decides how much is written.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Lines of one place in the program at once, and per second in the long run.
const LINES: (f64, f64) = (50.0, 1.0);
/// How many were left out is said at most this often for each place.
const SAY_EVERY: Duration = Duration::from_secs(60);

struct Place {
    lines: f64,
    at: Instant,
    left_out: u64,
    said: Instant,
}

/// Lets through a bounded number of lines from each place.
#[derive(Default)]
struct Bounded(Mutex<HashMap<Identifier, Place>>);

impl Bounded {
    /// Whether a line is written, and how many before it were left out.
    fn take(&self, place: Identifier, now: Instant) -> (bool, u64) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // There are as many as the program has lines for the log.
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

/// Hands a bounded number of lines to what writes them. A layer around the other, and no filter of it: a filter that
/// changes its mind between two lines confuses the others.
struct BoundedLayer<L> {
    bounded: Bounded,
    lines: L,
}

impl<S: Subscriber, L: Layer<S>> Layer<S> for BoundedLayer<L> {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        // What somebody has asked for by name they shall see.
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

/// Starts to write the log, as `RUST_LOG` says.
pub fn init() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    // These speak of what strangers do, a line for every malformed request or connection.
    let quiet = ["actix_http=off", "actix_server=warn", "actix_server::accept=off"];
    let filter =
        quiet.iter().filter_map(|directive| directive.parse().ok()).fold(filter, EnvFilter::add_directive);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines = BoundedLayer { bounded: Bounded::default(), lines };
    tracing_subscriber::registry().with(lines).with(filter).init();
}

#[cfg(test)]
mod tests {
    use super::*;

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
