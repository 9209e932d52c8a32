//! The tables of options in the documentation, which `BLESS=1 cargo test -p cache-derive` writes anew.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Row, cached, cached_store, invalidates};

/// The Markdown table of an attribute's options.
fn table(options: &[Row]) -> String {
    let rows = options.iter();
    let rows: Vec<String> = rows.map(|row| format!("| {} | {} |\n", usage(row), row.doc)).collect();
    format!("| option | meaning |\n| --- | --- |\n{}", rows.concat())
}

/// The option with its values, such as `` `local = off`, `"30s"` ``.
fn usage(row: &Row) -> String {
    let values = row.values();
    let (first, others) = values.split_first().expect("every option has a value or an example of one");
    let first =
        if first.starts_with('(') { format!("`{}{first}`", row.name) } else { format!("`{} = {first}`", row.name) };
    let others = others.iter().map(|value| format!(", `{value}`"));
    first + &others.collect::<String>()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

#[test]
fn the_documentation_has_every_option() {
    for (name, options) in
        [("cached", cached::ALL), ("cached_store", cached_store::ALL), ("invalidates", invalidates::ALL)]
    {
        let (path, expected) = (folder().join(name).with_extension("md"), table(options));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &expected).expect("the table can be written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == expected, "docs/{name}.md is not the table of options; BLESS=1 writes it:\n{expected}");
    }
}

#[test]
fn the_documentation_includes_every_table() {
    let source = include_str!("../lib.rs");
    for file in fs::read_dir(folder()).expect("the folder is there").flatten() {
        let include = format!("#[doc = include_str!(\"../docs/{}\")]", file.file_name().display());
        assert!(source.contains(&include), "the documentation of the macros lacks {include}");
    }
}

#[test]
fn the_readme_has_every_option_of_a_read() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).expect("the README is there");
    // A batch has a section of its own.
    for row in cached::ALL.iter().filter(|row| row.name != cached::BATCH.row.name) {
        let found = [format!("| `{}` |", row.name), format!("| `{}(..)` |", row.name)];
        assert!(found.iter().any(|cell| readme.contains(cell)), "the table in README.md lacks `{}`", row.name);
    }
}
