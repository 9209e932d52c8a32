//! The ranges of the settings. A value outside its range is replaced by the nearest one within it.
//!
//! Replacing is safer than refusing: these values often come from the environment, and a service that runs with an hour
//! instead of a year is better than one that does not start. `tests/integration/coherence/extremes.rs` runs each
//! setting at zero, at one and at its maximum.

use std::time::Duration;

use tokio::sync::Semaphore;

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Ten years, which the times of Redis and of moka can represent.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_hours(24 * 3_650);
/// The maximum number of permits of a semaphore.
const MOST_LOADS: usize =
    if Semaphore::MAX_PERMITS < u32::MAX as usize { Semaphore::MAX_PERMITS } else { u32::MAX as usize };
/// The largest string in Redis, minus room for the envelope.
const LARGEST_ENTRY: usize = 511 * 1024 * 1024;

/// From 20 ms, because two heartbeats go to Redis in each lease, to an hour.
pub(crate) fn lease(span: Duration) -> Duration {
    span.clamp(Duration::from_millis(20), HOUR)
}

/// From 1 ms to a day.
pub(crate) fn write_lock_ttl(span: Duration) -> Duration {
    span.clamp(MILLISECOND, DAY)
}

/// From 1 ms to an hour: zero would send every read to the store.
pub(crate) fn timeout(span: Duration) -> Duration {
    span.clamp(MILLISECOND, HOUR)
}

/// From 1 ms to ten years.
pub(crate) fn deadline(span: Duration) -> Duration {
    span.clamp(MILLISECOND, LONGEST_LIFE)
}

/// At most a day. Zero disables degraded reads.
pub(crate) fn degraded_ttl(span: Duration) -> Duration {
    span.min(DAY)
}

/// At most ten years. Zero disables the wait.
pub(crate) fn recovery_barrier(span: Duration) -> Duration {
    span.min(LONGEST_LIFE)
}

/// At most a day. Zero does not wait.
pub(crate) fn shutdown_timeout(span: Duration) -> Duration {
    span.min(DAY)
}

/// At least one: without any, a cut-off instance could not read.
pub(crate) fn loads(count: usize) -> usize {
    count.clamp(1, MOST_LOADS)
}

/// At most 511 MiB, the largest string of Redis without room for the envelope.
pub(crate) fn entry(bytes: usize) -> usize {
    bytes.min(LARGEST_ENTRY)
}
