//! Permits for calls of the store, while their number is bounded.
//!
//! The bound protects a database whose cache is gone. It must never stop the process: loads that wait for each other
//! through the cache would hold all permits, so the bound gives way, one load at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::runtime::{Clock, Moment};

/// After this time without the end of a load, one load runs without a permit.
const STALLED: Duration = Duration::from_secs(1);

/// The permits of one cache.
///
/// A load may read through the cache from a task that it spawns, and such a read is not recognized as part of the load.
/// If every permit is held by a load that waits for such a read, no load ends. So one load after the other runs without
/// a permit, at most one a second: the bound holds for a store that is slow, and the circle is broken.
#[derive(Debug)]
pub(crate) struct Permits {
    semaphore: Semaphore,
    /// The last moment when a load ended or ran without a permit.
    progress: AtomicU64,
}

/// Permission to call the store, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    permits: &'a Permits,
    clock: &'a Clock,
    _held: SemaphorePermit<'a>,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.permits.progress.fetch_max(self.clock.now().0, Ordering::AcqRel);
    }
}

impl Permits {
    /// Creates `count` permits, at least one.
    pub(crate) fn new(count: usize) -> Self {
        Self { semaphore: Semaphore::new(count), progress: AtomicU64::new(0) }
    }

    /// Returns a permit if one is free.
    pub(crate) fn try_acquire<'a>(&'a self, clock: &'a Clock) -> Option<Permit<'a>> {
        let permit = self.semaphore.try_acquire().ok()?;
        Some(Permit { permits: self, clock, _held: permit })
    }

    /// Waits for a permit; `None` if the load is to run without one.
    ///
    /// Permits are granted in the order of the waits. The caller limits the whole wait by the deadline of the load.
    pub(crate) async fn acquire<'a>(&'a self, clock: &'a Clock) -> Option<Permit<'a>> {
        let mut permit = std::pin::pin!(self.semaphore.acquire());
        loop {
            match clock.timeout(STALLED, permit.as_mut()).await {
                // The semaphore is never closed.
                Some(permit) => return Some(Permit { permits: self, clock, _held: permit.ok()? }),
                None if self.is_stalled(clock.now()) => return None,
                None => {}
            }
        }
    }

    /// Whether no load has ended for a while. One caller at a time learns it.
    fn is_stalled(&self, now: Moment) -> bool {
        let last = self.progress.load(Ordering::Acquire);
        now >= Moment(last).after(STALLED)
            && self.progress.compare_exchange(last, now.0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use futures_util::poll;

    use super::*;
    use crate::runtime::ManualClock;

    #[tokio::test]
    async fn one_load_at_a_time_runs_without_a_permit_and_none_while_loads_end() {
        let (manual, permits) = (ManualClock::new(), Permits::new(2));
        let clock = Clock::from(manual.clone());
        let held = permits.try_acquire(&clock).unwrap();
        let other = permits.try_acquire(&clock).unwrap();
        assert!(permits.try_acquire(&clock).is_none());
        let mut waiting = [0; 2].map(|_| Box::pin(permits.acquire(&clock)));
        for wait in &mut waiting {
            assert!(poll!(wait).is_pending());
        }
        drop(other);
        let mut third = Box::pin(permits.acquire(&clock));
        let [first, second] = &mut waiting;
        let granted = first.await.expect("the permit that was free");
        assert!(poll!(&mut *second).is_pending() && poll!(&mut third).is_pending());
        manual.advance(STALLED);
        let ended = [poll!(&mut *second), poll!(&mut third)].into_iter().filter(std::task::Poll::is_ready).count();
        assert_eq!(ended, 1, "one of the two runs without a permit");
        drop((held, granted));
    }
}
