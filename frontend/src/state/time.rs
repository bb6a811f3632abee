//! Times in human-readable form. Functions that use the calendar take times already shifted to local time; how long ago
//! something was is computed from the unshifted times, because local clocks are set forward and back.

use parlour_protocol::time::{DAY, MINUTE, Timestamp};

use crate::texts::times;

/// The day in days since 1970-01-01.
pub(crate) fn day(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY)
}

/// Hour and minute: `14:05`.
pub(crate) fn clock(at: Timestamp) -> String {
    at.to_string().get(11..16).unwrap_or_default().to_owned()
}

fn date(at: Timestamp) -> (String, usize, usize) {
    let text = at.to_string();
    let number = |range| text.get(range).and_then(|part: &str| part.parse::<usize>().ok()).unwrap_or(1);
    let (month, day_of_month) = (number(5..7), number(8..10));
    (text.get(0..4).unwrap_or_default().to_owned(), month, day_of_month)
}

/// A day as a heading: `Today`, `Yesterday`, `Monday, 23 November`, with the year if it is not the current one.
pub(crate) fn day_label(number: i64, today: Timestamp) -> String {
    match day(today) - number {
        0 => return times::today().to_owned(),
        1 => return times::yesterday().to_owned(),
        _ => {}
    }
    let (year, month, of_month) = date(Timestamp(number * DAY));
    // Day 0, 1970-01-01, was a Thursday.
    let weekday = times::weekday((number + 3).rem_euclid(7) as usize);
    if year == date(today).0 {
        times::weekday_date(weekday, of_month, times::month(month))
    } else {
        times::weekday_date_year(weekday, of_month, times::month(month), &year)
    }
}

/// Date and time in full: `23 November 2026, 14:05`.
pub(crate) fn full(at: Timestamp) -> String {
    times::date_time(&full_day(at), &clock(at))
}

/// A date in full: `23 November 2026`.
pub(crate) fn full_day(at: Timestamp) -> String {
    let (year, month, of_month) = date(at);
    times::date_year(of_month, times::month(month), &year)
}

/// A part of the day, for the greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartOfDay {
    /// From 5:00.
    Morning,
    /// From 12:00.
    Afternoon,
    /// From 18:00 until 5:00.
    Evening,
}

/// The part of the day at a local time.
pub(crate) fn part_of_day(at: Timestamp) -> PartOfDay {
    match at.0.rem_euclid(DAY) / (60 * MINUTE) {
        5..=11 => PartOfDay::Morning,
        12..=17 => PartOfDay::Afternoon,
        _ => PartOfDay::Evening,
    }
}

/// How long ago, up to a day; then the date. `local` shifts a time to local time.
pub(crate) fn ago(at: Timestamp, now: Timestamp, local: impl Fn(Timestamp) -> Timestamp) -> String {
    let minutes = (now.0 - at.0).max(0) / MINUTE;
    if minutes < 1 {
        return times::just_now().to_owned();
    }
    if minutes < 60 {
        return times::minutes_ago(minutes);
    }
    if minutes < 24 * 60 {
        return times::hours_ago(minutes / 60);
    }
    let (at, now) = (local(at), local(now));
    match day(now) - day(at) {
        // The day on which clocks are set back has 25 hours.
        ..=0 => return times::hours_ago(24),
        1 => return times::yesterday_ago().to_owned(),
        _ => {}
    }
    let (year, month, of_month) = date(at);
    let month = times::short_month(month);
    if year == date(now).0 { times::date(of_month, month) } else { times::date_year(of_month, month, &year) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn days_are_named_as_people_name_them() {
        let today = at("2026-11-23T09:00:00Z");
        assert_eq!(day_label(day(today), today), "Today");
        assert_eq!(day_label(day(today) - 1, today), "Yesterday");
        assert_eq!(day_label(day(today) - 7, today), "Monday, 16 November");
        assert_eq!(day_label(day(at("2025-12-31T23:59:59Z")), today), "Wednesday, 31 December 2025");
    }

    #[test]
    fn people_are_greeted_by_the_time_of_the_day() {
        for (clock, part) in [
            ("04:59", PartOfDay::Evening),
            ("05:00", PartOfDay::Morning),
            ("12:00", PartOfDay::Afternoon),
            ("18:00", PartOfDay::Evening),
        ] {
            assert_eq!(part_of_day(at(&format!("2026-11-23T{clock}:00Z"))), part, "{clock}");
        }
    }

    #[test]
    fn times_are_relative_up_to_a_day() {
        let now = at("2026-11-23T09:00:00Z");
        for (then, said) in [
            ("2026-11-23T08:59:40Z", "just now"),
            ("2026-11-23T08:18:00Z", "42 min ago"),
            ("2026-11-22T23:00:00Z", "10 h ago"),
            ("2026-11-22T08:00:00Z", "yesterday"),
            ("2026-11-02T08:00:00Z", "2 Nov"),
            ("2024-02-29T08:00:00Z", "29 Feb 2024"),
        ] {
            assert_eq!(ago(at(then), now, |at| at), said);
        }
        assert_eq!(full(at("2026-11-23T14:05:09Z")), "23 November 2026, 14:05");
    }

    /// Berlin in 2027: one hour ahead of UTC, two from 28 March 01:00 UTC until 31 October 01:00 UTC.
    fn berlin(moment: Timestamp) -> Timestamp {
        let summer = at("2027-03-28T01:00:00Z").0..at("2027-10-31T01:00:00Z").0;
        let hours = if summer.contains(&moment.0) { 2 } else { 1 };
        Timestamp(moment.0 + hours * 60 * MINUTE)
    }

    #[test]
    fn an_hour_is_an_hour_also_when_clocks_are_set() {
        for (then, now, said) in [
            ("2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z", "1 h ago"),
            ("2027-03-28T00:59:00Z", "2027-03-28T01:01:00Z", "2 min ago"),
            ("2027-10-31T00:30:00Z", "2027-10-31T01:20:00Z", "50 min ago"),
            // From midnight to just before the next one, on the day with 25 hours.
            ("2027-10-30T22:10:00Z", "2027-10-31T22:50:00Z", "24 h ago"),
            ("2027-10-30T21:50:00Z", "2027-10-31T22:50:00Z", "yesterday"),
            // The client's clock is behind the server's.
            ("2027-03-28T01:31:00Z", "2027-03-28T01:30:00Z", "just now"),
        ] {
            assert_eq!(ago(at(then), at(now), berlin), said, "{then} at {now}");
        }
    }
}
