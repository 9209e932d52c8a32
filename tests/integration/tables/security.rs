//! Checks that the table in DESIGN.md lists every rule, and that its tests exist.

use std::fs;

use super::{exists, functions, names, numbers, root, rows};

#[test]
fn every_rule_has_a_row_and_every_named_test_exists() {
    let text = fs::read_to_string(root().join("DESIGN.md")).unwrap();
    let (_, section) = text.split_once("\n## Security\n").expect("DESIGN.md has the section");
    let rows = rows(section.split("\n## ").next().unwrap_or_default(), "| S");
    assert_eq!(numbers(&rows), (1..=20).map(|rule| format!("S{rule}")).collect::<Vec<_>>());
    let known = functions(&["tests/integration", "cache-core/src", "stores/src"]);
    let mut named = 0;
    for row in &rows {
        let shown_by = row.get(3).unwrap_or_else(|| panic!("{} has four cells", row[0]));
        for name in names(shown_by) {
            assert!(exists(name, &known), "{} names `{name}`, which does not exist", row[0]);
            named += 1;
        }
    }
    assert!(named > 20, "{named} names");
}
