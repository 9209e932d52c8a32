//! The ranges of the settings. A value outside its range is replaced by the nearest one within it.

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

/// Two heartbeats go to Redis in each lease, so it is not shorter than 20 ms.
pub(crate) fn lease(span: Duration) -> Duration {
    span.clamp(Duration::from_millis(20), HOUR)
}

pub(crate) fn write_lock_ttl(span: Duration) -> Duration {
    span.clamp(MILLISECOND, DAY)
}

pub(crate) fn timeout(span: Duration) -> Duration {
    span.clamp(MILLISECOND, HOUR)
}

pub(crate) fn deadline(span: Duration) -> Duration {
    span.clamp(MILLISECOND, LONGEST_LIFE)
}

pub(crate) fn degraded_ttl(span: Duration) -> Duration {
    span.min(DAY)
}

pub(crate) fn recovery_barrier(span: Duration) -> Duration {
    span.min(LONGEST_LIFE)
}

pub(crate) fn shutdown_timeout(span: Duration) -> Duration {
    span.min(DAY)
}

pub(crate) fn loads(count: usize) -> usize {
    count.clamp(1, MOST_LOADS)
}

pub(crate) fn entry(bytes: usize) -> usize {
    bytes.min(LARGEST_ENTRY)
}
