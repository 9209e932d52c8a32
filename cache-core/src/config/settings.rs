//! The settings of a cache, with their defaults.
//!
//! A setting is stored within its range: the builder passes every value through `limits` first.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::protocol::Protection;

/// The settings of a cache, with their defaults.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The prefix of every key, generation and channel.
    pub(crate) key_prefix: Option<String>,
    /// H: how long the local tier is trusted after a heartbeat.
    pub(crate) lease: Duration,
    /// P: how long a writer's lock lives.
    pub(crate) write_lock_ttl: Duration,
    /// How long an attempt to connect may take.
    pub(crate) connect_timeout: Duration,
    /// How long a read waits for the shared tier.
    pub(crate) read_timeout: Duration,
    /// How long each request of a write waits for it.
    pub(crate) write_timeout: Duration,
    /// How long a load may take, with its wait for a permit.
    pub(crate) load_deadline: Duration,
    /// How long the local tier answers while the shared tier is unreachable; zero disables it.
    pub(crate) degraded_ttl: Duration,
    /// How long a returning instance waits for the others; `None` is `RECOVERY_BARRIER` leases.
    pub(crate) recovery_barrier: Option<Duration>,
    /// How long a shutdown waits for work in progress.
    pub(crate) shutdown_timeout: Duration,
    /// The bound of concurrent loads while the shared tier is unreachable.
    pub(crate) max_concurrent_loads: usize,
    /// The bound of concurrent refreshes.
    pub(crate) refreshes: usize,
    /// The largest entry of the shared tier, in bytes with its envelope.
    pub(crate) max_entry: usize,
    /// One hit in this many is compared with the store.
    pub(crate) verify_one_in: Option<NonZeroU32>,
    /// The protection that a test has disabled.
    pub(crate) without: Option<Protection>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            key_prefix: None,
            lease: Duration::from_secs(1),
            write_lock_ttl: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(2),
            read_timeout: Duration::from_millis(50),
            write_timeout: Duration::from_millis(250),
            load_deadline: Duration::from_secs(30),
            degraded_ttl: Duration::from_secs(2),
            recovery_barrier: None,
            shutdown_timeout: Duration::from_secs(10),
            max_concurrent_loads: 64,
            refreshes: 16,
            max_entry: 1024 * 1024,
            verify_one_in: None,
            without: None,
        }
    }
}

/// The default limit of the recovery barrier, in leases.
const RECOVERY_BARRIER: u32 = 10;

impl Settings {
    /// The limit of each of the last steps of a shutdown.
    pub(crate) fn last_step(&self) -> Duration {
        self.write_timeout.min(Duration::from_secs(1))
    }

    pub(crate) fn recovery_barrier(&self) -> Duration {
        if !self.protects(Protection::RecoveryBarrier) {
            return Duration::ZERO;
        }
        self.recovery_barrier.unwrap_or(self.lease.saturating_mul(RECOVERY_BARRIER))
    }

    /// Whether this protection is enabled. Always, in a build without the feature `testing`.
    #[inline]
    pub(crate) fn protects(&self, protection: Protection) -> bool {
        !cfg!(feature = "testing") || self.without != Some(protection)
    }
}
