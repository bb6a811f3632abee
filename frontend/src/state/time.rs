//! Moments as people read them. Every function takes moments that were moved to local time beforehand.

use parlour_protocol::time::{DAY, MINUTE, Timestamp};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// The number of the day, counted from 1970-01-01.
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

fn month_name(month: usize) -> &'static str {
    MONTHS.get(month.saturating_sub(1)).copied().unwrap_or("January")
}

/// A day as a heading: `Today`, `Yesterday`, `Monday, 23 November`, with the year when it is another one.
pub(crate) fn day_label(number: i64, today: Timestamp) -> String {
    match day(today) - number {
        0 => return "Today".to_owned(),
        1 => return "Yesterday".to_owned(),
        _ => {}
    }
    let (year, month, of_month) = date(Timestamp(number * DAY));
    let weekday = WEEKDAYS.get(number.rem_euclid(7) as usize).copied().unwrap_or_default();
    let label = format!("{weekday}, {of_month} {}", month_name(month));
    if year == date(today).0 { label } else { format!("{label} {year}") }
}

/// Day and time in full: `23 November 2026, 14:05`.
pub(crate) fn full(at: Timestamp) -> String {
    let (year, month, of_month) = date(at);
    format!("{of_month} {} {year}, {}", month_name(month), clock(at))
}

/// A day in full: `23 November 2026`.
pub(crate) fn full_day(at: Timestamp) -> String {
    let (year, month, of_month) = date(at);
    format!("{of_month} {} {year}", month_name(month))
}

/// How long ago, up to a day; then the day.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let minutes = (now.0 - at.0).max(0) / MINUTE;
    if minutes < 1 {
        return "just now".to_owned();
    }
    if minutes < 60 {
        return format!("{minutes} min ago");
    }
    if minutes < 24 * 60 {
        return format!("{} h ago", minutes / 60);
    }
    if day(now) - day(at) == 1 {
        return "yesterday".to_owned();
    }
    let (year, month, of_month) = date(at);
    let month = month_name(month).get(..3).unwrap_or_default();
    if year == date(now).0 { format!("{of_month} {month}") } else { format!("{of_month} {month} {year}") }
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
            assert_eq!(ago(at(then), now), said);
        }
        assert_eq!(full(at("2026-11-23T14:05:09Z")), "23 November 2026, 14:05");
    }
}
