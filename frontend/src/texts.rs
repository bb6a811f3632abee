//! Every user-visible text, by key: one file for each area of the app.
//!
//! Invariant: no other file contains user-visible text, and sentences are never assembled from parts: another language
//! may order the values differently. Names must be isolated with `state/bidi.rs` before they are passed in.

/// Defines a function for each key: without values it returns the text itself, with values the formatted sentence.
macro_rules! texts {
    ($($name:ident $(($($value:ident: $kind:ty),+))? = $text:tt;)*) => {
        $(texts!(@one $name ($($($value: $kind),+)?) $text);)*
    };
    (@one $name:ident () $text:tt) => {
        pub(crate) fn $name() -> &'static str {
            $text
        }
    };
    (@one $name:ident ($($value:ident: $kind:ty),+) $text:tt) => {
        pub(crate) fn $name($($value: $kind),+) -> String {
            format!($text)
        }
    };
}

pub(crate) mod admin;
pub(crate) mod auth;
pub(crate) mod chat;
pub(crate) mod common;
pub(crate) mod friends;
pub(crate) mod home;
pub(crate) mod navigation;
pub(crate) mod notifications;
pub(crate) mod rooms;
pub(crate) mod security;
pub(crate) mod servers;
pub(crate) mod settings;
pub(crate) mod shortcuts;
pub(crate) mod times;
pub(crate) mod tokens;

use crate::state::people::number;

/// A count with the matching singular or plural: `1 member`, `12 members`.
fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use crate::state::sources;

    /// Whether a line of source contains user-visible text outside this module.
    fn words(line: &str) -> bool {
        let code = line.trim_start();
        if code.starts_with("//") {
            return false;
        }
        let spoken = ["aria-label=\"", "title=\"", "placeholder=\"", "label=\"", "hint=\"", ">\""];
        let in_place = spoken.iter().any(|before| {
            code.split(before).skip(1).any(|after| after.starts_with(|one: char| one.is_ascii_uppercase()))
        });
        // A sentence: a capital letter, small ones, and a second word.
        let sentence = code.split('"').skip(1).step_by(2).any(|text| {
            let mut words = text.split(' ');
            let first = words.next().unwrap_or_default();
            let capital = first.starts_with(|one: char| one.is_ascii_uppercase());
            let small =
                first.len() > 1 && first.chars().skip(1).all(|one| one.is_ascii_lowercase() || one == '\'');
            capital
                && small
                && words.next().is_some_and(|next| next.starts_with(|one: char| one.is_ascii_lowercase()))
        });
        in_place || sentence
    }

    #[test]
    fn words_for_people_stand_in_this_folder_alone() {
        let mut found = Vec::new();
        sources::each(&mut |path, code| {
            if path.components().any(|part| part.as_os_str() == "texts") || path.ends_with("texts.rs") {
                return;
            }
            found.extend(
                code.lines().filter(|line| words(line)).map(|line| format!("{}: {line}", path.display())),
            );
        });
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    #[test]
    fn what_counts_as_words() {
        for yes in [
            "<h2>\"Members\"</h2>",
            "aria-label=\"Close\"",
            "ask(\"Leave this room?\", then)",
            "Some(\"Not sent.  \") + \"It is gone\"",
        ] {
            assert!(words(yes), "{yes}");
        }
        for no in [
            "// \"It is so\"",
            "\"Arrow\" => up()",
            "header(\"Content-Type\", text)",
            "\"Mac OS\"",
            "format!(\"Bearer {token}\")",
        ] {
            assert!(!words(no), "{no}");
        }
    }
}
