//! What is the same in every run.

use std::time::Duration;

use cache_chaos::history::Mode;

/// How many processes work at a time.
pub(crate) const PLACES: usize = 3;
/// How many callers each of them has.
pub(crate) const TASKS: u32 = 8;

/// How long a local tier is trusted without news. Shorter than the default: a machine that is busy with other things is still in
/// time, and what is older is sooner found.
pub(crate) const LEASE: Duration = Duration::from_millis(400);
/// How long a writer's lock lives. Short, so that processes can be stopped for longer.
pub(crate) const LOCK: Duration = Duration::from_secs(2);
/// A statement ends by itself long before its lock does.
pub(crate) const STATEMENT: Duration = Duration::from_millis(900);
/// How long a write waits for Redis, each time that it asks.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_millis(250);
/// How long a read waits for Redis.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_millis(100);
/// How long a call may take before it counts as failed.
pub(crate) const CALL: Duration = Duration::from_secs(10);
/// How old an answer may be that is kept while Redis is out of reach.
pub(crate) const DEGRADED: Duration = Duration::from_secs(1);

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
