//! The tiers that a cache has, as operators see them: in health, in metrics and in the log.

use std::fmt;

use serde::Serialize;

/// The tiers that a cache consists of. [`Cache::backend`](crate::Cache::backend) returns it.
///
/// `Display` writes the text that is the label `backend` of metrics, such as `single-instance`; serde writes the same.
///
/// # Examples
///
/// ```
/// use cache_core::{Backend, Cache};
///
/// let backend = Cache::single_instance().backend();
/// assert_eq!(backend, Backend::SingleInstance);
/// assert_eq!(backend.to_string(), "single-instance");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Backend {
    /// No tier: every read is a miss, every write a no-op.
    PassThrough,
    /// Only a local tier, for a single process. Writes of another process are not seen.
    SingleInstance,
    /// A local tier and a shared tier in memory: [`MemoryRemote`](crate::MemoryRemote).
    Memory,
    /// A local tier and Redis. It is the backend also while Redis is unreachable.
    Redis,
}

impl Backend {
    /// The text in metrics, health and log lines. Dashboards depend on it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PassThrough => "pass-through",
            Self::SingleInstance => "single-instance",
            Self::Memory => "memory",
            Self::Redis => "redis",
        }
    }

    /// Whether other instances can exist, and invalidations must reach them.
    pub(crate) fn has_remote(self) -> bool {
        // Every variant is named: announcements to a tier that is forgotten here would not be sent.
        match self {
            Self::PassThrough | Self::SingleInstance => false,
            Self::Memory | Self::Redis => true,
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
