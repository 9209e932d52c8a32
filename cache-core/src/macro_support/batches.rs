//! Results of batch methods that are no maps: values in the order of the keys, and rows that contain their keys.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

/// Pairs the values of a store with the keys that it was called with.
///
/// # Panics
///
/// If the numbers differ. The load then counts as one that panicked.
///
/// # Errors
///
/// The error of the store.
pub fn paired<T, V, E>(method: &str, keys: Vec<T>, answer: Result<Vec<Option<V>>, E>) -> Result<Vec<(T, V)>, E> {
    let values = answer?;
    let (expected, found) = (keys.len(), values.len());
    assert!(found == expected, "`{method}` returned {found} values for {expected} keys");
    Ok(keys.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect())
}

/// Pairs the rows of a store with their keys.
///
/// # Errors
///
/// The error of the store.
pub fn keyed<T, V, E>(answer: Result<Vec<V>, E>, by: impl Fn(&V) -> T) -> Result<Vec<(T, V)>, E> {
    Ok(answer?.into_iter().map(|row| (by(&row), row)).collect())
}

/// Returns the value of each key, in the order of the keys.
///
/// # Errors
///
/// The error of the look-up.
pub fn in_order<T: Eq + Hash, V: Clone, E>(keys: &[T], found: Result<Vec<(T, V)>, E>) -> Result<Vec<Option<V>>, E> {
    let found: HashMap<T, V, RandomState> = found?.into_iter().collect();
    Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
}

/// Returns the rows that exist, each once, in the order of the keys.
///
/// # Errors
///
/// The error of the look-up.
pub fn rows<T: Eq + Hash, V, E>(keys: &[T], found: Result<Vec<(T, V)>, E>) -> Result<Vec<V>, E> {
    let mut found: HashMap<T, V, RandomState> = found?.into_iter().collect();
    Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
}

/// Returns the value of each key in the order of the keys, if the tiers have all of them.
pub fn found_in_order<T: Eq + Hash, V: Clone>(keys: &[T], found: Option<Vec<(T, V)>>) -> Option<Vec<Option<V>>> {
    in_order(keys, found.ok_or(())).ok()
}

/// Returns the rows in the order of the keys, if the tiers have all of them.
pub fn found_rows<T: Eq + Hash, V: Clone>(keys: &[T], found: Option<Vec<(T, V)>>) -> Option<Vec<V>> {
    rows(keys, found.ok_or(())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found<T> = Result<T, ()>;

    #[test]
    fn values_are_paired_and_returned_in_order() {
        let pairs = paired("get", vec![3, 1, 2], Found::Ok(vec![Some("c"), None, Some("b")]));
        assert_eq!(pairs, Ok(vec![(3, "c"), (2, "b")]));
        assert_eq!(in_order(&[2, 1, 2, 3], pairs), Ok(vec![Some("b"), None, Some("b"), Some("c")]));
    }

    #[test]
    #[should_panic(expected = "`get` returned 1 values for 2 keys")]
    fn a_value_that_is_missing_is_detected() {
        let _ = paired("get", vec![1, 2], Found::Ok(vec![Some("a")]));
    }

    #[test]
    fn rows_are_returned_once() {
        let pairs = keyed(Found::Ok(vec!["ccc", "a"]), |row| row.len());
        assert_eq!(rows(&[1, 2, 3, 1], pairs), Ok(vec!["a", "ccc"]));
    }
}
