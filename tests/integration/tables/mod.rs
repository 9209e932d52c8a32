//! Tables that name tests: they contain every row, and every named test exists.

mod floors;
mod races;
mod security;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rows of a table that begin with `begin`, split into cells.
fn rows<'a>(text: &'a str, begin: &str) -> Vec<Vec<&'a str>> {
    text.lines().filter(|line| line.starts_with(begin)).map(|line| line.split(" | ").collect()).collect()
}

/// The numbers in the first cells.
fn numbers<'a>(rows: &[Vec<&'a str>]) -> Vec<&'a str> {
    rows.iter().map(|row| row[0].trim_start_matches("| ")).collect()
}

/// The text between backticks.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The names of all functions below these folders of the workspace.
fn functions(folders: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for folder in folders {
        collect_functions(&root().join(folder), &mut names);
    }
    names
}

fn collect_functions(folder: &Path, names: &mut Vec<String>) {
    for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect_functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(path).unwrap();
            names.extend(text.split("fn ").skip(1).filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
        }
    }
}

/// Whether a name is one of these functions, or a path to an existing file.
fn exists(name: &str, known: &[String]) -> bool {
    if name.contains('/') { root().join(name).exists() } else { known.iter().any(|known| known == name) }
}
