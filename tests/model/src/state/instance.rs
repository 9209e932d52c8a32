//! One process with a cache: its connection, its journal, its local tier.

use super::{Epoch, SCOPES, Scopes, Token, Version};

/// The connection of an instance, as `coherence::supervisor` sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Link {
    /// This cache has no shared tier.
    Absent,
    Down,
    /// Connected, subscribed and flushed; delivers the journal to Redis.
    Subscribed,
    /// The first heartbeat is under way.
    FirstHeartbeat,
    /// It has returned, the instance waits for others, and `Link` does not offer the connection yet.
    Trusted,
    Up,
    /// Redis answers commands, but the bus is silent, unnoticed so far.
    Silent,
    /// Redis does not answer, unnoticed so far.
    Lost,
}

/// The relation of an instance to the namespace of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Namespace {
    /// No store of this instance is in it.
    Foreign,
    /// A store is in it, and its bus is not subscribed to yet.
    Joined,
    Subscribed,
}

/// One heartbeat under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Heartbeat {
    /// How long ago it was sent, up to the lease.
    pub(crate) age: u8,
    /// The namespace epoch that it reports.
    pub(crate) namespace: Token,
}

/// The bus of one connection, in order: messages, a heartbeat, more messages.
///
/// Adjacent messages are merged: each ends every local entry and every sequence snapshot of the key. Local entries may
/// be evicted at any time, which covers an entry that was filled between two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Bus {
    pub(crate) messages: Messages,
    pub(crate) heartbeat: Option<Heartbeat>,
    pub(crate) later_messages: Messages,
}

/// Messages on the bus with no heartbeat between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Messages {
    pub(crate) invalidates: bool,
    /// The writers that have registered.
    pub(crate) begins: u8,
    /// The writers that have released.
    pub(crate) ends: u8,
}

/// A heartbeat that was sent while Redis answered nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Queued {
    /// The remaining time for which its reply may prolong the lease.
    pub(crate) life: u8,
    /// The remaining time for which it counts, up to a lease after the last reply.
    pub(crate) counts: u8,
    pub(crate) pending: bool,
    pub(crate) settled: bool,
}

/// The state of an instance towards the recovery barrier and the other members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "most of them change on their own")]
pub(crate) struct Barrier {
    /// The barrier has ended: the shared tier may be read.
    pub(crate) settled: bool,
    /// The members that it waits for, each until its next heartbeat without pending invalidations.
    pub(crate) awaits: u8,
    /// Its own first heartbeat after the reconnect is due, with which the wait begins.
    pub(crate) is_due: bool,
    /// It has never been connected.
    pub(crate) fresh: bool,
    /// A member has been silent for longer than a lease.
    pub(crate) sees_silence: bool,
    /// How long Redis has not answered.
    pub(crate) unanswered: Option<u8>,
    /// An attempt to reach Redis has failed, at least a lease after the first failure.
    pub(crate) in_vain: bool,
    /// The instance alone cannot reach Redis.
    pub(crate) isolated: bool,
    pub(crate) queued: Option<Queued>,
}

/// `coherence::Journal`: the undelivered invalidations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Journal {
    pub(crate) scopes: Scopes,
    pub(crate) overflow: bool,
    /// The scopes added since the drain under way began, which outlive it.
    pub(crate) added: Scopes,
    pub(crate) overflowed: bool,
    /// The writer in mode fast, if it is the last one that added the scope.
    pub(crate) noted: [Option<u8>; SCOPES],
}

impl Journal {
    pub(crate) fn add(&mut self, scopes: Scopes, noted: Option<u8>, capacity: usize) {
        for scope in scopes.iter() {
            let is_full = self.scopes.iter().count() >= capacity && !self.scopes.holds(scope);
            if self.overflow || is_full {
                *self = Self { overflow: true, overflowed: true, ..Self::default() };
            } else {
                self.scopes = self.scopes.with(scope);
                self.added = self.added.with(scope);
                self.noted[scope] = noted;
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

    pub(crate) fn delivered(&mut self) {
        let mut noted = self.noted;
        (0..SCOPES).filter(|scope| !self.added.holds(*scope)).for_each(|scope| noted[scope] = None);
        *self = Self { scopes: self.added, overflow: self.overflowed, noted, ..Self::default() };
    }

    /// Removes what this writer added, which needs no delivery any more.
    pub(crate) fn forget(&mut self, writer: usize) {
        for scope in 0..SCOPES {
            if self.noted[scope].is_some_and(|noted| usize::from(noted) == writer) {
                self.scopes = self.scopes.without(Scopes::of(scope));
                self.added = self.added.without(Scopes::of(scope));
                self.noted[scope] = None;
            }
        }
    }
}

/// The scopes that a drain still has to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Due {
    pub(crate) everything: bool,
    pub(crate) scopes: Scopes,
}

/// A local entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kept {
    /// It answers while the local tier is trusted.
    Fenced(Version),
    /// It answers while the local tier is not trusted.
    Degraded(Degraded),
}

/// A value loaded while the shared tier was unreachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Degraded {
    pub(crate) value: Version,
    /// The remaining time for which it answers.
    pub(crate) life: u8,
    /// Its instance has reconnected since.
    pub(crate) outlived: bool,
}

/// One process with a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Instance {
    pub(crate) link: Link,
    pub(crate) namespace: Namespace,
    /// The remaining time for which `Freshness` trusts the local tier.
    pub(crate) trust: u8,
    /// The remaining time for which a reply allows write locks and shared reads.
    pub(crate) answered: u8,
    pub(crate) barrier: Barrier,
    /// The pending writers whose expiry invalidates the local tier.
    pub(crate) expects: u8,
    /// `Connection::epoch`.
    pub(crate) epoch: Epoch,
    /// The namespace epoch of the last heartbeat.
    pub(crate) received_epoch: Token,
    /// The local entry. An invalidation removes it, or makes it stale for good.
    pub(crate) local: Option<Kept>,
    /// A value whose fill has checked its snapshot and not inserted it yet, if the two are not one step.
    pub(crate) inserting: Option<Version>,
    pub(crate) bus: Bus,
    pub(crate) journal: Journal,
    pub(crate) drain: Option<Due>,
    /// Whether `Flights` knows a current and a next flight of the key.
    pub(crate) current: bool,
    pub(crate) next: bool,
    /// The last version whose write was acknowledged on this instance.
    pub(crate) acked: Version,
    /// The last version whose session token was observed here.
    pub(crate) observed: Version,
}
