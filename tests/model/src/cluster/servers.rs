//! The servers, what they hold, and the scripts.

use super::instance::Message;
use super::state::{Entry, LOCK, Mark, State};
use super::{ClusterSize, ClusterVariant, Steps};

pub(super) const OWN: usize = 0;
pub(super) const WIDE: usize = 1;
pub(super) const SCOPES: [usize; 2] = [OWN, WIDE];

/// The shards at the beginning, a server that joins with its first slot, and the replica that is promoted.
const COUNT: usize = 4;
pub(super) const SERVERS: [usize; COUNT] = [0, 1, NEW, PROMOTED];
const NEW: usize = 2;
const PROMOTED: usize = 3;

/// For each server, whether something is true of it.
pub(super) type Servers = [bool; COUNT];

/// A key. The entry has the slot of its own scope, and the epoch of the namespace has one that does not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Own,
    Wide,
    Entry,
    Epoch,
}

impl Key {
    const ALL: [Self; 4] = [Self::Own, Self::Wide, Self::Entry, Self::Epoch];

    pub(super) fn of(scope: usize) -> Self {
        if scope == OWN { Self::Own } else { Self::Wide }
    }

    /// The scope whose slot the key has.
    fn slot(self) -> Option<usize> {
        match self {
            Self::Own | Self::Entry => Some(OWN),
            Self::Wide => Some(WIDE),
            Self::Epoch => None,
        }
    }
}

/// The value of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    Missing,
    Free(u8),
    /// The expiry of each writer's lock.
    Locked([Option<u8>; 2]),
}

/// The data, wherever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Redis {
    scopes: [Scope; 2],
    /// The expiry of the registration on the wide scope.
    pub(super) registration: Option<u8>,
    pub(super) entry: Option<Entry>,
    epoch: u8,
    /// The server of each key.
    at: [usize; 4],
    /// The last generation or epoch that was given out.
    last: u8,
    /// A slot on its way, and the server that it moves to.
    migration: Option<(usize, usize)>,
    /// The servers that are primaries of the cluster.
    pub(super) primaries: Servers,
    replica: Replica,
    pub(super) moves: u8,
    failovers: u8,
    /// Whether generations have the marks of their processes, and whether epochs have.
    marks_generations: bool,
    marks_epochs: bool,
}

/// What a replica holds of the server that fails over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Replica {
    scopes: [Option<Scope>; 2],
    registration: Option<u8>,
    entry: Option<Entry>,
    epoch: Option<u8>,
}

impl Redis {
    pub(super) fn new(variant: ClusterVariant, size: &ClusterSize) -> Self {
        let mut redis = Self {
            scopes: [Scope::Free(0); 2],
            registration: None,
            entry: None,
            epoch: 0,
            at: [0, size.wide, 0, 1 - size.wide],
            last: 0,
            migration: None,
            primaries: [true, true, false, false],
            replica: Replica { scopes: [None; 2], registration: None, entry: None, epoch: None },
            moves: size.moves,
            failovers: u8::from(size.failover.is_some()),
            marks_generations: variant != ClusterVariant::NoMarkOfGenerations,
            marks_epochs: variant != ClusterVariant::NoMarkOfEpochs,
        };
        let fence = SCOPES.map(|scope| redis.mark(0, scope));
        redis.entry = (!size.is_cold).then(|| Entry { value: 0, fence, epoch: redis.epoch_seen() });
        if let Some(server) = size.failover {
            redis.replica = redis.copy_of(server);
        }
        redis
    }

    fn token(&mut self) -> u8 {
        self.last += 1;
        self.last
    }

    fn holds(&self, key: Key) -> bool {
        match key {
            Key::Own => self.scopes[OWN] != Scope::Missing,
            Key::Wide => self.scopes[WIDE] != Scope::Missing,
            Key::Entry => self.entry.is_some(),
            Key::Epoch => true,
        }
    }

    /// The server of a key. A missing key of a slot on its way is created where the slot goes.
    pub(super) fn place(&self, key: Key) -> usize {
        match self.migration {
            Some((slot, target)) if key.slot() == Some(slot) && !self.holds(key) => target,
            _ => self.at[key as usize],
        }
    }

    fn settle(&mut self, key: Key) {
        self.at[key as usize] = self.place(key);
    }

    /// The generation of a scope as a reader sees it, if it is there and free.
    pub(super) fn seen(&self, scope: usize) -> Option<Mark> {
        match self.scopes[scope] {
            Scope::Free(token) => Some(self.mark(token, scope)),
            _ => None,
        }
    }

    /// The process is that of the server.
    fn mark(&self, token: u8, scope: usize) -> Mark {
        Mark { token, process: self.marks_generations.then(|| self.place(Key::of(scope))) }
    }

    pub(super) fn epoch_seen(&self) -> Mark {
        Mark { token: self.epoch, process: self.marks_epochs.then(|| self.place(Key::Epoch)) }
    }

    /// GETINIT: `None` under a lock.
    pub(super) fn init(&mut self, scope: usize) -> Option<Mark> {
        if self.scopes[scope] == Scope::Missing {
            self.renew(scope);
        }
        self.seen(scope)
    }

    fn renew(&mut self, scope: usize) {
        self.settle(Key::of(scope));
        self.scopes[scope] = Scope::Free(self.token());
    }

    pub(super) fn fill(&mut self, entry: Entry) {
        self.settle(Key::Entry);
        self.entry = Some(entry);
    }

    /// A lock that expires is gone, and so is a generation whose writer did not end its registration.
    pub(super) fn expire(&mut self, now: u8) {
        for scope in &mut self.scopes {
            if let Scope::Locked(locks) = scope {
                *locks = locks.map(|until| until.filter(|until| now < *until));
                if *locks == [None; 2] {
                    *scope = Scope::Missing;
                }
            }
        }
        if self.registration.is_some_and(|until| until <= now) {
            self.registration = None;
            if matches!(self.scopes[WIDE], Scope::Free(_)) {
                self.scopes[WIDE] = Scope::Missing;
            }
        }
    }

    /// Whether a writer is still protected: by its locks, or by its registration.
    fn protects(&self, writer: usize, locked: [bool; 2], is_registered: bool) -> bool {
        let has_lock = |scope: usize| matches!(self.scopes[scope], Scope::Locked(locks) if locks[writer].is_some());
        SCOPES.into_iter().all(|scope| !locked[scope] || has_lock(scope))
            && (!is_registered || self.registration.is_some())
    }

    /// What a server holds.
    fn copy_of(&self, server: usize) -> Replica {
        let is_here = |key: Key| self.at[key as usize] == server;
        let scope = |scope: usize| is_here(Key::of(scope)).then_some(self.scopes[scope]);
        Replica {
            scopes: SCOPES.map(scope),
            registration: self.registration.filter(|_| is_here(Key::Wide)),
            entry: self.entry.filter(|_| is_here(Key::Entry)),
            epoch: is_here(Key::Epoch).then_some(self.epoch),
        }
    }

    /// A replica takes over from a server, with what it holds.
    fn fail_over(&mut self, server: usize, now: u8) {
        let Replica { scopes, registration, entry, epoch } = self.replica;
        for key in Key::ALL.into_iter().filter(|key| self.at[*key as usize] == server).collect::<Vec<_>>() {
            self.at[key as usize] = PROMOTED;
            match key {
                Key::Own => self.scopes[OWN] = scopes[OWN].unwrap_or(Scope::Missing),
                Key::Wide => {
                    self.scopes[WIDE] = scopes[WIDE].unwrap_or(Scope::Missing);
                    self.registration = registration;
                }
                Key::Entry => self.entry = entry,
                Key::Epoch => self.epoch = epoch.unwrap_or_else(|| self.token()),
            }
        }
        if let Some((_, target)) = self.migration.as_mut().filter(|(_, target)| *target == server) {
            *target = PROMOTED;
        }
        (self.primaries[server], self.primaries[PROMOTED]) = (false, true);
        self.failovers -= 1;
        self.expire(now);
    }
}

impl State {
    fn publish(&mut self, scope: usize, message: Message) {
        let server = self.server_of(Key::of(scope));
        self.instance.receives(server, message);
    }

    /// LOCK.
    pub(super) fn lock(&mut self, scope: usize, writer: usize) {
        self.redis.settle(Key::of(scope));
        let mut locks = match self.redis.scopes[scope] {
            Scope::Locked(locks) => locks,
            _ => [None; 2],
        };
        locks[writer] = Some(self.now + LOCK);
        self.redis.scopes[scope] = Scope::Locked(locks);
        self.publish(scope, Message::Invalidation);
    }

    /// RELEASE; returns whether it has published.
    pub(super) fn release(&mut self, scope: usize, writer: usize) -> bool {
        let mut locks = match self.redis.scopes[scope] {
            Scope::Locked(locks) => locks,
            _ => [None; 2],
        };
        let is_mine = locks[writer].take().is_some();
        if locks == [None; 2] {
            self.redis.renew(scope);
        } else {
            self.redis.scopes[scope] = Scope::Locked(locks);
        }
        if !is_mine {
            self.publish(scope, Message::Invalidation);
        }
        !is_mine
    }

    /// INVALIDATE.
    pub(super) fn invalidate(&mut self, scope: usize) {
        if !matches!(self.redis.scopes[scope], Scope::Locked(_)) {
            self.redis.renew(scope);
        }
        self.publish(scope, Message::Invalidation);
    }

    /// REGISTER on the wide scope.
    pub(super) fn register(&mut self) {
        let until = self.now + LOCK;
        if self.redis.scopes[WIDE] == Scope::Missing {
            self.redis.renew(WIDE);
        }
        self.redis.registration = Some(until);
        self.publish(WIDE, Message::Registered { until });
    }

    /// FINISH on the wide scope.
    pub(super) fn finish(&mut self) {
        self.redis.registration = None;
        self.publish(WIDE, Message::Finished);
    }

    /// Gives the namespace a new epoch, and returns it.
    pub(super) fn move_epoch(&mut self) -> u8 {
        self.redis.epoch = self.redis.token();
        self.redis.epoch
    }

    fn fail_over(&mut self, size: &ClusterSize, server: usize) {
        self.redis.fail_over(server, self.now);
        for (at, (writer, write)) in self.writers.iter_mut().zip(size.writers).enumerate() {
            let (locked, is_registered) = writer.held(*write);
            let is_alive = self.now < writer.until;
            writer.is_lost |= is_alive && !self.redis.protects(at, locked, is_registered);
        }
    }
}

impl Steps<'_> {
    /// Slots move, key by key.
    pub(super) fn slots(&mut self) {
        if let Some((slot, target)) = self.state.redis.migration {
            return self.migrate(slot, target);
        }
        if self.state.redis.moves == 0 {
            return;
        }
        let Redis { primaries, at, failovers, .. } = self.state.redis;
        let may_join = self.size.failover != Some(NEW) || failovers > 0;
        let targets = SERVERS.into_iter().filter(|server| primaries[*server] || *server == NEW && may_join);
        let moves: Vec<_> = targets.flat_map(|target| SCOPES.map(|slot| (slot, target))).collect();
        for (slot, target) in moves.into_iter().filter(|(slot, target)| at[*slot] != *target) {
            self.add(format_args!("the slot of scope {slot} begins to move to server {target}"), |state| {
                state.redis.moves -= 1;
                state.redis.migration = Some((slot, target));
                state.redis.primaries[target] = true;
            });
        }
    }

    fn migrate(&mut self, slot: usize, target: usize) {
        let Redis { at, .. } = self.state.redis;
        let mut left = Key::ALL.into_iter().filter(|key| key.slot() == Some(slot) && at[*key as usize] != target);
        let (first, second) = (left.next(), left.next());
        for key in [first, second].into_iter().flatten() {
            let is_last = second.is_none();
            self.add(format_args!("the key {key:?} moves to server {target}"), |state| {
                state.redis.at[key as usize] = target;
                state.redis.migration = state.redis.migration.filter(|_| !is_last);
            });
        }
        if first.is_none() {
            self.add(format_args!("the slot of scope {slot} has moved"), |state| state.redis.migration = None);
        }
    }

    /// Servers without slots are removed.
    pub(super) fn removals(&mut self) {
        let Redis { primaries, at, migration, .. } = self.state.redis;
        let is_used = |server: usize| at.contains(&server) || migration.is_some();
        let is_removed = |server: &usize| self.size.removals && primaries[*server] && !is_used(*server);
        for server in SERVERS.into_iter().filter(is_removed) {
            self.add(format_args!("server {server} is removed"), |state| state.redis.primaries[server] = false);
        }
    }

    /// The replica catches up, or takes over.
    pub(super) fn replica(&mut self) {
        let Some(server) = self.size.failover.filter(|server| self.state.redis.primaries[*server]) else { return };
        let copy = self.state.redis.copy_of(server);
        if copy != self.state.redis.replica {
            self.add(format_args!("the replica of server {server} catches up"), |state| state.redis.replica = copy);
        }
        if self.state.redis.failovers > 0 {
            let size = self.size;
            self.add(format_args!("server {server} fails over to its replica"), |state| state.fail_over(size, server));
        }
    }
}
