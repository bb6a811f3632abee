//! Tracks the open tabs of this browser: each regularly stores the time, and removes its entry when it is closed.

/// A tab whose entry is older than this is gone, in milliseconds. Browsers let hidden tabs run once a minute.
const GONE: i64 = 150_000;

/// The name of a tab's storage entry.
pub(crate) fn name(tab: &str) -> String {
    format!("tab.{tab}")
}

/// Whether the tab with this entry is open. Clocks may be changed: an entry far in the future does not count.
pub(crate) fn open(noted: Option<&str>, now: i64) -> bool {
    noted.and_then(|noted| noted.parse::<i64>().ok()).is_some_and(|noted| (now - noted).abs() < GONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_is_open_while_it_notes_the_time() {
        assert!(open(Some("1000000"), 1_060_000), "hidden tabs run once a minute");
        for (noted, now) in [(None, 0), (Some("1000000"), 1_200_000), (Some("9000000"), 0), (Some("x"), 0)] {
            assert!(!open(noted, now), "{noted:?} at {now}");
        }
    }
}
