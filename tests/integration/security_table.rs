//! The table of DESIGN.md has every rule, and the tests that it names are there.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rows of the table, each cut into its cells.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let (_, section) = text.split_once("\n## Security\n").expect("DESIGN.md has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    section.lines().filter(|line| line.starts_with("| S")).map(|line| line.split(" | ").collect()).collect()
}

/// The names of all functions below these folders.
fn functions(folder: &Path, names: &mut Vec<String>) {
    for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(path).unwrap();
            names.extend(text.split("fn ").skip(1).filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
        }
    }
}

#[test]
fn every_rule_has_its_row_and_every_test_that_is_named_exists() {
    let text = fs::read_to_string(root().join("DESIGN.md")).unwrap();
    let rows = rows(&text);
    let numbers: Vec<&str> = rows.iter().map(|row| row[0].trim_start_matches("| ")).collect();
    assert_eq!(numbers, (1..=20).map(|rule| format!("S{rule}")).collect::<Vec<_>>());
    let mut known = Vec::new();
    for folder in ["tests/integration", "cache-core/src", "stores/src"] {
        functions(&root().join(folder), &mut known);
    }
    let mut named = 0;
    for row in &rows {
        let shown_by = row.get(3).unwrap_or_else(|| panic!("{} has four cells", row[0]));
        for name in shown_by.split('`').skip(1).step_by(2) {
            let exists =
                if name.contains('/') { root().join(name).exists() } else { known.iter().any(|known| known == name) };
            assert!(exists, "{} names `{name}`, which is not there", row[0]);
            named += 1;
        }
    }
    assert!(named > 20, "{named} names");
}
