//! The progress of a write.

use super::{Scopes, Version};

/// The progress of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Begins,
    /// These scopes' LOCKs have not been applied yet.
    Places(Scopes),
    /// The store is called, with the locks placed or not.
    Writes {
        placed: bool,
    },
    /// It has committed.
    Committed {
        placed: bool,
    },
    /// These scopes' RELEASEs (of a group invalidation: INVALIDATEs) have not been applied yet.
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
        delivered: bool,
        placed: bool,
    },
    /// No caller waits for it any more. The store may still commit it, for as long as a lock lives.
    Gone {
        placed: bool,
        /// The process is still there.
        repeats: bool,
    },
    /// Its process died before the call of the store: only its locks remain.
    Leftover,
    Over,
}

/// Whether reads must reflect a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    /// It is neither acknowledged nor was dropped longer ago than a lock's lifetime.
    Open,
    /// It would count if it had been delivered to Redis.
    Undelivered,
    Counts,
}

impl Phase {
    /// Whether a command is on its way to Redis.
    pub(crate) fn is_sending(self) -> bool {
        matches!(self, Self::Places(_) | Self::Releases { .. } | Self::Unregisters { .. } | Self::Behind { .. })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each changes on its own")]
pub(crate) struct Writer {
    pub(crate) phase: Phase,
    /// 0 before the commit.
    pub(crate) version: Version,
    /// The time since Redis last published a message about it, up to the lease.
    pub(crate) message_age: Option<u8>,
    pub(crate) standing: Standing,
    /// Its session token shows that Redis has received it.
    pub(crate) received: bool,
    /// The time since its acknowledgement, as far as it matters.
    ///
    /// For a dropped write, it starts after a lock's lifetime.
    pub(crate) age: Option<u8>,
    /// How long it has waited, up to one lease, or three in mode strict.
    pub(crate) waited: Option<u8>,
    /// Other instances could reach Redis when this write could not place its lock.
    pub(crate) cut_off: bool,
    /// A heartbeat has shown it as pending to the members, and starts its wait.
    pub(crate) shown: bool,
    /// In mode strict: local hits must reflect it.
    pub(crate) strict: bool,
}
