//! The protections of the protocol, one for each race that it survives.
//!
//! Each is one `if` in the code, which is constant in a build without the feature `testing`.
//! `tests/RACES.md` in the repository lists the races, with the test and the control of each.

/// A protection of the protocol.
///
/// With the feature `testing` a cache can be built without one of them (`CacheBuilder::without`). The test of each race
/// runs a second time like that, and must then fail: it proves that the protection is needed and that the test can
/// detect its absence. [`docs::testing`](crate::docs::testing) has an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(not(feature = "testing"), expect(unreachable_pub, reason = "public with the feature `testing`"))]
pub enum Protection {
    /// A fill carries the generations from before its load, not those from after it.
    Fence,
    /// A local fill checks whether its scopes were invalidated since its look-up.
    SequenceCheck,
    /// A local fill checks and inserts in one step, between two invalidations of its scope.
    LocalFillOrder,
    /// A caller follows only a flight that began after the call.
    NextFlight,
    /// Each writer locks with its own token, and releases only its own locks.
    WriterTokens,
    /// A writer invalidates its own local entries.
    LocalInvalidation,
    /// A load runs in its own task, and outlives a dropped caller.
    LoadTask,
    /// After an outage, instances return one after another, with limited loads.
    HerdGuard,
    /// A writer locks its scopes before it calls the store.
    WriteLock,
    /// A write of unknown outcome keeps its locks until they expire.
    UnknownOutcome,
    /// A release that does not find its lock invalidates nevertheless.
    LostLock,
    /// The lease starts when a heartbeat is sent, not when it returns.
    LeaseFromSending,
    /// The local tier is trusted only for a lease after a heartbeat.
    Lease,
    /// An invalidation that was not delivered is journaled.
    Journal,
    /// A value without a store is filled only if no other writer was faster.
    PutFence,
    /// The local tier is flushed when the connection that delivered its invalidations is lost.
    FlushOnLoss,
    /// An instance uses the server's clock, not its own, for times that instances share.
    ServerClock,
    /// An entry carries the type and the codec of its value.
    Fingerprint,
    /// An entry carries the identity of the server process.
    ServerEpoch,
    /// An entry carries the epoch of its look-up, and is filled over the same connection.
    LoadEpoch,
    /// An entry is accepted only for the key that it carries.
    Identity,
    /// After an outage, an instance waits for the others before it reads.
    RecoveryBarrier,
    /// The acknowledgement of a write that could not be announced is delayed.
    LateAcknowledgement,
    /// A writer announces its writes as soon as it is connected.
    ///
    /// It does not wait until its local tier is trusted.
    EarlyAnnouncements,
    /// A write is registered on the methods whose entries its result names.
    ///
    /// Without it a dropped write does not invalidate them either.
    PendingWriters,
    /// A generation with a pending writer expires with that writer, in both tiers.
    PendingExpiry,
    /// An invalidation without a write completes even if its caller is dropped.
    InvalidationTask,
    /// A fill whose value determines some of its tags checks the clocks of their families.
    TagClock,
    /// An entry carries its source, trait and method.
    Owner,
    /// A write that invalidates by its old row detects other writes of that row.
    OldRowFence,
    /// A write stores its value only if no other change of the entry has overlapped it.
    UpdateOverlap,
    /// A value that has reached the age of its refresh answers only while its fence is current.
    StaleFence,
}
