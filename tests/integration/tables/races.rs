//! Checks that tests/RACES.md lists every race, and that its test names match the sources.

use std::fs;

use super::{exists, functions, names, numbers, root, rows};

/// The number of races.
const RACES: usize = 46;

/// The first race in a test's name, as in `r7_the_writer_does_not_wait` or `r1_and_r9_a_slow_read`.
fn race_of(function: &str) -> Option<usize> {
    let (number, _) = function.strip_prefix('r')?.split_once('_')?;
    number.parse().ok()
}

#[test]
fn every_race_has_a_row_and_every_test_of_a_race_is_named() {
    let text = fs::read_to_string(root().join("tests/RACES.md")).unwrap();
    let rows = rows(&text, "| R");
    assert_eq!(numbers(&rows), (1..=RACES).map(|race| format!("R{race}")).collect::<Vec<_>>());
    let known = functions(&["tests/integration", "tests/model", "tests/reach", "cache-core/src", "stores/src"]);
    for row in &rows {
        assert_eq!(row.len(), 6, "{} has six cells", row[0]);
        let staged = names(row[2]).next().is_some();
        assert!(staged || row[5].starts_with("no"), "{} has a test, or states that it has none", row[0]);
        for name in names(row[2]) {
            assert!(exists(name, &known), "{} names `{name}`, which does not exist", row[0]);
        }
        assert!(row[5].starts_with("yes") || row[5].starts_with("no"), "{} states whether it was seen red", row[0]);
    }
    for function in known {
        if let Some(race @ 1..=RACES) = race_of(&function) {
            let named = names(rows[race - 1][2]).any(|name| name == function);
            assert!(named, "the row of R{race} does not name `{function}`");
        }
    }
}

/// A row demonstrates the need for every protection that can be disabled.
#[test]
fn every_protection_is_the_control_of_a_race() {
    let text = fs::read_to_string(root().join("tests/RACES.md")).unwrap();
    let source = fs::read_to_string(root().join("cache-core/src/protocol/protection.rs")).unwrap();
    let variants: Vec<&str> = source.lines().filter_map(|line| line.trim().strip_suffix(',')).collect();
    let controls: Vec<&str> = names(&text).filter_map(|name| name.strip_prefix("Protection::")).collect();
    for variant in &variants {
        assert!(controls.contains(variant), "no row names `Protection::{variant}`");
    }
    for control in controls {
        assert!(variants.contains(&control), "there is no `Protection::{control}`");
    }
}
