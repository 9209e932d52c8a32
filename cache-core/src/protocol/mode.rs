//! The consistency mode of a read method: what a write waits for, so that its readers can rely on it.

/// The consistency that readers of a method can expect after a write returns.
///
/// It determines what the write waits for.
///
/// The mode is an option of the read method, because its readers depend on it: `#[cached(mode = strict)]`, or
/// `#[cached_store(mode = strict)]` for all of a store. A write that invalidates several methods follows the strongest
/// of their modes. A failure of Redis never fails a write, in any mode; [`docs::consistency`](crate::docs::consistency)
/// describes what a reader may see then.
///
/// | mode | a write returns | after it has returned |
/// | --- | --- | --- |
/// | `fast` | when the store has it, one round trip to Redis in all | as `safe`, unless Redis evicted the writer's lock: then a reader may see the old value until the release arrives, one round trip later |
/// | `safe` | when Redis has the new generations, two round trips | no read that starts later and is answered by the shared tier or the store is older; a local hit elsewhere is older for at most the lease, usually until one message on the bus has arrived |
/// | `strict` | as `safe`, plus the lease | local hits are no older either |
///
/// In all modes an instance reads its own writes at once. Modes are ordered by strength: `Fast < Safe < Strict`.
///
/// # Examples
///
/// ```
/// #[cache_core::cached_store(namespace = "demo", mode = fast)] // the default of the trait
/// trait AccountStore: Send + Sync {
///     #[cached(entity = "visits", key(id), ttl = "1m")]
///     async fn visits(&self, id: u64) -> Result<u64, cache_core::Error>;
///
///     #[cached(entity = "locked", key(id), ttl = "1m", mode = strict)] // readers act on the absence of a change
///     async fn is_locked(&self, id: u64) -> Result<bool, cache_core::Error>;
///
///     #[invalidates(is_locked(id))] // waits for the lease
///     async fn lock(&self, id: u64) -> Result<(), cache_core::Error>;
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Mode {
    /// A write does not wait for its release.
    Fast,
    /// A write waits for its release. The default.
    #[default]
    Safe,
    /// A write also waits out the lease.
    ///
    /// Afterwards no instance returns the replaced value from its local tier.
    ///
    /// All instances that share the store must have the same lease. While Redis is unreachable, the local tier never
    /// answers reads of such a method.
    Strict,
}
