//! Which tabs of this browser are open: each notes the time now and then, and takes the note away when it is closed.

/// A tab that has noted nothing for this long is gone, in milliseconds. Browsers let hidden tabs run once a minute.
const GONE: i64 = 150_000;

/// Where a tab notes the time.
pub(crate) fn name(tab: &str) -> String {
    format!("tab.{tab}")
}

/// Whether a tab that has noted this is open. Clocks may be set: a note from the future says nothing.
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
