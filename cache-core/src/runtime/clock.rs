//! The clock, and its manual version for tests.
//!
//! Only this module reads a clock. A cache measures durations on the monotonic clock of its process, and never compares
//! a reading with that of another machine: times that instances share come from the server.

use std::future::Future;
use std::time::{Duration, Instant};

#[cfg(feature = "testing")]
pub use manual::ManualClock;

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
enum Source {
    #[default]
    System,
    #[cfg(feature = "testing")]
    Manual(ManualClock),
}

impl Clock {
    /// Returns the current moment, which may lag by [`GRANULARITY`].
    #[inline]
    pub(crate) fn now(&self) -> Moment {
        match &self.0 {
            Source::System => system_now(),
            #[cfg(feature = "testing")]
            Source::Manual(clock) => clock.now(),
        }
    }

    /// Starts a stopwatch, which is more precise than [`now`](Self::now), and too slow for a hit.
    pub(crate) fn stopwatch(&self) -> Stopwatch {
        Stopwatch(match &self.0 {
            Source::System => Began::System(Instant::now()),
            #[cfg(feature = "testing")]
            Source::Manual(clock) => Began::Manual(clock.clone(), clock.now()),
        })
    }

    /// Waits for this long on this clock.
    pub(crate) async fn sleep(&self, span: Duration) {
        match &self.0 {
            Source::System => tokio::time::sleep(span).await,
            #[cfg(feature = "testing")]
            Source::Manual(clock) => clock.sleep(span).await,
        }
    }

    /// Runs `work` for at most `limit`; returns `None` if it did not end in time.
    pub(crate) async fn timeout<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        match &self.0 {
            Source::System => tokio::time::timeout(limit, work).await.ok(),
            #[cfg(feature = "testing")]
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
enum Began {
    System(Instant),
    #[cfg(feature = "testing")]
    Manual(ManualClock, Moment),
}

impl Stopwatch {
    /// Returns the time since the start, precise to the clock's resolution.
    pub(crate) fn elapsed(&self) -> Duration {
        match &self.0 {
            Began::System(began) => began.elapsed(),
            #[cfg(feature = "testing")]
            Began::Manual(clock, began) => clock.now().since(*began),
        }
    }
}

#[cfg(feature = "testing")]
impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Self {
        Self(Source::Manual(clock))
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

#[cfg(feature = "testing")]
mod manual {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::Moment;

    /// A clock that only a test advances. Clones share one time.
    ///
    /// Give clones to the caches and to the [`MemoryRemote`](crate::MemoryRemote) of a test. Everything that waits for
    /// a time then waits for [`advance`](Self::advance).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::testing::ManualClock;
    ///
    /// let clock = ManualClock::new();
    /// let same = clock.clone();
    /// same.advance(Duration::from_secs(5));
    /// assert_eq!(clock.elapsed(), Duration::from_secs(3605)); // a new clock shows one hour
    /// ```
    #[derive(Debug, Clone, Default)]
    pub struct ManualClock(Arc<Mutex<State>>);

    #[derive(Debug, Default)]
    struct State {
        now: Moment,
        next: u64,
        sleepers: BTreeMap<(Moment, u64), oneshot::Sender<()>>,
    }

    impl ManualClock {
        /// Creates a clock that shows one hour, so that a test can use earlier times.
        pub fn new() -> Self {
            let clock = Self::default();
            clock.advance(Duration::from_hours(1));
            clock
        }

        /// Advances the time, and wakes the sleepers whose time has come.
        ///
        /// Tasks that were woken run when the test awaits something. A step beyond the lease (1 s by default) ends the
        /// trust in local tiers over a shared tier, because no heartbeat returned in between: advance in smaller steps,
        /// each followed by `tokio::task::yield_now().await`.
        pub fn advance(&self, span: Duration) {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.now = state.now.after(span);
            let now = state.now;
            let later = state.sleepers.split_off(&(now, u64::MAX));
            for (_, sleeper) in std::mem::replace(&mut state.sleepers, later) {
                // Fails if the sleeper was dropped.
                let _ = sleeper.send(());
            }
        }

        /// Returns the time of the clock; a new clock shows one hour. No other clock has the same origin.
        pub fn elapsed(&self) -> Duration {
            self.now().since(Moment::default())
        }

        pub(super) fn now(&self) -> Moment {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).now
        }

        pub(super) async fn sleep(&self, span: Duration) {
            let woken = {
                let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let until = state.now.after(span);
                let id = state.next;
                state.next += 1;
                let (wake, woken) = oneshot::channel();
                state.sleepers.insert((until, id), wake);
                woken
            };
            // The sender is dropped only with the clock, after which the time never advances again.
            if woken.await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
