//! Checks that the modules of cache-core import downwards only, as the floors in ARCHITECTURE.md say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{names, root, rows};

/// Modules that may import everything: they are for tests and for the documentation.
const OUTSIDE: [&str; 3] = ["docs", "fuzz", "testing"];

/// The floor of each module; the lowest is 0.
fn floors() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut floors = BTreeMap::new();
    for row in rows(&text, "| floor ") {
        // The head of the table has no number.
        let Ok(number) = row[0].trim_start_matches("| floor ").parse() else { continue };
        for module in names(row[1]) {
            assert!(floors.insert(module.to_owned(), number).is_none(), "{module} is on two floors");
        }
    }
    floors
}

/// The imports between modules, each with a file that has it.
fn imports() -> BTreeMap<(String, String), String> {
    let (source, mut imports) = (root().join("cache-core/src"), BTreeMap::new());
    collect(&source, &source, &mut imports);
    imports
}

fn collect(source: &Path, folder: &Path, imports: &mut BTreeMap<(String, String), String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            if !path.ends_with("interleavings") {
                collect(source, &path, imports);
            }
            continue;
        }
        let file = path.strip_prefix(source).unwrap().to_str().unwrap().to_owned();
        let from = module(&file);
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if file == "lib.rs" || !is_source || path.ends_with("interleavings.rs") {
            continue;
        }
        for to in referenced(&fs::read_to_string(&path).unwrap()) {
            if to != from {
                imports.entry((from.clone(), to)).or_insert_with(|| file.clone());
            }
        }
    }
}

/// The module of a file: its first folder or its name, and for the tiers the first two.
fn module(file: &str) -> String {
    let parts: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    if parts[0] == "tier" && parts.len() > 1 && parts[1] != "mod" { parts[..2].join("/") } else { parts[0].to_owned() }
}

/// The modules of the crate that a file names outside of comments and unit tests.
fn referenced(text: &str) -> BTreeSet<String> {
    let code = text.split("\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths = lines.flat_map(|line| line.split("crate::").skip(1));
    paths.filter_map(module_of_path).collect()
}

/// The module that a path begins with. Items at the root of the crate begin with a capital letter.
fn module_of_path(path: &str) -> Option<String> {
    let mut parts = path.split("::").map(|part| part.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_'));
    let first = parts.next()?.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    match first {
        "tier" => Some(format!("tier/{}", parts.next()?)),
        first if first.is_empty() || first.starts_with("__") => None,
        first => Some(first.to_owned()),
    }
}

#[test]
fn every_module_is_on_a_floor() {
    let floors = floors();
    let library = fs::read_to_string(root().join("cache-core/src/lib.rs")).unwrap();
    let declared =
        library.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    let declared: Vec<&str> = declared.filter(|module| !OUTSIDE.contains(module)).collect();
    assert!(declared.len() > 15, "the modules of the crate are found: {declared:?}");
    for module in declared {
        let is_known = floors.contains_key(module) || module == "tier" && floors.contains_key("tier/shared");
        assert!(is_known, "ARCHITECTURE.md has no floor for `{module}`");
    }
}

#[test]
fn every_import_leads_to_a_lower_floor() {
    let (floors, imports) = (floors(), imports());
    assert!(imports.len() > 60, "the imports are found: {}", imports.len());
    let upward: Vec<String> = imports
        .into_iter()
        .filter(|((from, _), _)| !OUTSIDE.contains(&from.as_str()))
        .filter(|((from, to), _)| match (floors.get(from), floors.get(to)) {
            (Some(from), Some(to)) => to >= from,
            _ => true,
        })
        .map(|((from, to), file)| format!("{from} -> {to} in {file}"))
        .collect();
    assert_eq!(upward, Vec::<String>::new());
}
