//! Names of days and months, and relative times.

texts! {
    today = "Today";
    yesterday = "Yesterday";
    just_now = "just now";
    minutes_ago(minutes: i64) = "{minutes} min ago";
    hours_ago(hours: i64) = "{hours} h ago";
    yesterday_ago = "yesterday";
    weekday_date(weekday: &str, day: usize, month: &str) = "{weekday}, {day} {month}";
    weekday_date_year(weekday: &str, day: usize, month: &str, year: &str) = "{weekday}, {day} {month} {year}";
    date(day: usize, month: &str) = "{day} {month}";
    date_year(day: usize, month: &str, year: &str) = "{day} {month} {year}";
    date_time(date: &str, clock: &str) = "{date}, {clock}";
}

/// The name of a month; January is 1.
pub(crate) fn month(number: usize) -> &'static str {
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
    MONTHS.get(number.saturating_sub(1)).copied().unwrap_or("January")
}

/// The short name of a month; January is 1.
pub(crate) fn short_month(number: usize) -> &'static str {
    month(number).get(..3).unwrap_or_default()
}

/// The name of a weekday; Monday is 0.
pub(crate) fn weekday(number: usize) -> &'static str {
    const WEEKDAYS: [&str; 7] =
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    WEEKDAYS.get(number).copied().unwrap_or_default()
}
