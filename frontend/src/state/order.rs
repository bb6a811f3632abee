//! Sorting with one copy of the algorithm. The standard library's is compiled again for every type of element, and the
//! client sorts short lists of many types.

use std::cmp::Ordering;

/// Sorts by a comparison; equal elements keep their order.
pub(crate) fn sort_by<T>(items: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    let mut order: Vec<usize> = (0..items.len()).collect();
    arrange(&mut order, &|one, other| compare(&items[one], &items[other]));
    let mut taken: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(order.into_iter().filter_map(|place| taken[place].take()));
}

/// Sorts by a key that is computed once for every element; equal elements keep their order.
pub(crate) fn sort_by_key<T, K: Ord>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut keyed: Vec<(K, T)> = items.drain(..).map(|one| (key(&one), one)).collect();
    sort_by(&mut keyed, |one, other| one.0.cmp(&other.0));
    items.extend(keyed.into_iter().map(|(_, one)| one));
}

#[inline(never)]
fn arrange(order: &mut [usize], compare: &dyn Fn(usize, usize) -> Ordering) {
    order.sort_by(|one, other| compare(*one, *other));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_like_the_standard_library() {
        let words = ["pear", "fig", "apple", "kiwi", "date", "plum", "lime", "nut", "melon"];
        let mut ours = words.to_vec();
        sort_by_key(&mut ours, |word| word.len());
        let mut theirs = words.to_vec();
        theirs.sort_by_key(|word| word.len());
        assert_eq!(ours, theirs);
        sort_by(&mut ours, |one, other| other.cmp(one));
        theirs.sort_by(|one, other| other.cmp(one));
        assert_eq!(ours, theirs);
    }
}
