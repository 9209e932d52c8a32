//! The options of one read method.

use std::time::Duration;

use crate::codec::Codec;
use crate::protocol::Mode;

/// The engine of the local tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum LocalEngine {
    /// `quick_cache` (S3-FIFO). The default: its hits take less time than those of `moka` in the project's benchmarks.
    #[default]
    Quick,
    /// `moka` (W-TinyLFU): removes expired entries by itself instead of at their next look-up.
    #[cfg(feature = "moka")]
    Moka,
}

/// The policy of one read method: what it caches, for how long, and in which tiers.
///
/// The annotation of the trait gives the values at compile time; a decorator's builder may change them at run time.
///
/// ```
/// use std::time::Duration;
/// use cache_core::ReadPolicy;
///
/// let policy = ReadPolicy::new(Duration::from_secs(300)).negative_ttl(Duration::from_secs(30)).local_capacity(50_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct ReadPolicy {
    pub(crate) ttl: Duration,
    pub(crate) negative_ttl: Option<Duration>,
    pub(crate) jitter_percent: u8,
    pub(crate) local: bool,
    pub(crate) local_ttl: Option<Duration>,
    pub(crate) local_capacity: usize,
    pub(crate) local_engine: LocalEngine,
    pub(crate) codec: Codec,
    pub(crate) mode: Mode,
    pub(crate) enabled: bool,
}

impl ReadPolicy {
    /// Creates a policy with this time to live.
    ///
    /// It has 10 % jitter, no caching of absence, `MessagePack`, mode safe, and a local tier of 10,000 entries.
    ///
    /// The time starts when the load begins, and is at most ten years. It is an upper bound: in the shared tier an
    /// entry with a longer time to live becomes a miss after 12 to 24 hours, when the generation that it was filled
    /// under expires. With a time to live of zero nothing is cached, and with less than a millisecond nothing in the
    /// shared tier.
    pub const fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            negative_ttl: None,
            jitter_percent: 10,
            local: true,
            local_ttl: None,
            local_capacity: 10_000,
            local_engine: LocalEngine::Quick,
            codec: Codec::MessagePack,
            mode: Mode::Safe,
            enabled: true,
        }
    }

    /// Sets how long a present value lives, in both tiers.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Caches absence (`None`) for this long. Otherwise an absent value is loaded at every read.
    pub const fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.negative_ttl = Some(ttl);
        self
    }

    /// Shortens each entry's lifetime by a random share, up to this many percent.
    ///
    /// The maximum is 50 percent.
    ///
    /// Entries that were filled together then do not expire together.
    pub const fn jitter_percent(mut self, percent: u8) -> Self {
        self.jitter_percent = if percent > 50 { 50 } else { percent };
        self
    }

    /// Limits how long entries stay in the local tier, below their time to live.
    pub const fn local_ttl(mut self, ttl: Duration) -> Self {
        self.local = true;
        self.local_ttl = Some(ttl);
        self
    }

    /// Keeps entries in the shared tier only.
    pub const fn local_off(mut self) -> Self {
        self.local = false;
        self
    }

    /// Sets the capacity of the local tier in entries, at most 4,294,967,295. Zero disables it.
    pub const fn local_capacity(mut self, entries: usize) -> Self {
        self.local_capacity = entries;
        self
    }

    /// Sets the engine of the local tier.
    pub const fn local_engine(mut self, engine: LocalEngine) -> Self {
        self.local_engine = engine;
        self
    }

    /// Sets the encoding in the shared tier.
    pub const fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Sets what the writes that invalidate this method wait for.
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets whether this method is cached.
    ///
    /// If not, every read goes to the store. Writes still invalidate, for the instances that cache it.
    pub const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }
}
