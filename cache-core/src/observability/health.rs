//! Health: what an operator wants to know.

use std::fmt;
use std::time::Duration;

/// What a cache is built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// Nothing: every read is a miss, every write a no-op.
    PassThrough,
    /// A local tier only; good for one process.
    SingleInstance,
    /// A local tier and a shared tier in memory.
    Memory,
    /// A local tier and Redis.
    Redis,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PassThrough => "pass-through",
            Self::SingleInstance => "single-instance",
            Self::Memory => "memory",
            Self::Redis => "redis",
        })
    }
}

/// How well a cache does. It serves correct answers in each of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Everything that was configured works.
    Healthy,
    /// The first connection to the shared tier is being made.
    Connecting,
    /// The shared tier is out of reach: reads go to the store.
    Degraded,
}

/// A cache's answer to [`Cache::health`](crate::Cache::health). It holds no address and no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// How well it does.
    pub status: Status,
    /// What it is built on.
    pub backend: Backend,
    /// Whether the shared tier may be used at this moment.
    pub shared: bool,
    /// Whether the local tier may answer at this moment.
    pub local: bool,
    /// How long the local tier is trusted without news (H).
    pub lease: Duration,
    /// How long the last heartbeat over the bus took, there and back.
    pub bus_lag: Option<Duration>,
    /// How long ago the last heartbeat came back.
    pub last_beat: Option<Duration>,
    /// Invalidations that Redis has not heard yet; `usize::MAX` when there were too many to remember.
    pub journal: usize,
    /// Whether the shared tier is left alone because too many of its answers were errors or came too late. It is tried
    /// again by itself, after one to five seconds.
    pub breaker_open: bool,
    /// What is wrong with the shared tier, in words.
    pub error: Option<String>,
}
