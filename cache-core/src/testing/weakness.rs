//! Disabled protections for negative controls.

/// A protection to disable in a cache, so that the test of that protection must fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Weakness {
    /// Every protection is enabled.
    #[default]
    None,
    /// A fill is fenced with the generations after the load, not with those before it.
    NoFence,
    /// A fill of the local tier does not check whether its scopes were invalidated meanwhile.
    NoSequenceCheck,
    /// A caller takes the outcome of a flight that began before the call.
    JoinAnyFlight,
    /// All writers lock with one token, so the first release ends the locks of all.
    OneToken,
    /// A writer does not invalidate its own local entries.
    NoLocalAdvance,
    /// A load runs in its caller's call, and ends with it.
    LoadInCaller,
    /// After an outage the shared tier is used at once, and concurrent loads are not limited.
    NoRecovery,
    /// A writer does not announce its write, and invalidates only after the write.
    NoIntent,
    /// A write of unknown outcome is released like any other.
    ReleaseUnknown,
    /// A release that does not find its lock changes nothing.
    IgnoreLostLock,
    /// The lease starts when a heartbeat returns.
    BeatFromReturn,
    /// The local tier is trusted forever once a heartbeat has returned.
    NoLease,
    /// An invalidation that was not delivered is not journaled.
    NoJournal,
    /// A value without a store is filled even if another writer was faster.
    BlindPut,
    /// The local tier keeps its entries when the connection that delivered their invalidations is lost.
    KeepLocal,
    /// An instance uses its own clock instead of the server's.
    OwnClock,
    /// An entry does not carry the type and the codec of its value.
    NoFingerprint,
    /// An entry does not carry the identity of the server process.
    NoServerEpoch,
    /// An entry carries the epoch of its fill, over the connection at that time.
    EpochAtFill,
    /// An entry is accepted for any key, whatever identity it carries.
    NoIdentity,
    /// An instance that returns after an outage uses the shared tier at once.
    NoBarrier,
    /// A write that could not be announced is acknowledged at once.
    NoLateAcknowledgement,
    /// A writer announces its writes only while its local tier is trusted.
    AnnounceWhileTrusted,
    /// A write is not registered on the methods whose entries its result names.
    ///
    /// Dropping it does not invalidate them either.
    NoPendingWriter,
    /// A generation with a pending writer stays current forever, in both tiers.
    KeepPending,
    /// A manual invalidation is cancelled with its caller.
    InvalidateInCaller,
    /// An entry does not carry its source, trait and method.
    NoOwner,
}
