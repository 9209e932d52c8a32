//! One state: the database, Redis, the instances, and the progress of every read and write.
//!
//! There is one key, and it belongs to two scopes, its own and a wide one: keys interact through their scopes only, so
//! what holds for one key under writes of either scope holds for each.

mod fresh;
mod instance;
mod reader;
mod redis;
mod writer;

use crate::configuration::Faults;

pub(crate) use instance::{
    Barrier, Bus, Degraded, Due, Heartbeat, Instance, Journal, Kept, Link, Messages, Namespace, Queued,
};
pub(crate) use reader::{Carried, Found, Keep, Landing, LookUp, Reader, Snapshot, Source, Step};
pub(crate) use redis::{Entry, Epoch, Fence, Generation, Keys, Record};
pub(crate) use writer::{Phase, Standing, Writer};

/// The scopes of the key: its own, and a wider one.
pub(crate) const SCOPES: usize = 2;
/// The most instances, readers and writers of a configuration.
pub(crate) const INSTANCES: usize = 3;
pub(crate) const READERS: usize = 4;
pub(crate) const WRITERS: usize = 3;

/// The number of the write that produced a value; the database begins with 0.
pub(crate) type Version = u8;

/// A unique generation.
///
/// The model reuses a number once no part of the state holds it. Generations are only ever compared for equality, so
/// such a number is as good as a new one, and the states stay few.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) redis: Keys,
    pub(crate) run: u8,
    /// No instance can reach Redis.
    pub(crate) down: bool,
    /// Redis has stopped answering, and connections stay open.
    pub(crate) stalled: bool,
    pub(crate) records: [Record; INSTANCES],
    /// The pending writers whose registration has expired.
    pub(crate) expired: u8,
    /// The data of a replica that may still take over.
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

impl State {
    /// A scope that this writer has locked.
    pub(crate) fn locked_by(&self, writer: usize) -> Option<usize> {
        let is_mine = |state: Generation| matches!(state, Generation::Locked(owners) if owners & (1 << writer) != 0);
        (0..SCOPES).find(|&scope| is_mine(self.redis.generations[scope]))
    }
}
