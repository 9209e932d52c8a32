//! The clock, and its manual version for tests.
//!
//! Only this module reads a clock. A cache measures durations on the monotonic clock of its process, and never compares
//! a reading with that of another machine: times that instances share come from the server. The wall time serves only
//! where no server is: for values that end at an absolute moment.

#[cfg(feature = "testing")]
mod manual;
#[cfg(not(feature = "testing"))]
#[path = "no_manual.rs"]
mod manual;

use std::future::Future;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[cfg_attr(not(feature = "testing"), expect(unreachable_pub, reason = "public with the feature `testing`"))]
pub use self::manual::ManualClock;

/// How far a reading may lag behind the true time. Linux advances its coarse clock every 1 to 10 ms.
pub(crate) const GRANULARITY: Duration = Duration::from_millis(10);

/// A point on the monotonic clock of this process, in nanoseconds since an arbitrary origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    /// A moment that never comes.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// Returns the moment this much later; one that cannot be represented is [`NEVER`](Self::NEVER).
    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }

    /// Returns the moment this much earlier, unless it is before the origin. [`NEVER`](Self::NEVER) stays what it is.
    pub(crate) fn checked_before(self, span: Duration) -> Option<Self> {
        if self == Self::NEVER { Some(self) } else { self.0.checked_sub(nanos(span)).map(Self) }
    }

    /// Returns the time since `earlier`, or zero if `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The whole milliseconds since the origin.
    pub(crate) fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// The clock of a [`Cache`](crate::Cache): the system clock, or a manual one for tests.
///
/// It is the monotonic clock of this process, and is never compared with that of another machine. On Linux it is the
/// kernel's coarse clock, which advances every 1 to 10 ms: times to live are exact to that.
///
/// # Examples
///
/// ```
/// use cache_core::Clock;
///
/// let system = Clock::default();
/// # let _ = system;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
#[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "only a test has a manual clock"))]
enum Source {
    #[default]
    System,
    Manual(ManualClock),
}

impl Clock {
    /// Returns the current moment, which may lag by [`GRANULARITY`].
    #[inline]
    pub(crate) fn now(&self) -> Moment {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(clock) => clock.now(),
        }
    }

    /// Returns the wall time since the Unix epoch, for moments that come from outside. It may jump.
    ///
    /// A manual clock shows its own time as the wall time, so that a test decides it.
    pub(crate) fn unix_time(&self) -> Duration {
        match &self.0 {
            Source::System => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Source::Manual(clock) => clock.now().since(Moment::default()),
        }
    }

    /// Starts a stopwatch, which is more precise than [`now`](Self::now), and too slow for a hit.
    pub(crate) fn stopwatch(&self) -> Stopwatch {
        match &self.0 {
            Source::System => Stopwatch(Began::System(Instant::now())),
            Source::Manual(clock) => clock.stopwatch(),
        }
    }

    /// Whether only a test advances it.
    pub(crate) fn is_manual(&self) -> bool {
        matches!(self.0, Source::Manual(_))
    }

    /// Waits for this long on this clock.
    pub(crate) async fn sleep(&self, span: Duration) {
        match &self.0 {
            Source::System => tokio::time::sleep(span).await,
            Source::Manual(clock) => clock.sleep(span).await,
        }
    }

    /// Runs `work` for at most `limit`; returns `None` if it did not end in time.
    pub(crate) async fn timeout<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        match &self.0 {
            Source::System => tokio::time::timeout(limit, work).await.ok(),
            Source::Manual(clock) => tokio::select! {
                biased;
                done = work => Some(done),
                () = clock.sleep(limit) => None,
            },
        }
    }
}

/// The start of a measured duration.
#[derive(Debug)]
pub(crate) struct Stopwatch(Began);

#[derive(Debug)]
#[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "only a test has a manual clock"))]
enum Began {
    System(Instant),
    Manual(ManualClock, Moment),
}

impl Stopwatch {
    /// Returns the time since the start, precise to the clock's resolution.
    pub(crate) fn elapsed(&self) -> Duration {
        match &self.0 {
            Began::System(began) => began.elapsed(),
            Began::Manual(clock, began) => clock.now().since(*began),
        }
    }
}

/// Reads the kernel's coarse monotonic clock, which takes a few nanoseconds.
///
/// It is correct at once after the process was stopped and continued. A counter that a thread of this process advances
/// would lag at exactly that time.
#[cfg(target_os = "linux")]
#[inline]
fn system_now() -> Moment {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    // The kernel's monotonic clock starts at zero and its nanoseconds are below a second: both are positive.
    Moment(now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned())
}

#[cfg(not(target_os = "linux"))]
fn system_now() -> Moment {
    use std::sync::LazyLock;
    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    Moment(nanos(ORIGIN.elapsed()))
}
