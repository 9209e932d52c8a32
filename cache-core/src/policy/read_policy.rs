//! The options of one read method.
//!
//! [`ReadPolicy`] has one method for each option of `#[cached(..)]` that can be changed at run time, with the same
//! name. The methods are `const`, so that generated code pays nothing for a policy that its annotation fixes.

use std::time::Duration;

use crate::codec::Codec;
use crate::protocol::Mode;

/// The bound of the local tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LocalCapacity {
    Entries(usize),
    Bytes(u64),
}

impl LocalCapacity {
    pub(crate) fn is_zero(self) -> bool {
        matches!(self, Self::Entries(0) | Self::Bytes(0))
    }
}

/// The engine of the local tier.
///
/// Both evict by recency and frequency of use, so a scan over many keys does not displace the entries in steady use.
/// Which one is used makes no difference to what a reader may see.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_core::{LocalEngine, ReadPolicy};
///
/// assert_eq!(LocalEngine::default(), LocalEngine::Quick);
/// let policy = ReadPolicy::new(Duration::from_secs(60)).local_engine(LocalEngine::Quick);
/// # let _ = policy;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum LocalEngine {
    /// `quick_cache`. The default: its hits take less time than those of `moka` in the project's benchmarks.
    ///
    /// It uses S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023). An expired entry
    /// occupies its place until its next look-up or its eviction.
    #[default]
    Quick,
    /// `moka`: removes expired entries by itself instead of at their next look-up.
    ///
    /// It uses W-TinyLFU (Einziger, Friedman and Manes, "`TinyLFU`: a highly efficient cache admission policy", 2017).
    /// Choose it if large values should leave memory although no read asks for them again.
    #[cfg(feature = "moka")]
    Moka,
}

/// The age of an entry from which a read starts a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefreshAfter {
    Age(Duration),
    /// Of the time to live; below 100.
    Percent(u8),
}

/// The options of one read method: what it caches, how long, and where.
///
/// The annotation of the trait gives the values at compile time; a decorator's builder may change them at run time, and
/// [`Cache::region`](crate::Cache::region) takes a policy directly.
///
/// A policy is a property of the instance that uses it, with two exceptions that all instances of a service should
/// share: [`mode`](Self::mode), which the writers follow, and [`codec`](Self::codec), because an instance with another
/// codec treats the entries as misses.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_core::ReadPolicy;
///
/// let policy = ReadPolicy::new(Duration::from_secs(300)).negative_ttl(Duration::from_secs(30)).local_capacity(50_000);
/// # let _ = policy;
/// ```
///
/// In the builder of a decorator, a method named like the read method changes its policy:
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use cache_core::Cache;
///
/// #[cache_core::cached_store(namespace = "demo")]
/// trait SquareStore: Send + Sync {
///     #[cached(entity = "square", key(n), ttl = "1h")]
///     async fn square(&self, n: u64) -> Result<u64, cache_core::Error>;
/// }
///
/// struct Arithmetic;
///
/// impl SquareStore for Arithmetic {
///     async fn square(&self, n: u64) -> Result<u64, cache_core::Error> {
///         Ok(n * n)
///     }
/// }
///
/// let squares = CachingSquareStore::builder(Arc::new(Arithmetic), &Cache::single_instance())
///     .square(|annotated| annotated.ttl(Duration::from_secs(60)).local_capacity(100))
///     .build();
/// # let _ = squares;
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct ReadPolicy {
    /// The longest life of a present value.
    pub(crate) ttl: Duration,
    /// The longest life of an absence; `None` does not cache it.
    pub(crate) negative_ttl: Option<Duration>,
    /// At most 50.
    pub(crate) jitter_percent: u8,
    /// Whether there is a local tier.
    pub(crate) local: bool,
    /// A limit below `ttl`, for the local tier only.
    pub(crate) local_ttl: Option<Duration>,
    /// The age from which a read starts a refresh, if there is one.
    pub(crate) refresh_after: Option<RefreshAfter>,
    /// Whether a key has one refresh in the whole fleet.
    pub(crate) refresh_once: bool,
    /// How long an expired value still answers while it is loaded again.
    pub(crate) stale_while_revalidate: Duration,
    /// How long an expired value answers in place of a load that fails.
    pub(crate) stale_if_error: Duration,
    /// How long a caller waits for a load if an expired value may answer.
    pub(crate) soft_timeout: Option<Duration>,
    /// That of the cache if there is none.
    pub(crate) load_deadline: Option<Duration>,
    /// Zero disables the local tier.
    pub(crate) local_capacity: LocalCapacity,
    /// How long a local entry stays without a read, if that is limited.
    pub(crate) tti: Option<Duration>,
    pub(crate) local_engine: LocalEngine,
    pub(crate) codec: Codec,
    pub(crate) mode: Mode,
    /// Whether reads are cached at all.
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
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// const HOURLY: ReadPolicy = ReadPolicy::new(Duration::from_secs(3600));
    /// assert_eq!(HOURLY, HOURLY.jitter_percent(10).local_capacity(10_000)); // the defaults
    /// ```
    pub const fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            negative_ttl: None,
            jitter_percent: 10,
            local: true,
            local_ttl: None,
            refresh_after: None,
            refresh_once: false,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            soft_timeout: None,
            load_deadline: None,
            local_capacity: LocalCapacity::Entries(10_000),
            tti: None,
            local_engine: LocalEngine::Quick,
            codec: Codec::MessagePack,
            mode: Mode::Safe,
            enabled: true,
        }
    }

    /// Sets how long a present value lives at most, in both tiers.
    ///
    /// The range and the beginning of the time are those of [`new`](Self::new). A write that invalidates the entry ends
    /// its life earlier; the time to live bounds the staleness only of rows that change without the decorator.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let annotated = ReadPolicy::new(Duration::from_secs(300));
    /// let policy = annotated.ttl(Duration::from_secs(60));
    /// assert_eq!(policy, ReadPolicy::new(Duration::from_secs(60)));
    /// ```
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Caches absence (`None`) for this long. Otherwise an absent value is loaded at every read.
    ///
    /// It concerns methods that return `Result<Option<V>, E>`, and the keys that a batch method omits from its map.
    /// Range and jitter are those of [`ttl`](Self::ttl). A write that creates the row invalidates its absence as well.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(300)).negative_ttl(Duration::from_secs(10));
    /// # let _ = policy;
    /// ```
    pub const fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.negative_ttl = Some(ttl);
        self
    }

    /// Shortens each entry's lifetime by a random share, up to this many percent.
    ///
    /// Default 10, at most 50; a larger number counts as 50. Entries that were filled together then do not expire
    /// together, which would send their next reads to the store at one moment. Jitter never lengthens a life.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(100)).jitter_percent(20); // lives 80 to 100 s
    /// assert_eq!(policy.jitter_percent(99), policy.jitter_percent(50));
    /// ```
    pub const fn jitter_percent(mut self, percent: u8) -> Self {
        self.jitter_percent = if percent > 50 { 50 } else { percent };
        self
    }

    /// Limits how long entries stay in the local tier, below their time to live.
    ///
    /// The time counts from the moment at which the entry is stored locally. After it the read goes to the shared tier,
    /// which still has the entry. It also enables a local tier that [`local_off`](Self::local_off) has disabled.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(3600)).local_ttl(Duration::from_secs(30));
    /// # let _ = policy;
    /// ```
    pub const fn local_ttl(mut self, ttl: Duration) -> Self {
        self.local = true;
        self.local_ttl = Some(ttl);
        self
    }

    /// Refreshes entries ahead: the first read of an entry of this age starts a load in the background.
    ///
    /// All reads are answered by the cached value meanwhile, without waiting for the load. The new value replaces it in
    /// both tiers, unless a write of the entry began after the load; then it is dropped. An age of the time to live or
    /// more refreshes nothing. With zero, every hit starts a refresh as soon as the previous one has ended.
    ///
    /// The refresh begins a fixed time before the end of the life: the time to live minus this age. A value whose own life
    /// (`ttl_from`, `expires_at`) is not longer than that is not refreshed, and a method with such lives does not refresh
    /// an entry that its instance has copied from the shared tier within that time before the end.
    ///
    /// The jitter moves the refresh together with the end of the life, so that it begins at this age or a little later
    /// or earlier: with 10 % jitter, between 90 % of this age and this age plus 10 % of the rest of the life.
    ///
    /// An instance runs one refresh for a key at a time, and a limited number for all keys
    /// ([`CacheBuilder::refreshes`](crate::CacheBuilder::refreshes)). It asks the shared tier first: what another
    /// instance has refreshed is not loaded again. After a refresh that failed, the method starts no other for a second,
    /// and none of that key for ten seconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(300)).refresh_after(Duration::from_secs(240));
    /// # let _ = policy;
    /// ```
    pub const fn refresh_after(mut self, age: Duration) -> Self {
        self.refresh_after = Some(RefreshAfter::Age(age));
        self
    }

    /// Like [`refresh_after`](Self::refresh_after), with the age in percent of the time to live, also that of absences.
    ///
    /// 100 or more refreshes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(300)).refresh_after_percent(80); // after 4 minutes
    /// # let _ = policy;
    /// ```
    pub const fn refresh_after_percent(mut self, percent: u8) -> Self {
        self.refresh_after = Some(RefreshAfter::Percent(percent));
        self
    }

    /// Refreshes a key in one instance at a time.
    ///
    /// Otherwise each instance that reads an entry of that age refreshes it, unless another one has done so already: several
    /// that begin at once call the store several times. With this option an instance claims the refresh in the shared tier
    /// first, which takes a round trip. An instance without the claim keeps its value, and takes the other one's from the
    /// shared tier at a read a second later. A claim ends with its refresh, or ten seconds after one that has failed. If
    /// its process ends, the claim ends a little after the deadline of the method's loads ([`load_deadline`](Self::load_deadline)).
    ///
    /// Without a shared tier it has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(300)).refresh_after_percent(80).refresh_once();
    /// # let _ = policy;
    /// ```
    pub const fn refresh_once(mut self) -> Self {
        self.refresh_once = true;
        self
    }

    /// Lets an expired value answer for this long after its time to live, while it is loaded again in the background.
    ///
    /// Default zero, at most ten years. The value answers only while no write has invalidated it, in either tier and on
    /// every instance: it is as old as the row may be that changed without the decorator. A fence that is unknown, since
    /// the shared tier is unreachable or the local tier is not trusted, ends it as well.
    ///
    /// The load is a refresh, as for [`refresh_after`](Self::refresh_after). Entries stay in Redis for this much longer,
    /// and are misses after 12 to 24 hours at the latest, as described at [`new`](Self::new). A method with
    /// `load = inline` has no load in the background: its expired values answer and are not replaced.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(60)).stale_while_revalidate(Duration::from_secs(600));
    /// # let _ = policy;
    /// ```
    pub const fn stale_while_revalidate(mut self, span: Duration) -> Self {
        self.stale_while_revalidate = span;
        self
    }

    /// Lets an expired value answer for this long after its time to live, if the store fails.
    ///
    /// Default zero, at most ten years. A read calls the store first. The value answers if the store is unavailable: if
    /// its error says so ([`LoadError::is_outage`](crate::LoadError::is_outage)), or if the load exceeds its deadline and
    /// the error type implements `From<Error>`. An error that is an answer, such as "not found" or "forbidden", reaches
    /// the caller. For a second after an outage, or until a load of the method succeeds, such values answer without a
    /// call of the store.
    ///
    /// A region without a decorator does not ask its errors, and knows exceeded deadlines only.
    ///
    /// The conditions on the value are those of [`stale_while_revalidate`](Self::stale_while_revalidate).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(60)).stale_if_error(Duration::from_secs(3600));
    /// # let _ = policy;
    /// ```
    pub const fn stale_if_error(mut self, span: Duration) -> Self {
        self.stale_if_error = span;
        self
    }

    /// Lets a caller wait at most this long for a load if an expired value may answer in its place.
    ///
    /// By default a caller waits for the load, at most for its [`load_deadline`](Self::load_deadline). From 1 ms to ten
    /// years; a value outside counts as the nearest one within, zero as 1 ms. The expired values are those that
    /// [`stale_if_error`](Self::stale_if_error) keeps, under the same conditions: without that option a soft timeout has
    /// no effect. A value that was invalidated during the load does not answer, and neither does one for a
    /// read through `fresh()`. If the call concerns many keys, it returns old values for all of them, or waits.
    ///
    /// The load continues in its task. It ends by its deadline, and its value replaces the old one in both tiers, unless
    /// a write of the entry began after the load. Callers that arrive later do not wait for it: for a second after a soft
    /// timeout, or until a load of the method succeeds, expired values answer without a call of the store. So a store
    /// that hangs has about one more call of a key for each second of the load's deadline, and not one for each read. Such
    /// loads are among the [`refreshes`](crate::CacheBuilder::refreshes) of the cache; beyond that number a caller waits.
    ///
    /// A load that began earlier may end later: it then replaces the value of a read through `fresh()` that has found a
    /// newer row, if the row changed without the decorator.
    ///
    /// A method with `load = inline` has no task in which the load could continue, and waits for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(60))
    ///     .stale_if_error(Duration::from_secs(3600))
    ///     .soft_timeout(Duration::from_millis(50));
    /// # let _ = policy;
    /// ```
    pub const fn soft_timeout(mut self, limit: Duration) -> Self {
        self.soft_timeout = Some(limit);
        self
    }

    /// Sets the deadline of this method's loads, those in the background included.
    ///
    /// Default: that of the cache ([`CacheBuilder::load_deadline`](crate::CacheBuilder::load_deadline)), whose range and
    /// meaning it has. From 1 ms to ten years; a value outside counts as the nearest one within, zero as 1 ms. Callers
    /// that wait for a load receive an error after it. If the store's error type does not implement
    /// `From<cache_core::Error>`, they call the store themselves instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(60)).load_deadline(Duration::from_secs(2));
    /// # let _ = policy;
    /// ```
    pub const fn load_deadline(mut self, deadline: Duration) -> Self {
        self.load_deadline = Some(deadline);
        self
    }

    /// Keeps entries in the shared tier only.
    ///
    /// Every read then takes a round trip to the shared tier, and returns nothing older than a write that returned
    /// before the read began. In a cache with a local tier only, nothing is cached.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(60)).local_off();
    /// # let _ = policy;
    /// ```
    pub const fn local_off(mut self) -> Self {
        self.local = false;
        self
    }

    /// Sets the capacity of the local tier in entries, at most 4,294,967,295. Zero disables it.
    ///
    /// Default 10,000. Above it the engine evicts the entries that were used least. It replaces a capacity in bytes
    /// ([`local_capacity_bytes`](Self::local_capacity_bytes)): the last call wins.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(60)).local_capacity(500_000);
    /// # let _ = policy;
    /// ```
    pub const fn local_capacity(mut self, entries: usize) -> Self {
        self.local_capacity = LocalCapacity::Entries(entries);
        self
    }

    /// Sets the capacity of the local tier in bytes. Zero disables it.
    ///
    /// An entry weighs the length of its encoded value, or what the option `weigh` of the annotation returns for it, and
    /// 128 bytes for the key and the entry itself. An absence weighs the latter only. The value is weighed once, when it
    /// is stored; a hit does not pay for it. The length is that of the method's codec, compressed by nothing, and only
    /// an estimate of the memory that the typed value owns: measure a value, and choose the capacity accordingly.
    /// Weights are rounded up by at most 0.1 %.
    ///
    /// An entry that weighs more than a tenth of the capacity, and a value without a weight, because it cannot be encoded
    /// or `weigh` panics, are not stored locally. They are counted
    /// ([`local_refused`](crate::MethodStats::local_refused)), stay in the shared tier, and replace what the local tier
    /// had for the key. [`Region::local_weight`](crate::Region::local_weight) and the metric `cache.local.weight` have
    /// the current weight. It replaces a capacity in entries ([`local_capacity`](Self::local_capacity)): the last call
    /// wins.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(60)).local_capacity_bytes(64 << 20); // 64 MiB
    /// # let _ = policy;
    /// ```
    pub const fn local_capacity_bytes(mut self, bytes: u64) -> Self {
        self.local_capacity = LocalCapacity::Bytes(bytes);
        self
    }

    /// Sets the time to idle: an entry that is not read for this long leaves the local tier.
    ///
    /// Default: no limit but the time to live. It concerns the local tier only: the shared tier still has the entry, and
    /// answers the next read. It bounds memory and not staleness, which is the business of [`ttl`](Self::ttl) and
    /// [`local_ttl`](Self::local_ttl): a value that is read all the time stays until these end.
    ///
    /// The time is kept in steps, so that most hits write nothing: an entry leaves when it was idle for this long, or
    /// up to a thirty-second of it later. It does not answer from then on. Its memory is freed by the next read of the
    /// key, or by a sweep that a later fill of the method starts, at most once in this time (with
    /// [`LocalEngine::Quick`]). Every read of the entry counts, `peek` as well. Zero disables the local tier.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::ReadPolicy;
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(3600)).tti(Duration::from_secs(600));
    /// # let _ = policy;
    /// ```
    pub const fn tti(mut self, idle: Duration) -> Self {
        self.tti = Some(idle);
        self
    }

    /// Sets the engine of the local tier. Default [`Quick`](LocalEngine::Quick).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::{LocalEngine, ReadPolicy};
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(60)).local_engine(LocalEngine::Quick);
    /// # let _ = policy;
    /// ```
    pub const fn local_engine(mut self, engine: LocalEngine) -> Self {
        self.local_engine = engine;
        self
    }

    /// Sets the encoding in the shared tier. Default [`MessagePack`](Codec::MessagePack).
    ///
    /// Entries of another codec are misses, so a roll-out that changes it costs one load for each entry. The annotation
    /// refuses a codec that loses data of the type; this method cannot, and the check at run time remains ([`Codec`]).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::{Codec, ReadPolicy};
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(60)).codec(Codec::MessagePack);
    /// # let _ = policy;
    /// ```
    pub const fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Sets what the writes that invalidate this method wait for. Default [`Safe`](Mode::Safe).
    ///
    /// The writer's policy decides: set the same mode on every instance.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::{Mode, ReadPolicy};
    ///
    /// let policy = ReadPolicy::new(Duration::from_secs(60)).mode(Mode::Strict);
    /// # let _ = policy;
    /// ```
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets whether this method is cached. Default `true`.
    ///
    /// If not, every read calls the store, concurrent reads of one key as well, and nothing is stored in either tier.
    /// Writes still invalidate, for the instances that cache it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::{ReadPolicy, Variables};
    ///
    /// let on = Variables::from_env().switch("ENABLE_PROFILE_CACHE")?;
    /// let policy = ReadPolicy::new(Duration::from_secs(60)).enabled(on);
    /// # let _ = policy;
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    pub const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }
}
