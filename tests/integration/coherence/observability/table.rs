//! The page on metrics lists exactly what a recorder receives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::world::World;
use super::recorder::Recorder;

type Words = BTreeSet<String>;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cache-core/src/docs/metrics.md");
    std::fs::read_to_string(path).unwrap()
}

/// The rows of the table under this heading.
///
/// A cell holds its words in backquotes, or else its text.
fn rows(page: &str, heading: &str) -> Vec<Vec<Words>> {
    let (_, rest) = page.split_once(&format!("# {heading}\n")).unwrap_or_else(|| panic!("no heading `{heading}`"));
    let section = rest.split("\n# ").next().unwrap_or_default();
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    lines.map(|line| line.trim_matches('|').split('|').map(words).collect()).collect()
}

fn words(cell: &str) -> Words {
    let quoted: Words = cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    if quoted.is_empty() { Words::from([cell.trim().to_owned()]) } else { quoted }
}

fn only(words: &Words) -> &str {
    assert_eq!(words.len(), 1, "{words:?}");
    words.first().unwrap()
}

/// A recorder with every metric of a cache with a shared tier.
///
/// The cache registers its handles when it is built, so no event has to occur first.
async fn recorded() -> Recorder {
    let recorder = Recorder::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::memory(None);
    let instance = world.instance().await;
    instance.get(1).await;
    instance.set(1, 10).await;
    instance.cache.shutdown().await;
    drop(world);
    recorder.clone()
}

/// Fails if a row of the page is missing.
#[tokio::test]
async fn the_page_lists_every_metric_with_its_kind_unit_and_labels() {
    let recorder = recorded().await;
    let documented: BTreeMap<String, (String, String, Words)> = rows(&page(), "The table")
        .iter()
        .map(|row| (only(&row[0]).into(), (only(&row[1]).into(), only(&row[2]).into(), row[3].clone())))
        .collect();
    let mut emitted = BTreeMap::new();
    for (kind, (name, labels)) in recorder.series() {
        let (described, unit, meaning) = recorder.described()[&name].clone();
        assert_eq!(described, kind, "{name}");
        assert!(!meaning.is_empty(), "{name} has a meaning");
        let labels: Words = labels.into_keys().collect();
        let unit = unit.unwrap().as_str().to_owned();
        let before = emitted.insert(name.clone(), (kind.to_owned(), unit, labels.clone()));
        assert!(before.is_none_or(|(_, _, before)| before == labels), "{name} has the same labels in every series");
    }
    assert_eq!(documented, emitted);
    assert_eq!(recorder.described().into_keys().collect::<Words>(), emitted.into_keys().collect(), "nothing else");
}

/// The values of some labels of a metric, each combination as text.
fn values(recorder: &Recorder, metric: &str, labels: &[&str]) -> Words {
    let series = recorder.series().into_iter().filter(|(_, (name, _))| name == metric);
    series
        .map(|(_, (_, with))| labels.iter().map(|label| with[*label].as_str()).collect::<Vec<_>>().join(" "))
        .collect()
}

/// Every combination of the words of some cells.
fn combinations(cells: &[Words]) -> Words {
    let empty = Words::from([String::new()]);
    cells.iter().fold(empty, |before, cell| {
        before
            .iter()
            .flat_map(|start| cell.iter().map(move |word| format!("{start} {word}").trim().to_owned()))
            .collect()
    })
}

/// Fails if a row of the page is missing.
#[tokio::test]
async fn the_page_lists_every_combination_of_labels() {
    let (recorder, page) = (recorded().await, page());
    let operations = rows(&page, "The combinations of `cache.operations.total`");
    let documented: Words = operations.iter().flat_map(|row| combinations(&row[..3])).collect();
    assert_eq!(documented, values(&recorder, "cache.operations.total", &["operation", "tier", "result"]));

    let errors = rows(&page, "The labels of `cache.errors.total`");
    let documented: Words = errors.iter().flat_map(|row| combinations(&row[..2])).collect();
    assert_eq!(documented, values(&recorder, "cache.errors.total", &["operation", "kind"]));

    let results = rows(&page, "The results of `cache.verifier.checks.total`");
    let documented: Words = results.iter().flat_map(|row| combinations(&row[..1])).collect();
    assert_eq!(documented, values(&recorder, "cache.verifier.checks.total", &["result"]));

    for operation in values(&recorder, "cache.operation.duration", &["operation", "tier"]) {
        let all: Words = operations.iter().flat_map(|row| combinations(&row[..2])).collect();
        assert!(all.contains(&operation), "{operation} is an operation");
    }
    for direction in values(&recorder, "cache.shared.bytes.total", &["direction"]) {
        assert!(page.contains(&format!("`{direction}`")), "{direction}");
    }
}

/// Labels are names in the code, fixed at build time, and never a caller's data.
#[tokio::test]
async fn no_label_holds_a_key() {
    let recorder = recorded().await;
    let stores = values(&recorder, "cache.operations.total", &["store", "method"]);
    assert_eq!(stores, ["* *", "Register get", "Register text"].map(str::to_owned).into());
    assert_eq!(values(&recorder, "cache.errors.total", &["backend"]), ["memory".to_owned()].into());
}
