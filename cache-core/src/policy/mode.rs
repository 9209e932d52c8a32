//! What a write waits for.

/// What the readers of a method are promised of a write, and so what the write waits for.
///
/// The mode is an option of the read method, because its readers depend on it: `#[cached(mode = strict)]`, or
/// `#[cached_store(mode = strict)]` for all of a store. A write that invalidates several methods follows the strongest
/// of their modes. A failure of Redis never fails a write, whatever the mode; what a reader may see then is in
/// [`docs::consistency`](crate::docs::consistency).
///
/// | mode | a write returns | after it has returned |
/// | --- | --- | --- |
/// | `fast` | when the store has it, one round trip to Redis in all | as `safe`, unless Redis evicted the writer's lock: then a reader may see the old value until the release has arrived, a round trip later |
/// | `safe` | when Redis has the new tokens, two round trips | no read that starts later and is answered by the shared tier or the store is older; a local hit elsewhere is older for at most the lease, usually until one message on the bus has arrived |
/// | `strict` | as `safe`, and the lease later | local hits are no older either |
///
/// In all of them an instance reads its own writes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Mode {
    /// A write does not wait for its release.
    Fast,
    /// A write waits for its release. The default.
    #[default]
    Safe,
    /// A write also waits out the lease, so that no instance answers from its local tier with what was there before.
    ///
    /// All instances that share the store must have the same lease. While Redis is out of reach such a method is not
    /// answered from the local tier at all.
    Strict,
}
