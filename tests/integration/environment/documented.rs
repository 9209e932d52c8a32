//! ENVIRONMENT.md and the code name the same variables.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cache_core::{CacheBuilder, Variables};
use stores::StoresConfig;

type Names = BTreeSet<String>;

/// The only file that reads the process environment for the libraries.
const READER: &str = "cache-core/src/config/variables.rs";

/// The sections of ENVIRONMENT.md, by the reader of their variables.
const SHARED_TIER: &str = "Shared tier";
const STORES: [&str; 2] = ["Database", "What is cached, and for how long"];
const TESTS: &str = "Tests and benchmarks";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The variables that `read` looks up when none is set.
fn requested(read: impl FnOnce(&dyn Fn(&str) -> Option<String>)) -> Names {
    let names = RefCell::new(Names::new());
    read(&|name| {
        names.borrow_mut().insert(name.to_owned());
        None
    });
    names.into_inner()
}

/// Every variable that the stores read.
pub(super) fn read_by_the_stores() -> Names {
    requested(|lookup| drop(StoresConfig::from_lookup(lookup).unwrap()))
}

/// The names in the first column of a section's tables: one variable per row.
fn documented(section: &str) -> Names {
    let text = fs::read_to_string(root().join("ENVIRONMENT.md")).unwrap();
    let heading = format!("\n## {section}\n");
    let (_, rest) = text.split_once(&heading).unwrap_or_else(|| panic!("no section `{section}`"));
    let section = rest.split("\n## ").next().unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let is_name = |text: &str| text.chars().all(|letter| letter.is_ascii_uppercase() || "_".contains(letter));
    cells.map(|(name, _)| name).filter(|name| is_name(name)).map(str::to_owned).collect()
}

#[test]
fn exactly_the_documented_variables_are_read() {
    let core = requested(|lookup| drop(CacheBuilder::from_variables(&Variables::new(lookup)).unwrap()));
    assert_eq!(documented(SHARED_TIER), core);
    let documented: Names = STORES.into_iter().flat_map(documented).chain(core).collect();
    assert_eq!(documented, read_by_the_stores());
}

/// The set of variables read is always the same: no value hides another variable.
#[test]
fn every_variable_is_read_independently_of_the_others() {
    let all = read_by_the_stores();
    for set in [
        ("ENABLE_REDIS_CACHING", "false"),
        ("ENABLE_LLM_POLICY_CACHE", "false"),
        ("CACHE_TTL_POLICY_SECONDS", "1"),
        ("CACHE_TTL_CONFIG_SECONDS", "1"),
        ("REDIS_URL", "redis://h"),
        ("DATABASE_URL", "postgres://h/db"),
        ("DATABASE_URL", "sqlite::memory:"),
        ("APP_ENV", "test"),
    ] {
        let names = RefCell::new(Names::new());
        let lookup = |name: &str| {
            names.borrow_mut().insert(name.to_owned());
            (name == set.0).then_some(set.1)
        };
        drop(StoresConfig::from_lookup(lookup).unwrap());
        assert_eq!(names.into_inner(), all, "{set:?}");
    }
}

/// Only [`READER`] reads the environment for the libraries.
///
/// A section of its own lists the variables of tests, benchmarks and examples.
#[test]
fn nothing_else_reads_the_environment() {
    let mut read = Names::new();
    for file in sources(&root()) {
        let text = fs::read_to_string(&file).unwrap();
        let file = file.strip_prefix(root()).unwrap().display().to_string();
        for call in calls(&text) {
            if file == READER {
                assert_eq!(call, "name", "{file} reads a variable of its own");
                continue;
            }
            let literal = call.strip_prefix('"').unwrap_or_else(|| panic!("{file} reads `{call}`: name it in words"));
            let name = literal.trim_end_matches('"').to_owned();
            assert!(!is_library(&file) || name == "BLESS", "{file} reads {name}: only {READER} reads the environment");
            read.insert(name);
        }
    }
    assert_eq!(documented(TESTS), read);
}

fn is_library(file: &str) -> bool {
    ["cache-core", "cache-derive", "stores"].into_iter().any(|package| file.starts_with(package))
}

/// The first argument of each call that reads the environment, under any import.
fn calls(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let found = lines.flat_map(|line| ["var", "var_os", "vars", "vars_os"].map(|function| argument(line, function)));
    found.flatten().collect()
}

fn argument<'a>(line: &'a str, function: &str) -> Option<&'a str> {
    let (before, rest) = line.split_once(&format!("{function}("))?;
    let is_whole_name = !before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    is_whole_name.then(|| rest.split(')').next().unwrap_or(rest))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let entries = entries.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !name.starts_with('.') && name != "target"
    });
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let here = files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    here.chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}
