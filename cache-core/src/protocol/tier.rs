//! The shared tier and its bus, as the layers above use them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;
use smallvec::SmallVec;

use super::{Backend, Generation, Members, Scope, ScopeState, ScopeStates, TierError};

/// Receives the bus messages of a connection. The methods never block: they run where the bytes are read.
pub(crate) trait Bus: fmt::Debug + Send + Sync {
    /// Handles a message, exactly as it was published.
    ///
    /// Messages are not trusted: one that does not parse is dropped, and a forged invalidation costs a miss.
    fn message(&self, payload: &[u8]);

    /// Handles that messages may have been missed, although the connection goes on: a server of a cluster was added or
    /// removed.
    #[cfg_attr(
        not(any(feature = "redis", feature = "testing")),
        expect(dead_code, reason = "a shared tier in memory is one server")
    )]
    fn missed(&self);

    /// Handles the loss of the bus connection or the command connection.
    #[cfg_attr(
        not(any(feature = "redis", feature = "testing")),
        expect(dead_code, reason = "a shared tier in memory stays connected")
    )]
    fn disconnected(&self);
}

pub(crate) type BusSink = Arc<dyn Bus>;

/// A kind of shared tier, which opens connections.
pub(crate) trait SharedTier: fmt::Debug + Send + Sync {
    fn backend(&self) -> Backend;

    /// Connects. From then on `bus` receives messages; its `disconnected` is called when the connection ends.
    fn connect<'a>(
        &'a self,
        instance: &'a str,
        bus: BusSink,
    ) -> BoxFuture<'a, Result<Arc<dyn TierConnection>, TierError>>;
}

pub(crate) type Reply<'a, T> = BoxFuture<'a, Result<T, TierError>>;

/// An open connection to the shared tier. Every operation is one round trip.
pub(crate) trait TierConnection: fmt::Debug + Send + Sync {
    /// Identifies the server process: it changes with a restart and with a fail-over.
    fn run_id(&self) -> &str;

    /// The server's clock when the connection was opened, in milliseconds.
    fn connected_at(&self) -> u64;

    /// The number of received bytes in replies, if the tier can count them.
    fn received(&self) -> u64 {
        0
    }

    /// The servers that share the keys, if there are several.
    fn shards(&self) -> Vec<Shard> {
        Vec::new()
    }

    /// Closes the connections at once; requests in progress fail.
    ///
    /// Dropping it closes them too, but a load may hold it for as long as it runs.
    fn close(&self) {}

    /// Subscribes to the bus of each namespace and to this instance's own heartbeats.
    ///
    /// It waits for the reply.
    fn subscribe<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()>;

    /// Reads entries, each with the states of its scopes. The replies are in the order of the look-ups.
    ///
    /// Look-ups of several callers may share a round trip.
    fn read<'a>(&'a self, wanted: &'a [Wanted<'a>]) -> Reply<'a, EntryReplies>;

    /// Reads the states of scopes.
    fn states<'a>(&'a self, scopes: &'a [Scope]) -> Reply<'a, Vec<ScopeState>>;

    /// Creates the missing generations, and returns the state of all scopes.
    fn init_generations<'a>(&'a self, generations: &'a [&'a str]) -> Reply<'a, Vec<ScopeState>>;

    /// Stores entries, and renews the generations that are in the second half of their life.
    fn fill<'a>(&'a self, fills: Vec<Fill<'a>>) -> Reply<'a, ()>;

    /// Claims the refresh of entries for `token`, by the keys of their generations; returns which of them were free.
    ///
    /// A claim ends after `ttl`. It protects nothing but the store from repeated work.
    fn claim<'a>(&'a self, generations: &'a [&'a str], token: &'a str, ttl: Duration) -> Reply<'a, Vec<bool>>;

    /// Ends the claims that `token` still has after `rest`, or at once if that is zero.
    fn unclaim<'a>(&'a self, generations: &'a [&'a str], token: &'a str, rest: Duration) -> Reply<'a, ()>;

    /// Locks scopes for one writer, registers the writer on methods, and publishes both.
    fn lock<'a>(&'a self, write: WriteScopes<'a>, token: &'a str, ttl: Duration) -> Reply<'a, ()>;

    /// Ends one writer's locks, renews the scopes that it found, and ends its registrations.
    ///
    /// It does so in this order, after it has renewed the clocks of the tags among them. The last lock of a scope leaves
    /// a new generation.
    fn release<'a>(&'a self, write: WriteScopes<'a>, token: &'a str) -> Reply<'a, Released>;

    /// Gives each scope a new generation that ends with `token`, and publishes it. A locked scope keeps its locks.
    ///
    /// The clocks of tags come first.
    fn invalidate<'a>(&'a self, scopes: &'a [Scope], token: &'a str) -> Reply<'a, ()>;

    /// Changes the namespace epochs, which makes every entry of the namespaces stale.
    fn move_epoch<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()>;

    /// Registers this instance in each namespace, and sends itself a heartbeat over the bus.
    fn heartbeat<'a>(&'a self, heartbeat: &'a Heartbeat) -> Reply<'a, HeartbeatReply>;

    /// Requests a heartbeat from each other member of the namespaces.
    fn request_heartbeats<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()>;

    /// Removes this instance from the members of the namespaces.
    fn leave<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()>;
}

/// A primary of a Redis Cluster, as [`Health`](crate::Health) lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Shard {
    /// The id of the server in the cluster, as in `CLUSTER NODES`.
    pub id: String,
    /// The number of hash slots that it has.
    pub slots: usize,
    /// How far its clock is ahead of that of the server with the cache's namespace, in milliseconds.
    ///
    /// It is measured with each heartbeat, to within a round trip.
    pub clock_ahead: i64,
}

/// A heartbeat to send.
#[derive(Debug, Clone)]
pub(crate) struct Heartbeat {
    /// Identifies the heartbeat when it returns over the bus.
    pub(crate) nonce: u64,
    /// The namespaces that this instance is a member of, in the order of joining.
    pub(crate) namespaces: Vec<String>,
    /// The number of undelivered invalidations of this instance.
    pub(crate) pending: u64,
    /// Whether this instance is outside the recovery barrier.
    pub(crate) settled: bool,
    /// The server's clock as of the last reply, in milliseconds.
    ///
    /// A heartbeat that the server executes more than a lease later was sent before an outage. The server then records
    /// the instance as inside the barrier, with at least one pending invalidation.
    pub(crate) seen: u64,
    pub(crate) lease: Duration,
    /// Whether this heartbeat is announced to the other members on the bus.
    pub(crate) announced: bool,
    /// Members to remove.
    pub(crate) expired: Vec<Expired>,
}

/// A member to remove, because it has been silent for too long.
///
/// It stays if it has sent another heartbeat since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expired {
    /// The index of the namespace in the request.
    pub(crate) namespace: usize,
    pub(crate) id: String,
    /// The sequence number of its last heartbeat.
    pub(crate) sequence: u64,
}

/// The reply to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct HeartbeatReply {
    /// The server's clock in milliseconds.
    pub(crate) server_time: u64,
    /// The epoch and the members of each namespace, in the order of the request.
    pub(crate) namespaces: Vec<(String, Members)>,
}

/// For each locked scope of a write its new generation, if no other change of the scope has overlapped the write.
///
/// A write is not alone if another lock or an invalidation came while it had its lock, or if its lock was lost. Then the
/// store may have a newer value than that of the write.
pub(crate) type Released = Vec<Option<Generation>>;

/// The scopes of one write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteScopes<'a> {
    /// The scopes that are known before the call; they are locked.
    pub(crate) locked: &'a [Scope],
    /// The methods whose entries the result names; the writer is registered on them.
    pub(crate) methods: &'a [Scope],
    /// The scopes that are known after the call; the release invalidates them.
    pub(crate) found: &'a [Scope],
}

impl<'a> WriteScopes<'a> {
    /// The found scopes that belong to a method.
    pub(crate) fn found_in(self, method: &'a Scope) -> impl Iterator<Item = &'a Scope> {
        self.found.iter().filter(|found| method.covers(found))
    }

    /// The clocks of the tags that the write changes. A release renews them before the tags.
    pub(crate) fn clocks(self) -> Vec<Scope> {
        Scope::tag_clocks(self.locked.iter().chain(self.found))
    }

    /// The clocks of the locked tags, which the writer is registered on.
    ///
    /// A reader that has looked up before the lock expired must not take a new generation of the tag for an old one.
    pub(crate) fn clocks_of_locked(self) -> Vec<Scope> {
        Scope::tag_clocks(self.locked)
    }

    /// The found scopes that belong to none of the methods.
    pub(crate) fn found_elsewhere(self) -> impl Iterator<Item = &'a Scope> {
        self.found.iter().filter(move |found| !self.methods.iter().any(|method| method.covers(found)))
    }
}

/// An entry to look up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Its scopes: its own first, which has the name of the entry, then the wider ones.
    pub(crate) scopes: &'a [Scope],
    /// The expected size of the entry in bytes.
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "a shared tier in memory has no round trips"))]
    pub(crate) size: usize,
}

/// An entry that was looked up.
#[derive(Debug, Clone)]
pub(crate) struct EntryReply {
    /// The bytes of the entry, of any size; empty if absent.
    pub(crate) bytes: Vec<u8>,
    /// The state of each of its scopes.
    pub(crate) states: ScopeStates,
}

pub(crate) type EntryReplies = SmallVec<[EntryReply; 1]>;

/// An entry to store.
#[derive(Debug)]
pub(crate) struct Fill<'a> {
    pub(crate) entry: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) ttl: Duration,
    /// Scopes to renew, if they still have this generation.
    pub(crate) renew: Vec<(&'a str, &'a Generation)>,
}

/// How long a generation lives without being renewed.
///
/// A fill renews the generations that are in the second half of their life. An entry with a longer time to live
/// therefore becomes a miss after 12 to 24 hours, when its generation expires.
pub(crate) const GENERATION_TTL: Duration = Duration::from_hours(24);
