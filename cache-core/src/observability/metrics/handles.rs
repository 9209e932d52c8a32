//! Handles of the `metrics` facade, resolved at construction.
//!
//! Each series is resolved once, since a recorder may take a lock for it. A recorder that is installed later is not
//! noticed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Level as Verbosity, Metadata, Recorder, Unit};

use super::names::{ALL, Definition, Kind};
use crate::runtime::Clock;

/// The labels that distinguish the series of one metric.
pub(crate) type Labels<'a> = &'a [(&'static str, &'static str)];

const METADATA: Metadata<'static> = Metadata::new("cache_core", Verbosity::INFO, None);

/// Describes every metric to the recorder.
pub(crate) fn describe() {
    metrics::with_recorder(|recorder| ALL.iter().for_each(|definition| describe_one(recorder, definition)));
}

fn describe_one(recorder: &dyn Recorder, definition: &Definition) {
    let Definition { name, kind, unit, meaning } = definition;
    let (name, unit, meaning) = ((*name).into(), Unit::from_string(unit), (*meaning).into());
    match kind {
        Kind::Counter => recorder.describe_counter(name, unit, meaning),
        Kind::Gauge => recorder.describe_gauge(name, unit, meaning),
        Kind::Histogram => recorder.describe_histogram(name, unit, meaning),
    }
}

fn key(definition: &Definition, labels: Labels<'_>) -> Key {
    Key::from_parts(definition.name, labels)
}

/// A counter that follows a total of this crate.
///
/// It adds what was counted since the last publication, and not the total. Several caches of one process, and several
/// decorators of one store, therefore add up.
pub(crate) struct Count {
    handle: Counter,
    published: AtomicU64,
}

impl Count {
    pub(crate) fn new(definition: &Definition, labels: Labels<'_>) -> Self {
        let handle = metrics::with_recorder(|recorder| recorder.register_counter(&key(definition, labels), &METADATA));
        Self { handle, published: AtomicU64::new(0) }
    }

    /// Publishes the increase. Concurrent calls publish each increment once.
    pub(crate) fn publish(&self, total: u64) {
        let before = self.published.fetch_max(total, Ordering::Relaxed);
        if total > before {
            self.handle.increment(total - before);
        }
    }
}

/// A current value.
pub(crate) struct Level(Gauge);

impl Level {
    pub(crate) fn new(definition: &Definition, labels: Labels<'_>) -> Self {
        Self(metrics::with_recorder(|recorder| recorder.register_gauge(&key(definition, labels), &METADATA)))
    }

    pub(crate) fn set(&self, value: f64) {
        self.0.set(value);
    }
}

/// A histogram of durations, in seconds.
pub(crate) struct Timing(Histogram);

impl Timing {
    pub(crate) fn new(definition: &Definition, labels: Labels<'_>) -> Self {
        Self(metrics::with_recorder(|recorder| recorder.register_histogram(&key(definition, labels), &METADATA)))
    }

    /// Records how long `work` takes, unless it is dropped before its end.
    pub(crate) async fn of<T>(&self, clock: &Clock, work: impl Future<Output = T>) -> T {
        let began = clock.stopwatch();
        let done = work.await;
        self.record(began.elapsed());
        done
    }

    pub(crate) fn record(&self, span: Duration) {
        self.0.record(span);
    }
}
