//! How runs are set up.

use std::time::Duration;

use cache_chaos::history::Mode;
use cache_chaos::rates::Apart;
use cache_core::CacheBuilder;
use serde::{Deserialize, Serialize};

/// How many processes work at a time where faults are drawn.
pub(crate) const PLACES: usize = 3;
/// How many callers each of them has.
pub(crate) const TASKS: u32 = 8;
/// How many readers, and how many writers, a process has where outages are measured.
pub(crate) const STEADY_TASKS: u32 = 2;

/// A statement ends by itself long before a lock does.
pub(crate) const STATEMENT: Duration = Duration::from_millis(900);
/// How long a call may take before it counts as failed.
pub(crate) const CALL: Duration = Duration::from_secs(10);

/// How the caches are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Profile {
    /// Shorter than the defaults: a machine that is busy with other things is still in time, what is older is sooner found, and
    /// processes can be stopped for longer than a lock lives.
    Short,
    /// The product's own defaults, so that figures are those of a user.
    Defaults,
}

/// What the checker has to know of the settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spans {
    /// How long a local tier is trusted without news.
    pub(crate) lease: Duration,
    /// How long a writer's lock lives.
    pub(crate) lock: Duration,
    /// How old an answer may be that is kept while Redis is out of reach.
    pub(crate) degraded: Duration,
    /// How long a write waits for Redis, each time that it asks.
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

    /// Sets nothing that is a default already. [`spans`](Self::spans) has what the builder's documentation says of those.
    pub(crate) fn apply(self, builder: CacheBuilder) -> CacheBuilder {
        if self == Self::Defaults {
            return builder;
        }
        let Spans { lease, lock, degraded, write_timeout } = self.spans();
        let builder = builder.lease(lease).lock(lock).degraded_ttl(degraded);
        builder.read_timeout(Duration::from_millis(100)).write_timeout(write_timeout)
    }
}

/// What the callers of a process do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Load {
    /// So many operations of chance each, so long apart if nothing holds them up.
    Drawn { operations: u64, pace: Duration },
    /// Readers and writers at a rate, until they are told to halt.
    Steady(Apart),
}

/// What the readers of the keys are promised.
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
