//! Tests of every row of every table, so that a new option is tested without a change here.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

use super::{AttributeName, Conflict, Row, Table, cached, cached_store, derives, invalidates};
use crate::diag::Sink;
use crate::parse;

const TABLES: [&Table; 3] = [&cached::SINGLE, &cached_store::TABLE, &invalidates::TABLE];

/// Every row, with its attribute.
fn rows() -> impl Iterator<Item = (AttributeName, &'static Row)> {
    TABLES.into_iter().flat_map(|table| table.options.iter().map(|row| (table.attribute, row)))
}

/// The option as written with a value; a list follows its name directly.
fn written(name: &str, value: &str) -> String {
    if value.starts_with('(') { format!("{name}{value}") } else { format!("{name} = {value}") }
}

/// The expansion of a valid trait, with these options of an attribute in place of those of the same names.
fn expanded(attribute: AttributeName, options: &[String]) -> String {
    let mut annotation = vec!["namespace = \"app\"".to_owned()];
    let mut read =
        ["entity = \"policy\"", "key(tenant, user)", "ignore(trace)", "ttl = \"5m\""].map(String::from).to_vec();
    let (mut write, mut batch) = (vec!["get_policy(tenant, user)".to_owned()], vec!["batch = get_policy".to_owned()]);
    let list = match attribute {
        AttributeName::CachedStore => &mut annotation,
        AttributeName::Invalidates => &mut write,
        _ if options.iter().any(|option| is_of_a_batch(name_of(option))) => &mut batch,
        _ => &mut read,
    };
    list.retain(|old| options.iter().all(|option| name_of(option) != name_of(old)));
    list.extend_from_slice(options);
    let names = |name: &str| options.iter().any(|option| name_of(option) == name);
    if attribute == AttributeName::Invalidates && names(invalidates::READS.row.name) {
        // A row that no target names is refused.
        list.push("get_policy(old, user)".to_owned());
    }
    if names(cached::REVALIDATE.row.name) && !names(cached::REFRESH_AFTER.row.name) {
        // It needs the values that this one loads ahead.
        list.push(written(cached::REFRESH_AFTER.row.name, cached::REFRESH_AFTER.row.example()));
    }
    if names(cached::REFRESH.row.name) && !names(cached::REFRESH_AFTER.row.name) {
        // It is about loads in the background.
        list.push(written(cached::REFRESH_AFTER.row.name, cached::REFRESH_AFTER.row.example()));
    }
    let absences = [cached::ABSENT_IF.row, cached::ABSENT_AS.row];
    let has_absent_errors = attribute == AttributeName::Cached && absences.iter().any(|row| names(row.name));
    if has_absent_errors && options.iter().all(|option| option.contains(" = ")) {
        // The two need each other, and a time to live.
        let others = absences.iter().chain([&cached::NEGATIVE_TTL.row]).filter(|row| !names(row.name));
        list.extend(others.map(|row| written(row.name, row.example())));
    }
    let is_soft =
        options.iter().any(|option| option.starts_with(cached::SOFT_TIMEOUT.row.name) && option.contains(" = "));
    if is_soft && !names(cached::STALE_IF_ERROR.row.name) {
        // It needs the expired values that this one keeps.
        list.push(written(cached::STALE_IF_ERROR.row.name, cached::STALE_IF_ERROR.row.example()));
    }
    if names(cached::WEIGH.row.name) && !names(cached::LOCAL.row.name) {
        list.push("local_capacity = \"64MiB\"".to_owned());
    }
    let values = if names(cached::BY.row.name) { "Vec<u64>" } else { "HashMap<u64, u64>" };
    let value = if has_absent_errors { "u64" } else { "Option<u64>" };
    let item = format!(
        "pub trait Policies: Send + Sync {{
            #[cached({})]
            async fn get_policy(&self, tenant: u64, user: u64, trace: &str) -> Result<{value}, Error>;
            #[cached(entity = \"user\", key(user), ttl = \"5m\")]
            async fn get_user(&self, user: u64) -> Result<u64, Error>;
            #[cached({})]
            async fn get_policies(&self, tenant: u64, users: &[u64], trace: &str) -> Result<{values}, Error>;
            #[invalidates({})]
            async fn set_policy(&self, tenant: u64, user: u64) -> Result<(), Error>;
        }}",
        read.join(", "),
        batch.join(", "),
        write.join(", ")
    );
    crate::cached_store_tokens(tokens(&annotation.join(", ")), tokens(&item)).to_string()
}

fn is_of_a_batch(name: &str) -> bool {
    [cached::BATCH.row.name, cached::BY.row.name].contains(&name)
}

fn tokens(text: &str) -> TokenStream {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn name_of(option: &str) -> &str {
    option.split([' ', '(']).next().unwrap_or_default()
}

fn is_refused(expansion: &str) -> bool {
    expansion.contains("compile_error")
}

#[test]
fn every_documented_value_is_accepted() {
    for (attribute, row) in rows() {
        for value in row.values() {
            let option = written(row.name, value);
            let expansion = expanded(attribute, std::slice::from_ref(&option));
            assert!(!is_refused(&expansion), "`{option}` of `#[{attribute}]`: {expansion}");
        }
    }
}

#[test]
fn every_setting_is_a_call_of_the_builder() {
    for (attribute, row) in rows() {
        let Some(setter) = row.setter else { continue };
        for value in row.values() {
            let option = written(row.name, value);
            let mut sink = Sink::default();
            let parsed = parse::options(tokens(&option), &mut sink);
            let method = setter(&parsed[0], row).expect("a documented value is valid").method;
            let expansion = expanded(attribute, &[option]);
            assert!(expansion.contains(&format!(". {method} (")), "`{}` does not call `{method}`", row.name);
        }
    }
}

#[test]
fn an_option_without_its_value_is_refused() {
    for (attribute, row) in rows() {
        let expansion = expanded(attribute, &[row.name.to_owned()]);
        assert!(is_refused(&expansion), "`{}` of `#[{attribute}]` needs no value", row.name);
        assert!(expansion.contains(&format!("`{}`", row.name)), "the message does not name the option: {expansion}");
    }
}

#[test]
fn misspelt_options_are_corrected() {
    for (attribute, row) in rows() {
        let misspelt = format!("{}s", row.name);
        for name in row.aliases.iter().copied().chain([misspelt.as_str()]) {
            let expansion = expanded(attribute, &[written(name, "1")]);
            let expected = format!("did you mean `{}`?", row.name);
            assert!(expansion.contains(&expected), "`{name}` of `#[{attribute}]`: {expansion}");
        }
    }
}

#[test]
fn options_that_exclude_each_other_are_reported() {
    for table in TABLES {
        for Conflict { option, other, .. } in table.options.iter().flat_map(|row| row.conflicts) {
            let options = [option, other].map(|pattern| with_value(table, pattern));
            let expansion = expanded(table.attribute, &options);
            let expected = format!("`{option}` and `{other}` exclude each other");
            assert!(expansion.contains(&expected), "{options:?}: {expansion}");
        }
    }
}

/// The option of a conflict, with a value if the conflict does not depend on it.
fn with_value(table: &Table, pattern: &str) -> String {
    if pattern.contains(" = ") {
        return pattern.to_owned();
    }
    let row = table.options.iter().find(|row| row.name == pattern);
    let row = row.unwrap_or_else(|| panic!("a conflict names `{pattern}`, which is no option"));
    written(row.name, row.example())
}

#[test]
fn every_name_of_a_table_is_unique() {
    for table in TABLES {
        let mut names: Vec<&str> =
            table.options.iter().flat_map(|row| [row.name].into_iter().chain(row.aliases.iter().copied())).collect();
        names.sort_unstable();
        let repeated = names.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(repeated, None, "options of `#[{}]`", table.attribute);
    }
}

#[test]
fn every_option_has_a_case_among_the_messages() {
    let cases = source_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ui/fail"));
    let texts: Vec<String> = cases.iter().map(|case| fs::read_to_string(case).expect("a case can be read")).collect();
    for (attribute, row) in rows() {
        let uses = [format!("{} = ", row.name), format!("{}(", row.name)];
        let found = texts.iter().any(|text| uses.iter().any(|written| text.contains(written)));
        assert!(found, "tests/ui/fail has no case for `{}` of `#[{attribute}]`", row.name);
    }
}

/// The stages of the compiler read names from the tables, so that each name is written once.
#[test]
fn names_are_only_in_the_tables() {
    let attributes = AttributeName::OF_METHODS.into_iter().chain([AttributeName::CachedStore]).map(AttributeName::text);
    let helpers = [&derives::CACHE_KEY, &derives::CACHE_VALUE];
    let flags = helpers.iter().flat_map(|helper| helper.flags.iter().copied().chain([helper.name]));
    let names: Vec<String> =
        attributes.chain(flags).chain(rows().map(|(_, row)| row.name)).map(|name| format!("\"{name}\"")).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let stages = ["lib.rs", "parse", "validate", "model"].iter().flat_map(|stage| source_files(&root.join(stage)));
    for file in stages {
        let text = fs::read_to_string(&file).expect("a source can be read");
        let literal = literals(tokens(&text)).into_iter().find(|literal| names.contains(literal));
        assert_eq!(literal, None, "{} repeats a name of a table", file.display());
    }
}

/// The literals in tokens, at any depth.
fn literals(tokens: TokenStream) -> Vec<String> {
    let found = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Literal(literal) => vec![literal.to_string()],
        TokenTree::Group(group) => literals(group.stream()),
        TokenTree::Ident(_) | TokenTree::Punct(_) => Vec::new(),
    });
    found.collect()
}

/// The file itself, or the sources in a folder.
fn source_files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let files = fs::read_dir(path).expect("the folder is there").flatten().map(|file| file.path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
