//! The parts of a configuration: its participants, its faults, and the expected result.

use crate::state::Scopes;

/// One world to explore.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing more that a world may have")]
pub struct Configuration {
    /// Short, and unique in the table.
    pub name: &'static str,
    /// The subject, in a sentence.
    pub about: &'static str,
    /// Small ones run with the tests, the others with `scripts/model`.
    pub size: Size,
    /// The number of instances.
    pub(crate) instances: usize,
    /// The instance of each reader. One reader is one read at a time.
    pub(crate) readers: &'static [usize],
    pub(crate) reads: Reads,
    pub(crate) writers: &'static [WriterOf],
    /// Whether instances have a local tier.
    pub(crate) local: bool,
    /// Whether there is a shared tier.
    pub(crate) shared: bool,
    /// H in ticks of the clock, or 0 without a clock and any expiry.
    pub(crate) lease: u8,
    /// The number of scopes that the journal holds before it overflows.
    pub(crate) journal: usize,
    /// D in ticks: how long a degraded read answers, or 0 for none.
    pub(crate) degraded: u8,
    /// Whether session tokens are observed on other instances.
    pub(crate) sessions: bool,
    /// Whether an instance waits for others after it has reconnected.
    pub(crate) pauses: bool,
    /// Whether the first instance joins the key's namespace while it is connected.
    pub(crate) joins: bool,
    /// Whether instances register as members, and wait for each other after an outage.
    pub(crate) members: bool,
    /// Whether the first instance has not connected yet.
    pub(crate) newcomer: bool,
    /// Whether both tiers hold the database's value at the start.
    pub(crate) warm: bool,
    /// Whether each tick sends a heartbeat, so that only outages end a lease.
    pub(crate) punctual: bool,
    /// Whether an instance stops waiting for a missing member after a time.
    pub(crate) deadline: bool,
    /// The promise to the readers of the key, which determines how long its writers wait.
    pub(crate) mode: Mode,
    /// The point from which a write counts.
    pub(crate) counted: Counted,
    pub(crate) faults: Faults,
    pub(crate) variant: Variant,
    /// The maximum number of calls of the store.
    pub(crate) max_loads: Option<u8>,
    /// The expected result of the search.
    pub expected: Expected,
}

impl WriterOf {
    /// The scopes that its instance's journal may hold for it.
    pub(crate) fn journaled(&self) -> Scopes {
        if self.kind == Kind::ByResult { Scopes::ALL } else { self.scopes }
    }
}

impl Configuration {
    /// Whether instances receive invalidations.
    pub(crate) fn has_bus(&self) -> bool {
        self.local && self.shared
    }

    /// Whether this instance receives messages.
    ///
    /// With members, an instance without readers receives none, to reduce the states.
    pub(crate) fn listens(&self, at: usize) -> bool {
        self.has_bus() && (!self.members || self.readers.contains(&at))
    }

    /// The age from which a session token is old: all local hits show it.
    pub(crate) fn token_life(&self) -> u8 {
        let leases = 2 * self.lease;
        if self.variant == Variant::TokenOldByLease { leases } else { leases.max(self.degraded) }
    }

    /// The age up to which acknowledged writes differ.
    pub(crate) fn longest_age(&self) -> Option<u8> {
        match (self.sessions, self.degraded) {
            (true, _) => Some(self.token_life().max(self.degraded)),
            (false, 0) => None,
            (false, degraded) => Some(degraded),
        }
    }

    /// Whether the state tracks the age of a member's last heartbeat.
    pub(crate) fn has_member_ages(&self) -> bool {
        let is_variant = matches!(self.variant, Variant::MembersForgotten | Variant::EarlierHeartbeat);
        self.members && (self.newcomer || self.mode == Mode::Strict || is_variant)
    }

    /// The longest wait of a write that the state tracks.
    pub(crate) fn longest_wait(&self) -> u8 {
        if self.mode == Mode::Strict { 3 * self.lease } else { self.lease }
    }

    /// Whether time passes.
    pub(crate) fn has_clock(&self) -> bool {
        self.lease > 0
    }
}

/// The duration of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Tens of thousands of states.
    Small,
    /// Up to some millions.
    Large,
}

/// How often a reader reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Repeatedly.
    Forever,
    /// Once: then every read must end.
    Once,
    /// Once, and the store answers no reader before all have begun.
    Burst,
}

/// One write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriterOf {
    pub(crate) instance: usize,
    pub(crate) scopes: Scopes,
    pub(crate) kind: Kind,
}

/// `cache_core::Mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A write does not wait for its release.
    Fast,
    /// A write waits for its release.
    Safe,
    /// A write waits until every lease from before its release has ended.
    Strict,
}

/// The point from which reads must reflect a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// From its acknowledgement, or from the delivery of its journal.
    Delivered,
    /// From its release or its journal's delivery, as mode fast promises after a lost lock.
    Released,
    /// From its acknowledgement in every case. That exceeds the promise, and shows what is lost.
    Acknowledged,
}

/// How a write invalidates the shared tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `WriteGuard::begin`, the store, `WriteGuard::finish`.
    Locks,
    /// The store, then `announce::invalidate`, for late-known scopes and for invalidations.
    Invalidates,
    /// The scopes are known only from the result.
    ///
    /// `WriteGuard::begin` registers a pending writer on the wide scope, and the release names the scopes.
    ByResult,
}

/// How many of each fault may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// Redis evicts a generation, a lock or the entry.
    pub(crate) evictions: u8,
    /// FLUSHALL.
    pub(crate) flushes: u8,
    /// The process of a writer dies in the middle of its write.
    pub(crate) crashes: u8,
    /// A write is dropped during the call of the store, so its outcome is unknown.
    pub(crate) unknowns: u8,
    /// A command of a writer times out, applied or not, and the connection stays.
    pub(crate) timeouts: u8,
    /// An instance's connection is lost, and both sides notice.
    pub(crate) disconnects: u8,
    /// An instance's bus falls silent, unnoticed at first.
    pub(crate) silences: u8,
    /// The primary dies, and a lagging replica takes over.
    pub(crate) failovers: u8,
    /// The first primary takes over again, with the data of the second one.
    pub(crate) failbacks: u8,
    /// A lock expires while its writer is still at work.
    pub(crate) early_expiries: u8,
    /// No instance can reach Redis for a while.
    pub(crate) outages: u8,
    /// A caller of a read is dropped.
    pub(crate) cancels: u8,
    /// Redis stops answering for a while, as in a pause, and connections stay open.
    pub(crate) stalls: u8,
    /// Redis loses its data in an outage.
    pub(crate) losses: u8,
    /// The instance of a writer alone cannot reach Redis for a while.
    pub(crate) isolations: u8,
}

/// No faults.
pub(crate) const NONE: Faults = Faults {
    evictions: 0,
    flushes: 0,
    crashes: 0,
    unknowns: 0,
    timeouts: 0,
    disconnects: 0,
    silences: 0,
    failovers: 0,
    failbacks: 0,
    early_expiries: 0,
    outages: 0,
    cancels: 0,
    stalls: 0,
    losses: 0,
    isolations: 0,
};

/// The protocol as built, or with one protection disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Every protection is enabled.
    AsBuilt,
    /// The fence of an entry has the generations from the time of its fill.
    NoFence,
    /// All writers share one lock.
    OneToken,
    /// The fence of an entry has the epoch from the time of its fill.
    LateEpoch,
    /// The fence lacks the epoch.
    NoEpoch,
    /// A heartbeat counts from its return.
    ArrivalLease,
    /// A fill of the local tier skips the check of its sequence snapshot.
    NoSequenceCheck,
    /// A fill of the local tier checks its snapshot in one step, and inserts in another.
    InsertAfterCheck,
    /// A generation is a counter that restarts after its loss.
    Counter,
    /// Every new read takes the answer of the flight under way.
    JoinAnyFlight,
    /// The next flight takes a flight's value without reading the generations again.
    CarriedUnchecked,
    /// A dropped leader does not end its flight.
    NoAbandonment,
    /// A writer does not invalidate its own local tier.
    NoLocalAdvance,
    /// A writer skips the last advance before its acknowledgement.
    NoLastAdvance,
    /// A write of unknown outcome is released.
    ReleaseUnknown,
    /// There is no journal for undelivered invalidations.
    NoJournal,
    /// An overflowed journal counts as delivered before its own instance has received the new epoch.
    DeliveredUnreceived,
    /// Local entries outlive the connection on which they were received.
    NoFlush,
    /// Values kept for degraded reads look like any other entry.
    NoMark,
    /// D counts from the end of a load.
    DegradedFromEnd,
    /// Methods in mode strict have degraded reads too.
    DegradedStrict,
    /// An observed session token invalidates nothing.
    TokenIgnored,
    /// A session token counts as old after two leases, whatever D is.
    TokenOldByLease,
    /// A namespace epoch received before a connection is used is dropped.
    EpochOfFirstHeartbeat,
    /// A new namespace leaves the trust unchanged.
    TrustingJoin,
    /// A fast write is not journaled until its release.
    NoJournalBehind,
    /// A fast write does not advance again once it is journaled.
    NoAdvanceBehind,
    /// A strict write does not wait.
    NoWait,
    /// A strict write waits a tick less than the lease.
    ShortWait,
    /// A strict write waits from its write lock.
    WaitFromLock,
    /// A write without a trusted local tier places no lock and is acknowledged at once.
    LockNeedsLease,
    /// An instance that reconnects reads the shared tier at once.
    NoBarrier,
    /// An instance that reconnects reads at once, and discards only values loaded before.
    BarrierByLoadTime,
    /// An instance that reconnects waits only for members with recent heartbeats.
    MembersForgotten,
    /// An instance that reconnects waits only for members in the hash in Redis.
    MembersNotRemembered,
    /// A recent heartbeat from before the reconnect counts.
    EarlierHeartbeat,
    /// Instances ignore the number of pending invalidations in a heartbeat.
    PendingIgnored,
    /// A settled instance ignores the number of pending invalidations in a heartbeat.
    PendingIgnoredWhenSettled,
    /// An instance that connects for the first time does not wait.
    NewcomerTrusts,
    /// An instance that connects for the first time and finds no member does not wait.
    NewcomerHurries,
    /// An instance does not flush its local tier when the barrier ends.
    NoSettlingFlush,
    /// A lease that lapses on an open connection does not cause a barrier.
    LapseTrusted,
    /// A heartbeat that Redis executes late counts.
    LateHeartbeatCounts,
    /// A strict method does not flush the local tier when a silent member returns.
    NoFlushAfterSilence,
    /// A write that is not delivered is acknowledged at once.
    NoLateAcknowledgement,
    /// An undelivered write is acknowledged after a lease, without a second failed attempt.
    AcknowledgedByClock,
    /// The wait of a write that is not delivered counts from its start.
    WaitFromBegin,
    /// In mode strict, a write that is not delivered waits one lease instead of three.
    StrictOneLease,
    /// In mode strict, a write that is not delivered waits two leases instead of three.
    StrictTwoLeases,
    /// A pending writer is not registered.
    NoRegistration,
    /// Local tiers ignore the registration of a pending writer.
    ExpiryIgnored,
    /// A fill ignores the registration of a pending writer.
    FillOutlivesExpiry,
    /// A registration message that arrives while the local tier is not trusted counts from then.
    LateRegistration,
    /// A renewed generation does not carry the pending writers over.
    SuffixDropped,
    /// A release removes the registration before it renews the named scopes.
    UnregisterFirst,
}

/// The result of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// No state breaks a promise.
    Holds,
    /// A shortest trace breaks this promise, and contains these words in this order.
    Refuted(Promise, &'static [&'static str]),
}

/// The promises, in the words of the README and of `cache-core`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Promise {
    /// T1: after a write is acknowledged, no later read that Redis or the store answers is older.
    Shared,
    /// T2: a local hit reflects every write published at least a lease ago.
    Local,
    /// T3: in mode strict, a local hit is no older than what the shared tier may answer.
    Strict,
    /// A degraded read is no older than the writes acknowledged D ago.
    Degraded,
    /// T4: an instance reads its own writes.
    OwnWrites,
    /// An instance that observed the session token of a write reads it.
    Session,
    /// The store is called at most that often.
    Loads,
    /// Every read ends.
    Ends,
}
