//! The examples of this package are a tour; `cargo quickstart` runs the first.
//!
//! The library has nothing but what checks the README: its Rust blocks are documentation tests here, with the
//! dependencies of an example.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../ENVIRONMENT.md")]
pub struct Environment;

#[cfg(test)]
mod tests {
    use std::path::Path;

    const TEXTS: [(&str, &str); 4] = [
        ("README.md", include_str!("../README.md")),
        ("CONTRIBUTING.md", include_str!("../CONTRIBUTING.md")),
        ("CHANGELOG.md", include_str!("../CHANGELOG.md")),
        ("ENVIRONMENT.md", include_str!("../ENVIRONMENT.md")),
    ];

    /// A block without a language, or with a word after it such as `ignore`, would escape the compiler.
    #[test]
    fn every_block_of_the_readme_is_compiled_or_no_rust() {
        let (_, readme) = TEXTS[0];
        let fences = readme.lines().filter_map(|line| line.trim_start().strip_prefix("```"));
        let opening: Vec<&str> = fences.step_by(2).collect();
        assert!(opening.contains(&"rust"));
        for language in opening {
            assert!(["rust", "sh", "toml"].contains(&language), "a block of the README begins with ```{language}");
        }
    }

    #[test]
    fn links_lead_to_files() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (name, text) in TEXTS {
            let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
            for target in targets.filter(|target| !target.contains("://")) {
                let path = target.split('#').next().unwrap_or_default();
                assert!(root.join(path).exists(), "{name} links to {target}, which is not there");
            }
        }
    }

    /// The files that CONTRIBUTING names are there.
    #[test]
    fn paths_in_backticks_exist() {
        const FOLDERS: [&str; 8] =
            ["cache-core/", "cache-derive/", "stores/", "tests/", "benches/", "examples/", "scripts/", "migrations/"];
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let (name, text) = TEXTS[1];
        for path in text.split('`').skip(1).step_by(2) {
            let is_path = FOLDERS.iter().any(|folder| path.starts_with(folder));
            if is_path && !path.contains(['<', '*', ' ']) {
                assert!(root.join(path).exists(), "{name} names {path}, which is not there");
            }
        }
    }
}
