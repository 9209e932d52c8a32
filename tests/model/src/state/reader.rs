//! The progress of a read, and the data that it carries.

use super::{Epoch, Fence, Generation, SCOPES, Version};

/// `SequenceSnapshot`, reduced to whether it is still current.
///
/// Sequences only grow, so a stale one never becomes current again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Snapshot {
    Current,
    Dead,
}

/// The source of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    Local,
    Shared,
    Store,
}

/// `single_flight::Found`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Found {
    pub(crate) value: Version,
    pub(crate) fence: Option<Fence>,
    pub(crate) source: Source,
}

/// `single_flight::Outcome`, without the errors of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Landing {
    Found(Found),
    Abandoned,
}

/// `FillTarget`: the tiers that may keep the result of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Keep {
    Nothing,
    Local(Snapshot),
    /// In the local tier, for this long, while the shared tier is unreachable.
    Degraded(Snapshot, u8),
    Both(Snapshot, Fence),
}

/// A value that a flight passes to the next one, with the earlier fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Carried {
    pub(crate) value: Version,
    pub(crate) fence: Fence,
}

/// A look-up of the shared tier: `shared::Begun`, and the previous flight's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LookUp {
    pub(crate) snapshot: Snapshot,
    pub(crate) epoch: Epoch,
    pub(crate) carried: Option<Carried>,
}

/// The progress of a read. A flight has no name: it is the current or the next one of its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Idle,
    /// Leads the next flight, and waits for the end of the current one.
    AwaitsTurn,
    /// Leads the current flight, before its first look-up.
    Leads(Option<Carried>),
    /// The round trip is on its way to Redis.
    LooksUp(LookUp),
    /// So is the second one: scopes had no generation.
    Inits(LookUp, [Generation; SCOPES]),
    /// The answer of the shared tier is on its way back. With a snapshot it may enter the local tier.
    Hits(Carried, Option<Snapshot>),
    /// The store is called, in a separate task.
    Loads(Keep),
    /// It has answered.
    Loaded(Keep, Version),
    /// The caller has been answered; the entry is on its way to the shared tier.
    Fills(Carried),
    /// Waits for the next flight.
    FollowsNext,
    /// The flight that it waits for has become the current one.
    FollowsCurrent,
    /// The flight that it waited for has ended.
    Lands(Landing),
    /// Has ended for good.
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Reader {
    pub(crate) step: Step,
    /// The oldest version that the shared tier and the store may return.
    ///
    /// It is the last one acknowledged before the read began.
    pub(crate) floor: Version,
    /// The oldest version that any tier may return.
    ///
    /// It is the last one acknowledged on this instance before the read began.
    pub(crate) own_floor: Version,
    /// The same for the last version observed there.
    pub(crate) observed: Version,
}

impl Step {
    /// Advances the clock.
    pub(crate) fn tick(&mut self) {
        let (Self::Loads(keep) | Self::Loaded(keep, _)) = self else { return };
        if let Keep::Degraded(snapshot, life) = *keep {
            *keep = Keep::Degraded(snapshot, life.saturating_sub(1));
        }
    }
}
