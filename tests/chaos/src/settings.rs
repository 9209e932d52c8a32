//! The settings of runs.

use std::time::Duration;

use cache_chaos::history::Mode;
use cache_chaos::rates::Apart;
use cache_core::CacheBuilder;
use serde::{Deserialize, Serialize};

/// The number of processes in runs with drawn faults.
pub(crate) const PLACES: usize = 3;
/// The number of callers of each process in those runs.
pub(crate) const TASKS: u32 = 8;
/// The number of readers, and of writers, of a process in measured outages.
pub(crate) const STEADY_TASKS: u32 = 2;

/// The timeout of a statement, well below the lifetime of a lock.
pub(crate) const STATEMENT: Duration = Duration::from_millis(900);
/// How long a call may take before it counts as failed.
pub(crate) const CALL: Duration = Duration::from_secs(10);

/// The settings of the caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Profile {
    /// Shorter times than the defaults.
    ///
    /// A busy machine still meets them, stale reads show sooner, and a process can be stopped for longer than the
    /// lifetime of a lock.
    Short,
    /// The defaults, so that figures are those of a user.
    Defaults,
}

/// The settings that the checker needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spans {
    /// How long a local tier is trusted after a heartbeat.
    pub(crate) lease: Duration,
    /// The lifetime of a write lock.
    pub(crate) lock: Duration,
    /// The maximum age of a degraded hit.
    pub(crate) degraded: Duration,
    /// How long a write waits for each reply of Redis.
    pub(crate) write_timeout: Duration,
}

impl Profile {
    pub(crate) const fn spans(self) -> Spans {
        let [lease, lock, degraded] = match self {
            Self::Short => [400, 2_000, 1_000],
            Self::Defaults => [1_000, 10_000, 2_000],
        };
        Spans {
            lease: Duration::from_millis(lease),
            lock: Duration::from_millis(lock),
            degraded: Duration::from_millis(degraded),
            write_timeout: Duration::from_millis(250),
        }
    }

    /// Applies the settings to a builder.
    ///
    /// [`Defaults`](Self::Defaults) sets nothing; [`spans`](Self::spans) repeats the documented defaults.
    pub(crate) fn apply(self, builder: CacheBuilder) -> CacheBuilder {
        if self == Self::Defaults {
            return builder;
        }
        let Spans { lease, lock, degraded, write_timeout } = self.spans();
        let builder = builder.lease(lease).write_lock_ttl(lock).degraded_ttl(degraded);
        builder.read_timeout(Duration::from_millis(100)).write_timeout(write_timeout)
    }
}

/// The work of the callers of a process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Load {
    /// A number of random operations each, at a fixed interval unless one is delayed.
    Drawn { operations: u64, pace: Duration },
    /// Readers and writers at a fixed rate, until they are halted.
    Steady(Apart),
}

/// The promises to the readers of the keys.
pub(crate) const MODES: [Mode; 3] = [Mode::Safe, Mode::Fast, Mode::Strict];
/// The groups of each mode.
pub(crate) const GROUPS: u32 = 5;
/// The rows of each group.
pub(crate) const MEMBERS: u32 = 8;

/// The word of a mode that its keys begin with.
pub(crate) fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Fast => "fast",
        Mode::Safe => "safe",
        Mode::Strict => "strict",
    }
}
