//! The tiers that a cache has.

use std::fmt;

use serde::Serialize;

/// The tiers that a cache consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Backend {
    /// No tier: every read is a miss, every write a no-op.
    PassThrough,
    /// Only a local tier, for a single process.
    SingleInstance,
    /// A local tier and a shared tier in memory.
    Memory,
    /// A local tier and Redis.
    Redis,
}

impl Backend {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PassThrough => "pass-through",
            Self::SingleInstance => "single-instance",
            Self::Memory => "memory",
            Self::Redis => "redis",
        }
    }

    pub(crate) fn has_remote(self) -> bool {
        matches!(self, Self::Memory | Self::Redis)
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
