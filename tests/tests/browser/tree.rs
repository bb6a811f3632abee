//! The accessibility tree of a page as screen readers get it, as text that is the same in every run.

use serde_json::{Value, json};

use crate::person::Person;

/// The accessibility tree of a page: one line per node, with its role, its name and its state.
pub async fn tree(person: &Person) -> String {
    let whole = person.tell_browser("Accessibility.getFullAXTree", json!({})).await;
    let nodes = whole["nodes"].as_array().expect("nodes");
    let mut lines = Vec::new();
    if let Some(root) = nodes.first() {
        write(nodes, root, 0, "", &mut lines);
    }
    lines.join("\n")
}

fn write(nodes: &[Value], node: &Value, depth: usize, above: &str, lines: &mut Vec<String>) {
    let role = node["role"]["value"].as_str().unwrap_or_default();
    let name = steady(node["name"]["value"].as_str().unwrap_or_default());
    let ignored = node["ignored"].as_bool() == Some(true);
    // Nodes that only group others, pieces of text that has already appeared, and marks that disappear while one looks.
    let piece = role == "StaticText" && (above.contains(name.trim()) || name == "new");
    let silent = matches!(
        role,
        "none" | "generic" | "InlineTextBox" | "LineBreak" | "ListMarker" | "paragraph" | "LabelText"
    );
    let shown = !ignored && !piece && !silent;
    if shown {
        let state = |wanted: &str| {
            let all = node["properties"].as_array().into_iter().flatten();
            all.filter(|one| one["name"] == wanted).map(|one| one["value"]["value"].clone()).next()
        };
        let mut line = format!("{}{role}", "  ".repeat(depth));
        if !name.is_empty() {
            line.push_str(&format!(" \"{name}\""));
        }
        for wanted in ["level", "checked", "pressed", "expanded", "selected", "disabled", "invalid"] {
            match state(wanted) {
                Some(Value::Bool(false)) | None => {}
                Some(Value::String(no)) if no == "false" => {}
                Some(value) => line.push_str(&format!(" {wanted}={}", value.to_string().trim_matches('"'))),
            }
        }
        lines.push(line);
    }
    // Announcements come and go; they have tests of their own.
    if role == "StaticText" || role == "log" {
        return;
    }
    let (depth, above) = if shown { (depth + 1, name.as_str()) } else { (depth, above) };
    for child in node["childIds"].as_array().into_iter().flatten() {
        if let Some(child) = nodes.iter().find(|one| one["nodeId"] == *child) {
            write(nodes, child, depth, above, lines);
        }
    }
}

/// A text without what differs between runs: times, days, ports, ids and secrets.
fn steady(text: &str) -> String {
    let number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let month = |word: &str| {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        MONTHS.iter().any(|month| word.starts_with(month)) && word.len() <= 9
    };
    let bare = |word: &str| word.trim_matches(|one: char| ",.·\u{2068}\u{2069}".contains(one)).to_owned();
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let plain = bare(word);
        let before = words.last().map(|word| bare(word)).unwrap_or_default();
        if plain.len() == 5 && plain.as_bytes()[2] == b':' && number(&plain.replace(':', "")) {
            words.push(word.replace(&plain, "<clock>"));
        } else if month(&plain) && number(&before) {
            words.pop();
            words.push(word.replace(&plain, "<day>"));
        } else if plain.len() == 4 && number(&plain) && before == "<day>" {
            if let Some(last) = words.last_mut() {
                *last = word.replace(&plain, "<day>");
            }
        } else if plain.strip_prefix("127.0.0.1:").is_some_and(number) {
            words.push(word.replace(&plain, "<address>"));
        } else if plain.ends_with("day") && plain.len() > 5 && word.ends_with(',') {
            // The day of the week before a date.
        } else {
            words.push(word.to_owned());
        }
    }
    let mut text = words.join(" ");
    for ago in ["just now", "yesterday", "Today", "Yesterday"] {
        text = text.replace(ago, "<ago>");
    }
    for part in ["morning", "afternoon", "evening"] {
        text = text.replace(&format!("Good {part}"), "Good <part of the day>");
    }
    while let Some(end) = text.find(" min ago").or_else(|| text.find(" h ago")) {
        let begin = text[..end].rfind(|one: char| !one.is_ascii_digit()).map_or(0, |at| at + 1);
        let rest = text[end..].find("ago").map_or(text.len(), |at| end + at + 3);
        text.replace_range(begin..rest, "<ago>");
    }
    text.replace("<day>, <clock>", "<moment>").replace(['\u{2068}', '\u{2069}'], "")
}

#[test]
fn what_differs_from_run_to_run_is_left_out_of_what_is_written_down() {
    assert_eq!(steady("Joined 26 November 2026"), "Joined <day>");
    assert_eq!(steady("@bob · since 26 November 2026, 14:05"), "@bob · since <moment>");
    assert_eq!(steady("Active 12 min ago"), "Active <ago>");
    assert_eq!(steady("Monday, 23 November"), "<day>");
    assert_eq!(steady("You're on 127.0.0.1:8080."), "You're on <address>.");
    assert_eq!(steady("3 to 24 letters"), "3 to 24 letters");
    assert_eq!(steady("Maybe 3 May"), "Maybe <day>");
}
