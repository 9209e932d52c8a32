//! The data in Redis, and the fence of an entry.

use super::{SCOPES, Token, Version};

/// `fence::Epoch`: the server's run id, and the namespace epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Epoch {
    pub(crate) run: u8,
    pub(crate) namespace: Token,
}

/// `Fence`: the generations read before a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Fence {
    pub(crate) epoch: Epoch,
    pub(crate) generations: [Token; SCOPES],
}

/// The state of a scope in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Generation {
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
    pub(crate) generations: [Generation; SCOPES],
    pub(crate) entry: Option<Entry>,
    pub(crate) namespace: Token,
    /// The pending writers of the wide scope, as bits.
    pub(crate) pending: u8,
    /// The pending writers whose expiry the generation of the wide scope carries.
    pub(crate) suffix: u8,
}

/// The record of an instance in the hash of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    /// The hash names it.
    pub(crate) present: bool,
    /// The age of its last heartbeat, up to a tick more than the lease.
    pub(crate) age: u8,
    /// Its last heartbeat reported pending invalidations.
    pub(crate) pending: bool,
    /// Its last heartbeat reported that it was settled.
    pub(crate) settled: bool,
}
