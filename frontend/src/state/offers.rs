//! What the quick switcher offers, and in which order.

use std::cmp::Reverse;

/// Something to jump to, as far as its place in the list depends on it.
pub(crate) trait Offered {
    /// What it is called.
    fn name(&self) -> &str;
    /// Another name it is known by, such as a handle.
    fn also(&self) -> &str;
    /// Whether one takes part in it; what is only offered comes after.
    fn own(&self) -> bool;
    /// Whether something in it is unread.
    fn unread(&self) -> bool;
    /// When something happened in it last, in microseconds since 1970; 0 for what has no time.
    fn at(&self) -> i64;
}

/// What was typed, as it is compared.
pub(crate) fn folded(typed: &str) -> String {
    typed.trim().trim_start_matches(['#', '@']).to_lowercase()
}

/// How well a name fits: 0 begins with the word, 1 a word in it does, 2 it is somewhere inside.
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

/// Those that fit what was typed, the likeliest first: one's own before others, then how well they fit, then what is
/// unread, then the latest, then by name whatever its capital letters. `wanted` is folded.
pub(crate) fn sorted<T: Offered>(all: Vec<T>, wanted: &str) -> Vec<T> {
    let mut fitting: Vec<(u8, T)> = all
        .into_iter()
        .filter_map(|one| Some((rank(one.name(), wanted).or_else(|| rank(one.also(), wanted))?, one)))
        .collect();
    fitting.sort_by_cached_key(|(rank, one)| {
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
