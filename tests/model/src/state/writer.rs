//! How far a write has come.

use super::{Scopes, Version};

/// How far a write has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Begins,
    /// These scopes' INTENTs have not been applied yet.
    Intends(Scopes),
    /// The store is called; whether the locks are placed.
    Writes {
        placed: bool,
    },
    /// It has committed.
    Committed {
        placed: bool,
    },
    /// These scopes' RELEASEs (of a group invalidation: BUMPs) have not been applied yet.
    Releases {
        left: Scopes,
        placed: bool,
    },
    /// In mode fast: it is about to be acknowledged.
    Leaves {
        placed: bool,
    },
    /// A pending writer has renewed the named scopes and still has its registration.
    Unregisters {
        placed: bool,
    },
    /// It is acknowledged, and these scopes' RELEASEs have not been applied yet.
    Behind {
        left: Scopes,
        placed: bool,
    },
    /// All scopes are delivered or journaled, and the acknowledgement waits.
    ///
    /// In mode strict every write waits; in the other modes, a write that is only journaled.
    Waits {
        told: bool,
        placed: bool,
    },
    /// Nobody waits for it any more. The store may still commit it, for as long as a lock lives.
    Gone {
        placed: bool,
        /// The process is still there.
        repeats: bool,
    },
    /// Its process died before the store was called: all that is left of it are locks.
    Leftover,
    Over,
}

/// Whether reads must reflect a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    /// It is not acknowledged, nor given up for longer than a lock lives.
    Open,
    /// It would count if Redis had heard of it.
    Untold,
    Counts,
}

impl Phase {
    /// Whether a command is on its way to Redis.
    pub(crate) fn is_asking(self) -> bool {
        matches!(self, Self::Intends(_) | Self::Releases { .. } | Self::Unregisters { .. } | Self::Behind { .. })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each changes on its own")]
pub(crate) struct Writer {
    pub(crate) phase: Phase,
    /// 0 before the commit.
    pub(crate) version: Version,
    /// How long ago Redis last published news of it, up to the lease.
    pub(crate) news: Option<u8>,
    pub(crate) standing: Standing,
    /// Its token says that Redis has heard of it.
    pub(crate) heard: bool,
    /// How long ago it was acknowledged, or given up for longer than a lock lives, as far as it matters.
    pub(crate) age: Option<u8>,
    /// How long it has waited, up to one lease, or three in mode strict.
    pub(crate) waited: Option<u8>,
    /// Redis was there for others when this write could not be announced.
    pub(crate) cut_off: bool,
    /// A heartbeat has shown the members that it is pending, and its wait counts from there.
    pub(crate) shown: bool,
    /// In mode strict: local hits must reflect it.
    pub(crate) strict: bool,
}
