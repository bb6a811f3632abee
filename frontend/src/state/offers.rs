//! Matching and ordering in the quick switcher.

use std::cmp::Reverse;

use super::order;

/// An entry of the quick switcher; the properties that its rank depends on.
pub(crate) trait Offered {
    /// The name.
    fn name(&self) -> &str;
    /// An alternative name, such as a handle.
    fn also(&self) -> &str;
    /// Whether it belongs to the user; other results come after.
    fn own(&self) -> bool;
    /// Whether it has unread messages.
    fn unread(&self) -> bool;
    /// Time of the last activity, in microseconds since 1970; 0 if there is none.
    fn at(&self) -> i64;
}

/// Normalizes the input for comparison.
pub(crate) fn folded(typed: &str) -> String {
    typed.trim().trim_start_matches(['#', '@']).to_lowercase()
}

/// How well a name matches: 0 for a prefix, 1 for the prefix of a word, 2 for any substring.
fn rank(name: &str, wanted: &str) -> Option<u8> {
    let name = name.to_lowercase();
    if name.starts_with(wanted) {
        Some(0)
    } else if name.split(|one: char| !one.is_alphanumeric()).any(|word| word.starts_with(wanted)) {
        Some(1)
    } else {
        name.contains(wanted).then_some(2)
    }
}

/// The matches, best first: the user's own before others, then by match quality, unread first, most recent first, and
/// by name ignoring case. `wanted` is normalized.
pub(crate) fn sorted<T: Offered>(all: Vec<T>, wanted: &str) -> Vec<T> {
    let mut fitting: Vec<(u8, T)> = all
        .into_iter()
        .filter_map(|one| Some((rank(one.name(), wanted).or_else(|| rank(one.also(), wanted))?, one)))
        .collect();
    order::sort_by_key(&mut fitting, |(rank, one)| {
        (!one.own(), *rank, !one.unread(), Reverse(one.at()), one.name().to_lowercase())
    });
    fitting.into_iter().map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One(&'static str, bool, bool, i64);

    impl Offered for One {
        fn name(&self) -> &str {
            self.0
        }
        fn also(&self) -> &str {
            ""
        }
        fn own(&self) -> bool {
            self.1
        }
        fn unread(&self) -> bool {
            self.2
        }
        fn at(&self) -> i64 {
            self.3
        }
    }

    fn names(all: Vec<One>, typed: &str) -> Vec<&'static str> {
        sorted(all, &folded(typed)).into_iter().map(|one| one.0).collect()
    }

    #[test]
    fn names_that_begin_with_the_letters_come_first() {
        assert_eq!(rank("General", "gen"), Some(0));
        assert_eq!(rank("Ada Lovelace", "lov"), Some(1));
        assert_eq!(rank("general", "ner"), Some(2));
        assert_eq!(rank("general", "x"), None);
        assert_eq!(
            names(vec![One("a gen", true, true, 9), One("General", true, false, 1)], "#GEN"),
            ["General", "a gen"]
        );
    }

    #[test]
    fn the_latest_and_the_unread_come_first_and_capitals_do_not_matter() {
        let all = || {
            vec![
                One("Zebra", true, false, 0),
                One("apple", true, false, 0),
                One("Banana", true, false, 0),
                One("old", true, false, 3),
                One("new", true, false, 7),
                One("waiting", true, true, 1),
                One("not joined", false, false, 99),
            ]
        };
        assert_eq!(names(all(), ""), ["waiting", "new", "old", "apple", "Banana", "Zebra", "not joined"]);
    }
}
