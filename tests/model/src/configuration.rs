//! What a configuration says: who takes part, what may go wrong, and what is expected.

use crate::state::Scopes;

/// One world to explore.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing more that a world may have")]
pub struct Configuration {
    /// Short, and unique in the table.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Small ones run with the tests, the others with `scripts/model`.
    pub size: Size,
    /// How many instances there are.
    pub(crate) instances: usize,
    /// The instance of each reader. One reader is one read at a time.
    pub(crate) readers: &'static [usize],
    pub(crate) reads: Reads,
    pub(crate) writers: &'static [WriterOf],
    /// Whether instances have a local tier.
    pub(crate) local: bool,
    /// Whether there is a shared tier.
    pub(crate) shared: bool,
    /// H in ticks of the clock; 0 where no clock is needed, and nothing lapses.
    pub(crate) lease: u8,
    /// How many scopes the journal remembers one by one.
    pub(crate) journal: usize,
    /// D in ticks of the clock: for how long a degraded read answers from the local tier; 0 where it does not.
    pub(crate) degraded: u8,
    /// Whether tokens of writes are observed on other instances.
    pub(crate) sessions: bool,
    /// Whether an instance lets others go first when it has come back.
    pub(crate) pauses: bool,
    /// Whether the first instance gets its store of the key's namespace while it is connected.
    pub(crate) joins: bool,
    /// Whether instances register as members, and wait for each other after an outage.
    pub(crate) members: bool,
    /// Whether the first instance has not connected yet.
    pub(crate) newcomer: bool,
    /// Whether both tiers hold the database's value at the start.
    pub(crate) warm: bool,
    /// Whether each tick sends a heartbeat, so that a lease lapses only if Redis does not answer.
    pub(crate) punctual: bool,
    /// Whether an instance stops waiting for a missing member after a time.
    pub(crate) deadline: bool,
    /// What the readers of the key are promised, and so what its writers wait for.
    pub(crate) mode: Mode,
    /// From when a write counts.
    pub(crate) counted: Counted,
    pub(crate) faults: Faults,
    pub(crate) variant: Variant,
    /// The most times that the store may be asked.
    pub(crate) max_loads: Option<u8>,
    /// What the search must come to.
    pub expected: Expected,
}

impl WriterOf {
    /// The scopes that its journal may hold for it.
    pub(crate) fn journaled(&self) -> Scopes {
        if self.kind == Kind::ByResult { Scopes::ALL } else { self.scopes }
    }
}

impl Configuration {
    /// Whether instances hear of invalidations.
    pub(crate) fn has_bus(&self) -> bool {
        self.local && self.shared
    }

    /// Whether this instance receives messages.
    ///
    /// With members, an instance without readers receives none, to reduce the states.
    pub(crate) fn listens(&self, at: usize) -> bool {
        self.has_bus() && (!self.members || self.readers.contains(&at))
    }

    /// The age from which a token is old: local hits, degraded ones too, show its write by now.
    pub(crate) fn token_life(&self) -> u8 {
        let leases = 2 * self.lease;
        if self.variant == Variant::TokenOldByLease { leases } else { leases.max(self.degraded) }
    }

    /// Up to which age acknowledged writes differ.
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

/// How long a search takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Some ten thousand states.
    Small,
    /// Up to some millions.
    Large,
}

/// How often a reader reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Again and again.
    Forever,
    /// Once: then every read must end.
    Once,
    /// Once, and the store answers nobody before all have begun.
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
    /// And until no instance trusts its local tier by a beat from before that.
    Strict,
}

/// From when reads must reflect a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// From its acknowledgement; where Redis could not be told, from when the journal has been.
    Told,
    /// From its release, or from when the journal has been told: what mode fast promises where a lock is lost.
    Released,
    /// From its acknowledgement, whatever Redis has heard. That is more than is promised, and shows what is lost.
    Acknowledged,
}

/// How a write tells the shared tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `Write::begin`, the store, `Write::finish`.
    Locks,
    /// The store, then `write::bump`: for scopes that are known only after the store was called, and for whoever
    /// invalidates by hand.
    Bumps,
    /// The scopes are known only from the result.
    ///
    /// `WriteGuard::begin` registers a pending writer on the wide scope, and the release names the scopes.
    ByResult,
}

/// How many of each fault may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// Redis evicts a token, a lock or the entry.
    pub(crate) evictions: u8,
    /// FLUSHALL.
    pub(crate) flushes: u8,
    /// The process of a writer dies in the middle of its write.
    pub(crate) crashes: u8,
    /// The caller of a write goes away while the store is at it: nobody knows the outcome.
    pub(crate) unknowns: u8,
    /// A command of a writer times out, applied or not, and the connection stays.
    pub(crate) timeouts: u8,
    /// An instance's connection is lost, and everybody notices.
    pub(crate) disconnects: u8,
    /// An instance's bus falls silent, and nobody notices yet.
    pub(crate) silences: u8,
    /// The primary dies, and a replica that lags takes over.
    pub(crate) failovers: u8,
    /// The first primary takes over again, with the data of the second one.
    pub(crate) failbacks: u8,
    /// A lock expires while its writer is still at work.
    pub(crate) early_expiries: u8,
    /// Redis is out of everybody's reach for a while.
    pub(crate) outages: u8,
    /// A caller of a read goes away.
    pub(crate) cancels: u8,
    /// Redis stops answering for a while, as in a pause or a busy script, and connections stay open.
    pub(crate) stalls: u8,
    /// Redis loses its data in an outage.
    pub(crate) losses: u8,
    /// The instance of a writer alone cannot reach Redis for a while.
    pub(crate) isolations: u8,
}

/// Nothing goes wrong.
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

/// The protocol as it was built, or with one protection taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Everything is in place.
    AsBuilt,
    /// An entry is stamped with the tokens of the moment when it is stored.
    NoFence,
    /// All writers lock with one token.
    OneToken,
    /// An entry is stamped with the epoch of the moment when it is stored.
    LateEpoch,
    /// The epoch is no part of the stamp.
    NoEpoch,
    /// A beat counts from when it comes back.
    ArrivalLease,
    /// A fill of the local tier does not look whether it was overtaken.
    NoSequenceCheck,
    /// A token is a counter that begins anew when it is gone.
    Counter,
    /// Whoever arrives takes the answer of the flight that is under way.
    JoinAnyFlight,
    /// A flight's value is carried to the next one without asking for the tokens again.
    CarriedUnasked,
    /// A leader that goes away does not end its flight.
    NoAbandonment,
    /// A writer leaves its own local tier alone.
    NoLocalAdvance,
    /// A writer does not advance once more before it is acknowledged.
    NoLastAdvance,
    /// A write of unknown outcome is released.
    ReleaseUnknown,
    /// Nobody remembers what Redis has not heard.
    NoJournal,
    /// A journal that ran over counts as told before its own instance has heard of the new epoch.
    ToldUnheard,
    /// What is local outlives the connection that it was heard of on.
    NoFlush,
    /// What is kept for degraded reads looks like any other entry.
    NoMark,
    /// D counts from the end of a load.
    DegradedFromEnd,
    /// Methods in mode strict have degraded reads too.
    DegradedStrict,
    /// A token that is observed ends nothing.
    TokenUnheeded,
    /// A token counts as old after two leases, whatever D is.
    TokenOldByLease,
    /// What is heard of the namespace epoch before a connection is used is forgotten.
    EpochOfFirstBeat,
    /// A new namespace leaves the trust as it was.
    TrustingJoin,
    /// A fast write is not in the journal until its release.
    NoJournalBehind,
    /// A fast write does not advance once more when it is in the journal.
    NoAdvanceBehind,
    /// A strict write does not wait.
    NoWait,
    /// A strict write waits a tick less than the lease.
    ShortWait,
    /// A strict write waits from its announcement.
    WaitFromAnnouncement,
    /// A write is announced only while the local tier is trusted, and else acknowledged at once.
    TellNeedsLease,
    /// An instance that reconnects reads the shared tier at once.
    NoBarrier,
    /// An instance that reconnects reads at once, and discards only values loaded before.
    BarrierByLoadTime,
    /// An instance that reconnects waits only for members with recent heartbeats.
    MembersForgotten,
    /// An instance that reconnects waits only for members that are still in the hash in Redis.
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
    /// A write that is not delivered is acknowledged after a lease, without another failed attempt to reach Redis.
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
    ExpiryUnheeded,
    /// A fill ignores the registration of a pending writer.
    FillOutlivesExpiry,
    /// A registration message that arrives while the local tier is not trusted counts from then.
    LateRegistration,
    /// A renewed generation does not carry the pending writers over.
    SuffixDropped,
    /// A release removes the registration before it renews the named scopes.
    UnregisterFirst,
}

/// What a search comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// No state breaks a promise.
    Holds,
    /// A shortest trace breaks this promise, and these words come in it in this order.
    Refuted(Promise, &'static [&'static str]),
}

/// What is promised, in the words of the README and of `cache-core`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Promise {
    /// T1: after a write is acknowledged, no later read that Redis or the store answers is older.
    Shared,
    /// T2: a local hit reflects every write that the bus told of at least a lease ago.
    Local,
    /// T3: in mode strict, a local hit is no older than what the shared tier may answer.
    Strict,
    /// A degraded read is no older than what was acknowledged D ago.
    Degraded,
    /// T4: an instance reads its own writes.
    OwnWrites,
    /// An instance that observed the token of a write reads it.
    Session,
    /// The store is asked no more often than that.
    Loads,
    /// Every read ends.
    Ends,
}
