//! Statistics per store and method.
//!
//! [`Counters`] are what the engine increments, [`Stats`] and [`MethodStats`] are copies for callers. They count from
//! the construction of the cache and never decrease, so two copies can be subtracted. The counter of local hits is
//! sharded, because every hit of every thread increments it; the others are plain atomics. The metrics of the facade
//! are computed from the same counters.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Sharded;
use super::checks::{Check, Checks};
use super::metrics::{MethodMeter, Totals};
use crate::codec::{Codec, Trips};
use crate::protocol::envelope::Unusable;
use crate::protocol::{Backend, TierErrorKind};

/// The counters of one read method.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) store: &'static str,
    pub(crate) method: &'static str,
    /// Present and absent hits of the local tier.
    pub(crate) local: Sharded,
    pub(crate) degraded_hits: AtomicU64,
    pub(crate) shared_hits: AtomicU64,
    pub(crate) shared_negative_hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) loads: AtomicU64,
    /// Successful loads. Loads in progress are already counted in `loads`.
    pub(crate) loaded: AtomicU64,
    pub(crate) load_errors: AtomicU64,
    pub(crate) coalesced: AtomicU64,
    pub(crate) bypasses: AtomicU64,
    pub(crate) stale_hits: AtomicU64,
    pub(crate) stale_if_error: AtomicU64,
    pub(crate) stale_if_slow: AtomicU64,
    pub(crate) refreshes: AtomicU64,
    /// Successful refreshes. Those in progress are already counted in `refreshes`.
    pub(crate) refreshed: AtomicU64,
    pub(crate) refresh_errors: AtomicU64,
    pub(crate) refreshes_skipped: AtomicU64,
    /// Loads that have returned the value before.
    pub(crate) revalidated: AtomicU64,
    /// Values that writes have stored.
    pub(crate) updates: AtomicU64,
    pub(crate) fills: AtomicU64,
    /// Values that did not enter the local tier because of their weight.
    pub(crate) local_refused: AtomicU64,
    pub(crate) invalidations: AtomicU64,
    pub(crate) bytes_read: AtomicU64,
    pub(crate) bytes_written: AtomicU64,
    unusable: [AtomicU64; Unusable::ALL.len()],
    remote: [AtomicU64; TierErrorKind::ALL.len()],
    encode: AtomicU64,
    altered: AtomicU64,
    /// Decides which values are checked for a round trip through the codec.
    pub(crate) trips: Trips,
    checks: Checks,
    pub(crate) meter: MethodMeter,
}

impl Counters {
    pub(crate) fn new(store: &'static str, method: &'static str, backend: Backend) -> Self {
        let damage = damage().map(Unusable::name).chain(["encode", "altered"]).map(|kind| ("entry", kind));
        Self {
            store,
            method,
            local: Sharded::new(),
            degraded_hits: AtomicU64::default(),
            shared_hits: AtomicU64::default(),
            shared_negative_hits: AtomicU64::default(),
            misses: AtomicU64::default(),
            loads: AtomicU64::default(),
            loaded: AtomicU64::default(),
            load_errors: AtomicU64::default(),
            coalesced: AtomicU64::default(),
            bypasses: AtomicU64::default(),
            stale_hits: AtomicU64::default(),
            stale_if_error: AtomicU64::default(),
            stale_if_slow: AtomicU64::default(),
            refreshes: AtomicU64::default(),
            refreshed: AtomicU64::default(),
            refresh_errors: AtomicU64::default(),
            refreshes_skipped: AtomicU64::default(),
            revalidated: AtomicU64::default(),
            updates: AtomicU64::default(),
            fills: AtomicU64::default(),
            local_refused: AtomicU64::default(),
            invalidations: AtomicU64::default(),
            bytes_read: AtomicU64::default(),
            bytes_written: AtomicU64::default(),
            unusable: Default::default(),
            remote: Default::default(),
            encode: AtomicU64::default(),
            altered: AtomicU64::default(),
            trips: Trips::new(),
            checks: Checks::default(),
            meter: MethodMeter::new(store, method, backend, damage),
        }
    }

    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_many(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Counts an entry that could not be used, by its reason.
    pub(crate) fn unusable(&self, reason: Unusable) {
        Self::add(&self.unusable[reason as usize]);
    }

    /// Counts an error of the shared tier.
    pub(crate) fn tier_error(&self, kind: TierErrorKind) {
        Self::add(&self.remote[kind as usize]);
    }

    /// Counts a value that its codec refused.
    pub(crate) fn encode_error(&self) {
        Self::add(&self.encode);
    }

    /// Counts a value that its codec alters. The first one is logged.
    pub(crate) fn altered(&self, codec: Codec) {
        Self::add(&self.altered);
        if self.trips.failed() {
            tracing::warn!(
                store = self.store,
                method = self.method,
                ?codec,
                "a value does not come back from its codec as it was, and is not put into the shared tier: an attribute of serde \
                 (`skip_deserializing`, `skip_serializing_if`, `rename` of one side, `untagged`) or a hand-written `Deserialize` \
                 loses or shifts data. Derive `CacheValue` for the type, which names most such attributes at compile time, or use \
                 another codec. `cache.errors.total` with the kind `altered` counts these values"
            );
        }
    }

    /// Counts a check of a sampled hit against the store.
    pub(crate) fn checked(&self, check: Check) {
        self.checks.add(check);
        if let Check::Stale(span) = check {
            self.meter.staleness.record(span);
        }
    }

    /// Reports what was counted since the last call to the recorder.
    pub(super) fn publish(&self) {
        self.meter.publish(&self.totals());
    }

    fn totals(&self) -> Totals {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let [local, local_absent] = self.local.totals();
        Totals {
            operations: [
                local,
                local_absent,
                get(&self.shared_hits),
                get(&self.shared_negative_hits),
                get(&self.coalesced),
                get(&self.misses),
                get(&self.loaded),
                get(&self.load_errors),
                get(&self.bypasses),
                get(&self.degraded_hits),
                get(&self.stale_hits),
                get(&self.stale_if_error),
                get(&self.stale_if_slow),
                get(&self.refreshed),
                get(&self.refresh_errors),
                get(&self.refreshes_skipped),
                get(&self.revalidated),
                get(&self.updates),
                get(&self.fills),
                get(&self.local_refused),
                get(&self.invalidations),
            ],
            bytes: [get(&self.bytes_read), get(&self.bytes_written)],
            checks: self.checks.totals(),
            damage: damage()
                .map(|reason| &self.unusable[reason as usize])
                .chain([&self.encode, &self.altered])
                .map(get)
                .collect(),
        }
    }

    fn read(&self) -> MethodStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let [local, local_negative] = self.local.totals();
        let [verified_equal, verified_stale, verified_raced, verified_failed] = self.checks.totals();
        MethodStats {
            local_hits: local + local_negative,
            degraded_hits: get(&self.degraded_hits),
            shared_hits: get(&self.shared_hits) + get(&self.shared_negative_hits),
            negative_hits: local_negative + get(&self.shared_negative_hits),
            misses: get(&self.misses),
            loads: get(&self.loads),
            load_errors: get(&self.load_errors),
            coalesced: get(&self.coalesced),
            bypasses: get(&self.bypasses),
            stale_hits: get(&self.stale_hits),
            stale_if_error: get(&self.stale_if_error),
            stale_if_slow: get(&self.stale_if_slow),
            refreshes: get(&self.refreshes),
            refresh_errors: get(&self.refresh_errors),
            refreshes_skipped: get(&self.refreshes_skipped),
            revalidated: get(&self.revalidated),
            updates: get(&self.updates),
            fills: get(&self.fills),
            local_refused: get(&self.local_refused),
            invalidations: get(&self.invalidations),
            bytes_read: get(&self.bytes_read),
            bytes_written: get(&self.bytes_written),
            verified_equal,
            verified_stale,
            verified_raced,
            verified_failed,
            verified_stale_micros: self.checks.stale_micros(),
            errors: self.errors(),
        }
    }

    fn errors(&self) -> BTreeMap<&'static str, u64> {
        let unusable = damage().map(|reason| (reason.name(), &self.unusable[reason as usize]));
        let remote = TierErrorKind::ALL.iter().map(|kind| (kind.name(), &self.remote[*kind as usize]));
        let all = unusable.chain(remote).chain([("encode", &self.encode), ("altered", &self.altered)]);
        all.map(|(name, counter)| (name, counter.load(Ordering::Relaxed))).filter(|(_, count)| *count > 0).collect()
    }
}

/// The reasons that mean damaged or foreign bytes, not just outdated ones.
fn damage() -> impl Iterator<Item = Unusable> {
    Unusable::ALL.into_iter().filter(|reason| reason.is_damage())
}

/// The statistics of a cache since it was built, per store and method.
///
/// Two of them can be compared and subtracted, for example in a test. Two decorators of one trait in a cache add up.
///
/// # Examples
///
/// ```
/// # use cache_core::Cache;
/// # let cache = Cache::pass_through();
/// let before = cache.stats();
/// // … calls …
/// let done = cache.stats().since(&before);
/// assert_eq!(done.method("PolicyStore", "get_policy").loads, 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    methods: BTreeMap<(&'static str, &'static str), MethodStats>,
}

impl Stats {
    /// Adds the counters of one region.
    pub(super) fn count(&mut self, counters: &Counters) {
        self.methods.entry((counters.store, counters.method)).or_default().add(&counters.read());
    }

    /// Returns the statistics of one read method; all zero if it is unknown.
    ///
    /// `store` is the name of the trait and `method` that of its read method. A region has its namespace and its entity
    /// instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Cache;
    ///
    /// let stats = Cache::pass_through().stats();
    /// assert_eq!(stats.method("PolicyStore", "get_policy").loads, 0);
    /// ```
    pub fn method(&self, store: &str, method: &str) -> MethodStats {
        let found = self.methods.iter().find(|((known_store, known), _)| *known_store == store && *known == method);
        found.map(|(_, stats)| stats.clone()).unwrap_or_default()
    }

    /// Returns every method with its statistics, in the order of the names.
    ///
    /// The items are `((store, method), stats)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let cache = cache_core::Cache::pass_through();
    /// for ((store, method), stats) in cache.stats().methods() {
    ///     println!("{store}::{method}: {} local hits, {} loads", stats.local_hits, stats.loads);
    /// }
    /// ```
    pub fn methods(&self) -> impl Iterator<Item = ((&'static str, &'static str), &MethodStats)> {
        self.methods.iter().map(|(name, stats)| (*name, stats))
    }

    /// Returns the sum of all methods.
    pub fn total(&self) -> MethodStats {
        let mut total = MethodStats::default();
        self.methods.values().for_each(|stats| total.add(stats));
        total
    }

    /// Returns the difference to `earlier`, an older snapshot of the same cache.
    ///
    /// Methods that are missing in `earlier` keep their counts. A count that is higher in `earlier` becomes zero.
    ///
    /// # Examples
    ///
    /// ```
    /// # let cache = cache_core::Cache::pass_through();
    /// let before = cache.stats();
    /// // … calls …
    /// assert_eq!(cache.stats().since(&before).total().loads, 0);
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut methods = self.methods.clone();
        for (name, stats) in &mut methods {
            if let Some(before) = earlier.methods.get(name) {
                stats.subtract(before);
            }
        }
        Self { methods }
    }
}

macro_rules! method_stats {
    ($($(#[$doc:meta])* $field:ident,)*) => {
        /// The statistics of one read method.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct MethodStats {
            $($(#[$doc])* pub $field: u64,)*
            /// Errors by kind.
            ///
            /// The kinds are those of the shared tier (`disconnected`, `timeout`, `refused`, `protocol`, `encryption`),
            /// of unreadable entries (`truncated`, `magic`, `checksum`, `payload`, …), and of values that could not be
            /// encoded (`encode`) or would decode to other values (`altered`). Kinds that did not occur are missing.
            pub errors: BTreeMap<&'static str, u64>,
        }

        impl MethodStats {
            fn add(&mut self, other: &Self) {
                $(self.$field += other.$field;)*
                for (kind, count) in &other.errors {
                    *self.errors.entry(kind).or_default() += count;
                }
            }

            fn subtract(&mut self, earlier: &Self) {
                $(self.$field = self.$field.saturating_sub(earlier.$field);)*
                for (kind, count) in &earlier.errors {
                    self.errors.entry(kind).and_modify(|now| *now = now.saturating_sub(*count));
                }
                self.errors.retain(|_, count| *count > 0);
            }
        }
    };
}

method_stats! {
    /// Reads that the local tier answered.
    local_hits,
    /// Local hits while the shared tier was unreachable. They are part of `local_hits`.
    degraded_hits,
    /// Reads that the shared tier answered.
    shared_hits,
    /// Hits of either tier for an absent value. They are part of `local_hits` and `shared_hits`.
    negative_hits,
    /// Look-ups that neither tier answered.
    misses,
    /// Calls of the store.
    loads,
    /// Calls of the store that failed, panicked or timed out. They are part of `loads`.
    load_errors,
    /// Reads that took the outcome of another caller's look-up.
    ///
    /// Many of them for few loads are the effect of single flight on a hot key.
    coalesced,
    /// Loads that did not fill the shared tier.
    ///
    /// A write was in progress, the shared tier was unreachable (the local tier keeps such values for
    /// [`degraded_ttl`](crate::CacheBuilder::degraded_ttl)), the load was for a single caller (`visible_if`, a nested
    /// read of the same key), or the cache is a pass-through.
    bypasses,
    /// Hits of either tier that answered with an expired value.
    ///
    /// They are part of `local_hits` and `shared_hits`. See
    /// [`stale_while_revalidate`](crate::ReadPolicy::stale_while_revalidate), and
    /// [`stale_if_error`](crate::ReadPolicy::stale_if_error) for the second after an outage or a soft timeout.
    stale_hits,
    /// Keys whose load failed, and whose caller received an expired value.
    ///
    /// The failed calls are in `load_errors`. See [`stale_if_error`](crate::ReadPolicy::stale_if_error).
    stale_if_error,
    /// Keys whose load exceeded the soft timeout, and whose caller received an expired value.
    ///
    /// The load continues. See [`soft_timeout`](crate::ReadPolicy::soft_timeout).
    stale_if_slow,
    /// Keys that were loaded again in the background. Their loads are part of `loads`.
    refreshes,
    /// Refreshes whose load failed. They are part of `refreshes`.
    refresh_errors,
    /// Keys that were not refreshed, and callers that waited beyond `soft_timeout`, because too many loads were in progress
    /// in the background.
    refreshes_skipped,
    /// Loads that ended with the value before, since the store still had its version (`revalidate`). They are part of
    /// `loads`.
    revalidated,
    /// Values that `updates` writes have passed to the tiers. One that is too large or cannot be encoded is not stored.
    updates,
    /// Values stored in the shared tier.
    ///
    /// It happens in the background: the count may follow the read that caused it.
    fills,
    /// Values that did not enter the local tier because of their weight.
    ///
    /// They weigh more than a tenth of its capacity, or have no weight. See
    /// [`local_capacity_bytes`](crate::ReadPolicy::local_capacity_bytes).
    local_refused,
    /// Invalidations that this instance requested.
    invalidations,
    /// Bytes of entries received from the shared tier.
    bytes_read,
    /// Bytes of entries sent to the shared tier.
    bytes_written,
    /// Sampled hits that the store confirmed.
    ///
    /// [`CacheBuilder::verify_one_in`](crate::CacheBuilder::verify_one_in) sets how many are checked.
    verified_equal,
    /// Hits that the store did not confirm, and that the local tier still returned afterwards.
    verified_stale,
    /// Hits that the store did not confirm, and that the local tier no longer returned.
    ///
    /// A write came in between.
    verified_raced,
    /// Hits that could not be checked.
    ///
    /// The store failed, or a value could not be encoded.
    verified_failed,
    /// How long the stale hits were still returned in total, in microseconds.
    ///
    /// Each time counts from the start of the store's read.
    verified_stale_micros,
}
