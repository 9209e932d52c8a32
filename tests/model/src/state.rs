//! What there is at one moment: the database, Redis, the instances, and how far every read and write has come.
//!
//! There is one key, and it belongs to two scopes, its own and a wide one: keys interact through their scopes only, so
//! what holds for one key under writes of either scope holds for each.

use crate::configuration::Faults;

/// The scopes of the key: its own, and a wider one.
pub(crate) const SCOPES: usize = 2;
/// The most instances, readers and writers of a configuration.
pub(crate) const INSTANCES: usize = 3;
pub(crate) const READERS: usize = 4;
pub(crate) const WRITERS: usize = 3;

/// The number of the write that made a value. The database begins with 0, which nobody wrote.
pub(crate) type Version = u8;

/// A unique token. Numbers are used again once nothing in the whole state remembers them: tokens are only ever compared
/// for equality, so a number that nobody remembers is as good as a new one, and the states stay few.
pub(crate) type Token = u8;

/// Some of the scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Scopes(pub(crate) u8);

impl Scopes {
    pub(crate) const ALL: Self = Self((1 << SCOPES) - 1);

    pub(crate) fn of(scope: usize) -> Self {
        Self(1 << scope)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn holds(self, scope: usize) -> bool {
        self.0 & 1 << scope != 0
    }

    pub(crate) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn with(self, scope: usize) -> Self {
        Self(self.0 | 1 << scope)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// In the order of a pipeline.
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        (0..SCOPES).filter(move |scope| self.holds(*scope))
    }

    /// The first in the order of a pipeline, and the rest.
    pub(crate) fn split(self) -> Option<(usize, Self)> {
        let first = self.iter().next()?;
        Some((first, self.without(Self::of(first))))
    }
}

/// `coherence::Epoch`: the server's run id, and the namespace epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Epoch {
    pub(crate) run: u8,
    pub(crate) namespace: Token,
}

/// `flight::FoundFence`: what was read before a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Fence {
    pub(crate) epoch: Epoch,
    pub(crate) gens: [Token; SCOPES],
}

/// What Redis holds for a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Gen {
    Missing,
    Free(Token),
    /// With a bit for each writer.
    Locked(u8),
}

/// The envelope of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) value: Version,
    pub(crate) fence: Fence,
}

/// The keys of one Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Keys {
    pub(crate) gens: [Gen; SCOPES],
    pub(crate) entry: Option<Entry>,
    pub(crate) namespace: Token,
}

/// The connection of an instance, as `coherence::supervisor` sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Link {
    /// There is no shared tier in this cache.
    Absent,
    Down,
    /// Connected, subscribed and flushed; tells Redis what it has not heard.
    Subscribed,
    /// The first beat is under way.
    Beating,
    Up,
    /// Commands are answered, but the bus is silent and nobody has noticed.
    Deaf,
    /// Nothing is answered, and nobody has noticed.
    Lost,
}

/// One heartbeat under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Beat {
    /// How long ago it was sent, up to the lease.
    pub(crate) age: u8,
    /// The namespace epoch that it tells.
    pub(crate) namespace: Token,
}

/// The bus of one connection, in order: news, a beat, more news.
///
/// News that are heard one right after the other are one: each ends every local entry and every stamp of the key. Local
/// entries may be evicted at any time, which covers that the second of two would have ended an entry that the first let
/// in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Bus {
    pub(crate) news: bool,
    pub(crate) beat: Option<Beat>,
    pub(crate) later_news: bool,
}

/// `coherence::Journal`: what Redis has not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Journal {
    pub(crate) scopes: Scopes,
    pub(crate) overflow: bool,
    /// What was added since the drain under way began, and so outlives it.
    pub(crate) added: Scopes,
    pub(crate) overflowed: bool,
}

impl Journal {
    pub(crate) fn add(&mut self, scopes: Scopes, capacity: usize) {
        for scope in scopes.iter() {
            let is_full = self.scopes.iter().count() >= capacity && !self.scopes.holds(scope);
            if self.overflow || is_full {
                *self = Self { overflow: true, overflowed: true, ..Self::default() };
            } else {
                self.scopes = self.scopes.with(scope);
                self.added = self.added.with(scope);
            }
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.scopes.is_empty() && !self.overflow
    }

    pub(crate) fn holds(self, scopes: Scopes) -> bool {
        self.overflow || self.scopes.meets(scopes)
    }

    pub(crate) fn due(&mut self) -> Option<Due> {
        (self.added, self.overflowed) = (Scopes::default(), false);
        (!self.is_empty()).then_some(Due { everything: self.overflow, scopes: self.scopes })
    }

    pub(crate) fn told(&mut self) {
        *self = Self { scopes: self.added, overflow: self.overflowed, ..Self::default() };
    }
}

/// What a drain has still to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Due {
    pub(crate) everything: bool,
    pub(crate) scopes: Scopes,
}

/// One process with a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Instance {
    pub(crate) link: Link,
    /// For how long `Gate` still trusts the local tier.
    pub(crate) trust: u8,
    /// `Live::epoch`.
    pub(crate) epoch: Epoch,
    /// The local entry, if its stamp is still current. One whose stamp is not never answers again.
    pub(crate) local: Option<Version>,
    pub(crate) bus: Bus,
    pub(crate) journal: Journal,
    pub(crate) drain: Option<Due>,
    /// Whether `Flights` knows a current and a next flight of the key.
    pub(crate) current: bool,
    pub(crate) next: bool,
    /// The last version whose write was acknowledged on this instance.
    pub(crate) acked: Version,
}

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
}

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Writer {
    pub(crate) phase: Phase,
    /// 0 before the commit.
    pub(crate) version: Version,
    /// How long ago Redis last published news of it, up to the lease.
    pub(crate) news: Option<u8>,
    /// Acknowledged, or given up for longer than a lock lives, and Redis has heard: reads must reflect it.
    pub(crate) counts: bool,
    /// It would count if Redis had heard of it.
    pub(crate) untold: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) redis: Keys,
    pub(crate) run: u8,
    /// What a replica has, while it may still take over.
    pub(crate) replica: Option<Keys>,
    pub(crate) database: Version,
    pub(crate) instances: [Instance; INSTANCES],
    pub(crate) readers: [Reader; READERS],
    pub(crate) writers: [Writer; WRITERS],
    /// The last version that counts.
    pub(crate) acked: Version,
    /// How many of each fault may still happen.
    pub(crate) faults: Faults,
    /// Counted only where a configuration bounds them.
    pub(crate) loads: u8,
}
