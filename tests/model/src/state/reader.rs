//! How far a read has come, and what it carries.

use super::{Epoch, Fence, Gen, SCOPES, Version};

/// `coherence::Stamp`: all that matters is whether it is still current. Sequences only grow, so one that is not never is
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stamp {
    Current,
    Dead,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    Local,
    Shared,
    Store,
}

/// `flight::Found`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Found {
    pub(crate) value: Version,
    pub(crate) fence: Option<Fence>,
    pub(crate) source: Source,
}

/// `flight::Landing`, without the errors of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Landing {
    Found(Found),
    Abandoned,
}

/// `lookup::Keep`: where the answer of a load may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Keep {
    Nothing,
    Local(Stamp),
    /// In the local tier, for this long, while the shared tier is out of reach.
    Degraded(Stamp, u8),
    Both(Stamp, Fence),
}

/// What a flight carries on to the next one: a value under the fence that was read before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Carried {
    pub(crate) value: Version,
    pub(crate) fence: Fence,
}

/// A look-up that asks the shared tier: `lookup::Begun`, `lookup::Shared`, and what the flight before found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Asking {
    pub(crate) stamp: Stamp,
    pub(crate) epoch: Epoch,
    pub(crate) carried: Option<Carried>,
}

/// How far a read has come. A flight has no name: it is the current or the next one of its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Idle,
    /// Leads the next flight, and waits for the end of the current one.
    AwaitsTurn,
    /// Leads the current flight, and has not looked anywhere yet.
    Leads(Option<Carried>),
    /// The round trip is on its way to Redis.
    Asks(Asking),
    /// So is the second one: scopes had no token.
    Inits(Asking, [Gen; SCOPES]),
    /// The answer of the shared tier is on its way back. With a stamp it may enter the local tier.
    Hits(Carried, Option<Stamp>),
    /// The store is asked, in a task of its own.
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
    /// Reads no more.
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Reader {
    pub(crate) step: Step,
    /// The oldest version that the shared tier and the store may answer: what was acknowledged when the read began.
    pub(crate) floor: Version,
    /// The oldest version that any tier may answer: what was acknowledged on this instance when the read began.
    pub(crate) own_floor: Version,
    /// The same of what was observed there.
    pub(crate) observed: Version,
}

impl Step {
    /// The clock moves on.
    pub(crate) fn tick(&mut self) {
        let (Self::Loads(keep) | Self::Loaded(keep, _)) = self else { return };
        if let Keep::Degraded(stamp, life) = *keep {
            *keep = Keep::Degraded(stamp, life.saturating_sub(1));
        }
    }
}
