//! Figures that criterion does not record: ratios within a round, percentiles, numbers of loads.
//!
//! They are stored beside those of criterion, as `facts.json` in the folder of their group.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;

/// The figures of one group.
pub(crate) struct Facts {
    group: &'static str,
    figures: BTreeMap<String, f64>,
}

impl Facts {
    /// Creates the figures of a group; `None` in a test or a partial run.
    ///
    /// The command line may select groups by the beginning of their names.
    pub(crate) fn of(group: &'static str) -> Option<Self> {
        let is_whole = |argument: String| argument == "--bench" || KINDS.contains(&argument.as_str());
        env::args().skip(1).all(is_whole).then(|| Self { group, figures: BTreeMap::new() })
    }

    pub(crate) fn add(&mut self, figure: impl Into<String>, value: f64) {
        let figure = figure.into();
        println!("{}: {figure}: {value:.3}", self.group);
        self.figures.insert(figure, value);
    }

    pub(crate) fn write(self) {
        let folder = criterion_folder().join(self.group);
        let text = serde_json::to_string_pretty(&self.figures).expect("numbers are JSON");
        fs::create_dir_all(&folder).expect("a folder for the figures");
        fs::write(folder.join("facts.json"), text).expect("the figures can be written");
    }
}

/// The beginnings of the groups' names.
const KINDS: [&str; 10] = [
    "local hit",
    "shared hit",
    "miss",
    "Redis down",
    "group invalidation",
    "cold key",
    "time to first hit",
    "writes",
    "scale",
    "shards",
];

/// Whether a case of this group may be selected; servers are not started for others.
///
/// Arguments that name no group may name a case of any.
pub(crate) fn is_wanted(group: &str) -> bool {
    let filters = env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let named: Vec<_> =
        filters.flat_map(|filter| KINDS.into_iter().filter(move |kind| filter.contains(kind))).collect();
    named.is_empty() || named.iter().any(|kind| group.starts_with(kind))
}

/// The folder of criterion, beside the folder of this program's profile.
fn criterion_folder() -> PathBuf {
    let program = env::current_exe().expect("this program has a path");
    program.ancestors().nth(3).expect("target/release/deps/program").join("criterion")
}
