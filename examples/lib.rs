//! The examples of this package. The first one, `cargo quickstart`, is the package in `01_quickstart`.
//!
//! The library only checks the pages of the project: their Rust blocks are documentation tests here, with the
//! dependencies of an example.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../ENVIRONMENT.md")]
pub struct Environment;

#[cfg(doctest)]
#[doc = include_str!("../docs/database.md")]
pub struct Database;

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    /// The pages: the path, from which links start, and the text.
    const PAGES: [(&str, &str); 9] = [
        ("README.md", include_str!("../README.md")),
        ("ARCHITECTURE.md", include_str!("../ARCHITECTURE.md")),
        ("CHANGELOG.md", include_str!("../CHANGELOG.md")),
        ("CONTRIBUTING.md", include_str!("../CONTRIBUTING.md")),
        ("DESIGN.md", include_str!("../DESIGN.md")),
        ("ENVIRONMENT.md", include_str!("../ENVIRONMENT.md")),
        ("LOCAL_DEVELOPMENT.md", include_str!("../LOCAL_DEVELOPMENT.md")),
        ("docs/database.md", include_str!("../docs/database.md")),
        ("stores/migrations/README.md", include_str!("../stores/migrations/README.md")),
    ];

    /// The pages whose Rust blocks are compiled.
    const COMPILED: [&str; 3] = ["README.md", "ENVIRONMENT.md", "docs/database.md"];

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// The code blocks of a page, with their languages.
    fn blocks(page: &str) -> impl Iterator<Item = (&str, &str)> {
        page.split("\n```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap_or((block, "")))
    }

    /// A block without a language, or with an attribute such as `ignore`, would escape the compiler.
    #[test]
    fn every_rust_block_is_compiled() {
        for (name, page) in PAGES {
            for (language, _) in blocks(page) {
                let is_rust = language == "rust" && COMPILED.contains(&name);
                let fits = is_rust || ["sh", "toml", "text", "sql", "mermaid"].contains(&language);
                assert!(fits, "a block of {name} begins with ```{language}");
            }
        }
        for name in COMPILED {
            let (_, page) = PAGES.into_iter().find(|(known, _)| *known == name).unwrap();
            assert!(blocks(page).any(|(language, _)| language == "rust"), "{name} has no Rust");
        }
    }

    #[test]
    fn links_lead_to_files_and_headings() {
        for (name, page) in PAGES {
            let folder = root().join(name).parent().unwrap().to_owned();
            let targets = page.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
            for target in targets.filter(|target| !target.contains("://")) {
                let (path, heading) = target.split_once('#').map_or((target, None), |(path, word)| (path, Some(word)));
                let file = if path.is_empty() { root().join(name) } else { folder.join(path) };
                assert!(file.exists(), "{name} links to {target}, which is not there");
                if let Some(heading) = heading {
                    let linked = std::fs::read_to_string(file).unwrap();
                    assert!(anchors(&linked).any(|anchor| anchor == heading), "{name} links to {target}: no heading");
                }
            }
        }
    }

    /// The headings of a page, as GitHub names them.
    fn anchors(page: &str) -> impl Iterator<Item = String> {
        let headings =
            page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
        headings.map(|heading| {
            let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            kept.map(|letter| if letter == ' ' { '-' } else { letter.to_ascii_lowercase() }).collect()
        })
    }

    /// The files that a page names exist, and so do the scripts that its blocks run.
    #[test]
    fn paths_exist() {
        const FOLDERS: [&str; 9] =
            ["cache-core/", "cache-derive/", "stores/", "tests/", "benches/", "examples/", "scripts/", "docs/", ".ci/"];
        let is_path =
            |word: &str| FOLDERS.iter().any(|folder| word.starts_with(folder)) && !word.contains(['<', '*', ' ']);
        for (name, page) in PAGES {
            let in_blocks = blocks(page).filter(|(language, _)| *language == "sh");
            let commands = in_blocks.flat_map(|(_, block)| block.split_whitespace());
            // Code spans in paragraphs, without the code blocks.
            let in_text = page.split("\n```").step_by(2).flat_map(|text| text.split('`').skip(1).step_by(2));
            for path in commands.chain(in_text).filter(|word| is_path(word)) {
                let path = path.trim_end_matches([':', ',', ';']);
                assert!(root().join(path).exists(), "{name} names {path}, which is not there");
            }
        }
    }

    /// The examples that a page runs exist.
    #[test]
    fn examples_exist() {
        for (name, page) in PAGES {
            for rest in page.split("--example ").skip(1) {
                let example = rest.split(|end: char| end.is_whitespace() || end == '`').next().unwrap_or_default();
                let file = root().join("examples").join(format!("{example}.rs"));
                assert!(file.exists(), "{name} runs {example}, which is not there");
            }
        }
    }
}
