//! Negative controls.

/// A protection that is taken out of a cache, to see the test of that protection fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Weakness {
    /// Everything is in place.
    #[default]
    None,
    /// A fill is stamped with what is current when it is stored, not with what was current before the load.
    NoFence,
    /// A fill of the local tier does not check whether its scopes were invalidated meanwhile.
    NoSequenceCheck,
    /// A caller takes the answer of a flight that began before the call.
    JoinAnyFlight,
    /// All writers lock with one token, so the first release ends the lock of all.
    OneToken,
    /// A writer leaves its own local entries alone.
    NoLocalAdvance,
    /// A load runs in its caller's call, and ends with it.
    LoadInCaller,
    /// After an outage the shared tier is used at once, and the store is asked without a bound.
    NoRecovery,
    /// A writer does not announce its write, and tells the others only when it is done.
    NoIntent,
    /// A write of unknown outcome is released like any other.
    ReleaseUnknown,
    /// A release that does not find its lock leaves everything as it is.
    IgnoreLostLock,
    /// A beat counts from its return.
    BeatFromReturn,
    /// The local tier is trusted for ever once a beat has come back.
    NoLease,
    /// A write that the shared tier has not heard of is not told to it later.
    NoJournal,
    /// What is put without a store is filled whoever wrote last.
    BlindPut,
    /// The local tier outlives the connection that it heard the news over.
    KeepLocal,
    /// An instance takes its own clock for the server's.
    OwnClock,
    /// An entry does not tell the type and the codec of its value.
    NoFingerprint,
    /// An entry does not tell of which server process it is.
    NoServerEpoch,
    /// An entry has the epoch in which it is stored, over whatever connection there is then.
    EpochAtFill,
    /// An entry is taken for the one that was asked for, whatever it says itself.
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
    /// A generation with a pending writer stays current for ever, in both tiers.
    KeepPending,
    /// A manual invalidation is cancelled with its caller.
    InvalidateInCaller,
    /// An entry does not carry its source, trait and method.
    NoOwner,
}
