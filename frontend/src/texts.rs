//! Every text that people see or hear, by key: one file for each area of the app.
//!
//! Invariant: no other file holds words for people, and a sentence is written whole, with its values in it: another
//! language may put them in another order. Names are isolated by `state/bidi.rs` before they come here.

/// Makes a function of each key: without values it gives the text itself, with values the sentence that holds them.
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
pub(crate) mod settings;
pub(crate) mod times;

use crate::state::people::number;

/// A number of things, in the form that goes with it: `1 member`, `12 members`.
fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}
