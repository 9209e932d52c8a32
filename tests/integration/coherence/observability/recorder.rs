//! A thread-local recorder of the `metrics` facade that keeps everything.
//!
//! A test with a single-threaded runtime runs all of its tasks on that thread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit};

/// A metric with its labels, by name.
pub(in crate::coherence) type Series = (String, BTreeMap<String, String>);

/// The description of a metric: kind, unit, meaning.
pub(in crate::coherence) type Described = (&'static str, Option<Unit>, String);

#[derive(Debug, Clone, Default)]
pub(in crate::coherence) struct Recorder(Arc<Recorded>);

#[derive(Debug, Default)]
struct Recorded {
    described: Mutex<BTreeMap<String, Described>>,
    series: Mutex<BTreeMap<Series, (&'static str, Arc<Cell>)>>,
}

/// One series: a number, and every recorded value.
#[derive(Debug, Default)]
struct Cell {
    count: AtomicU64,
    /// The bits of the value of a gauge.
    level: AtomicU64,
    recorded: Mutex<Vec<f64>>,
}

impl Recorder {
    pub(in crate::coherence) fn described(&self) -> BTreeMap<String, Described> {
        self.0.described.lock().unwrap().clone()
    }

    /// Every series with its kind.
    pub(in crate::coherence) fn series(&self) -> BTreeSet<(&'static str, Series)> {
        self.0.series.lock().unwrap().iter().map(|(series, (kind, _))| (*kind, series.clone())).collect()
    }

    /// The sum of the counters of this name that have at least these labels.
    pub(in crate::coherence) fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.matching(name, labels).iter().map(|cell| cell.count.load(Ordering::Relaxed)).sum()
    }

    /// The gauges of this name with these labels.
    pub(in crate::coherence) fn levels(&self, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        let cells = self.matching(name, labels);
        cells.iter().map(|cell| f64::from_bits(cell.level.load(Ordering::Relaxed))).collect()
    }

    /// The values in the histograms of this name with these labels.
    pub(in crate::coherence) fn recorded(&self, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        let cells = self.matching(name, labels);
        cells.iter().flat_map(|cell| cell.recorded.lock().unwrap().clone()).collect()
    }

    fn matching(&self, name: &str, labels: &[(&str, &str)]) -> Vec<Arc<Cell>> {
        let series = self.0.series.lock().unwrap();
        let matches = |(known, with): &&Series| {
            known == name && labels.iter().all(|(label, value)| with.get(*label).is_some_and(|found| found == value))
        };
        let found: Vec<_> =
            series.iter().filter(|(key, _)| matches(key)).map(|(_, (_, cell))| Arc::clone(cell)).collect();
        assert!(!found.is_empty(), "{name} with {labels:?} is not registered");
        found
    }

    fn cell(&self, kind: &'static str, key: &Key) -> Arc<Cell> {
        let labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
        let mut series = self.0.series.lock().unwrap();
        let (known, cell) = series.entry((key.name().to_owned(), labels)).or_insert_with(|| (kind, Arc::default()));
        assert_eq!(*known, kind, "{key} is of one kind");
        Arc::clone(cell)
    }

    fn describe(&self, kind: &'static str, name: &KeyName, unit: Option<Unit>, meaning: &SharedString) {
        let described = (kind, unit, meaning.to_string());
        self.0.described.lock().unwrap().insert(name.as_str().to_owned(), described);
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.describe("counter", &name, unit, &meaning);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.describe("gauge", &name, unit, &meaning);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.describe("histogram", &name, unit, &meaning);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell("counter", key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell("gauge", key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell("histogram", key))
    }
}

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.count.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.count.fetch_max(value, Ordering::Relaxed);
    }
}

impl GaugeFn for Cell {
    fn increment(&self, _: f64) {
        panic!("a gauge of ours is set");
    }

    fn decrement(&self, _: f64) {
        panic!("a gauge of ours is set");
    }

    fn set(&self, value: f64) {
        self.level.store(value.to_bits(), Ordering::Relaxed);
    }
}

impl HistogramFn for Cell {
    fn record(&self, value: f64) {
        self.recorded.lock().unwrap().push(value);
    }
}
