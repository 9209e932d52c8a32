//! The counts, and the figures that follow from them.

use std::time::Duration;

use crate::store::RateError;

/// The seconds whose errors are one point of the plot.
const POINT: u64 = 10;

/// The counts of a simulation.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The number of reads by their latency in milliseconds.
    latencies: Vec<u64>,
    errors: u64,
    /// The errors of each ten seconds, by the time at which the caller received them.
    errors_over_time: Vec<u64>,
    /// The calls of the store in each second.
    loads: Vec<u64>,
    oldest: Duration,
}

/// A read that has ended.
pub(crate) struct Ended {
    pub(crate) latency: Duration,
    /// The time since the start of the counting.
    pub(crate) now: Duration,
    /// The age of the value, from the start of its load.
    pub(crate) result: Result<Duration, RateError>,
}

impl Tally {
    pub(crate) fn read(&mut self, ended: &Ended) {
        *at(&mut self.latencies, index(ended.latency.as_millis())) += 1;
        if let Ok(age) = ended.result {
            self.oldest = self.oldest.max(age);
        } else {
            self.errors += 1;
            *at(&mut self.errors_over_time, index((ended.now.as_secs() / POINT).into())) += 1;
        }
    }

    pub(crate) fn loads(&mut self, now: Duration, count: u64) {
        *at(&mut self.loads, index(now.as_secs().into())) += count;
    }

    pub(crate) fn report(&self, length: Duration, stale: u64) -> Report {
        let mut errors_over_time = self.errors_over_time.clone();
        errors_over_time.resize(index((length.as_secs() / POINT).into()), 0);
        let reads: u64 = self.latencies.iter().sum();
        Report {
            reads,
            waited: reads - self.latencies.first().copied().unwrap_or_default(),
            latencies: [500, 990, 999].map(|thousandths| self.percentile(reads, thousandths)),
            longest: millis(self.latencies.len().saturating_sub(1)),
            errors: self.errors,
            errors_over_time,
            loads: self.loads.iter().sum(),
            most_loads: self.loads.iter().copied().max().unwrap_or_default(),
            stale,
            oldest: self.oldest,
        }
    }

    /// The least latency that this share of the reads did not exceed.
    fn percentile(&self, reads: u64, thousandths: u64) -> Duration {
        let needed = (reads * thousandths).div_ceil(1000);
        let reached = self.latencies.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        millis(reached.take_while(|sum| *sum < needed).count())
    }
}

fn at(counts: &mut Vec<u64>, index: usize) -> &mut u64 {
    if counts.len() <= index {
        counts.resize(index + 1, 0);
    }
    &mut counts[index]
}

fn index(number: u128) -> usize {
    usize::try_from(number).expect("a day has fewer milliseconds")
}

fn millis(count: usize) -> Duration {
    Duration::from_millis(count as u64)
}

/// The figures of a simulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The reads that have ended.
    pub reads: u64,
    /// Those that did not end at the moment at which they began.
    pub waited: u64,
    /// The median, the 99th and the 99.9th percentile of their latencies.
    pub latencies: [Duration; 3],
    /// The longest latency.
    pub longest: Duration,
    /// The reads that returned an error.
    pub errors: u64,
    /// Those of each ten seconds.
    pub errors_over_time: Vec<u64>,
    /// The calls of the store.
    pub loads: u64,
    /// The most of them in one second.
    pub most_loads: u64,
    /// The reads that were answered after the end of the entry's life.
    pub stale: u64,
    /// The greatest age of a value that answered a read, from the start of its load.
    pub oldest: Duration,
}
