//! The shared tier and the bus, behind one seam.

mod error;
mod memory;
#[cfg(feature = "redis")]
pub(crate) mod redis;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

pub(crate) use error::{RemoteError, RemoteErrorKind};
pub use memory::MemoryRemote;

use crate::coherence::{BusSink, Gen, GenState, Scope};
use crate::observability::Backend;

/// A kind of shared tier: makes connections.
pub(crate) trait RemoteTier: fmt::Debug + Send + Sync {
    fn backend(&self) -> Backend;

    /// Connects. News arrive at `bus` from then on; its `disconnected` is called when the connection ends.
    fn connect<'a>(&'a self, instance: &'a str, bus: BusSink) -> BoxFuture<'a, Result<Arc<dyn Session>, RemoteError>>;
}

pub(crate) type Reply<'a, T> = BoxFuture<'a, Result<T, RemoteError>>;

/// One connection to the shared tier. Every operation is one round trip.
pub(crate) trait Session: fmt::Debug + Send + Sync {
    /// Names the server process: it changes with a restart and with a fail-over.
    fn run_id(&self) -> &str;

    /// Subscribes to the bus of each namespace and to this instance's own beats, and waits for the acknowledgement.
    fn subscribe<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()>;

    /// The entries, and the state of each scope.
    fn read<'a>(&'a self, entries: &'a [&'a str], gens: &'a [&'a str]) -> Reply<'a, Snapshot>;

    /// Gives each scope that has no token a new one, and returns the state of all.
    fn init_gens<'a>(&'a self, gens: &'a [&'a str]) -> Reply<'a, Vec<GenState>>;

    /// Stores entries, and renews the tokens that are in the second half of their life.
    fn fill<'a>(&'a self, fills: Vec<Fill<'a>>) -> Reply<'a, ()>;

    /// Locks scopes for one writer, registers the writer on methods, and publishes both.
    fn intent<'a>(&'a self, write: WriteScopes<'a>, token: &'a str, hold: Duration) -> Reply<'a, ()>;

    /// Ends one writer's locks, gives the scopes that it has found new generations, and ends its registrations, in this
    /// order. The last lock of a scope leaves a new token.
    fn release<'a>(&'a self, write: WriteScopes<'a>, token: &'a str) -> Reply<'a, ()>;

    /// Gives each scope a new token that ends with `token`, and tells the bus. A locked scope keeps its locks.
    fn bump<'a>(&'a self, scopes: &'a [Scope], token: &'a str) -> Reply<'a, ()>;

    /// Moves the namespace epochs: every entry of the namespaces is stale.
    fn move_epoch<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()>;

    /// Writes this instance's sign of life and sends a beat to itself over the bus. Returns the server's time in
    /// milliseconds.
    fn beat<'a>(&'a self, nonce: u64, keep: Duration, namespaces: &'a [String]) -> Reply<'a, u64>;
}

/// The scopes of one write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteScopes<'a> {
    /// Known before the call: they are locked.
    pub(crate) locked: &'a [Scope],
    /// The methods of which the result names entries: the writer is registered on them.
    pub(crate) methods: &'a [Scope],
    /// Known since the call: they are invalidated when it ends.
    pub(crate) found: &'a [Scope],
}

impl<'a> WriteScopes<'a> {
    /// The found scopes that belong to a method.
    fn found_in(self, method: &'a Scope) -> impl Iterator<Item = &'a Scope> {
        self.found.iter().filter(|found| method.covers(found))
    }

    /// The found scopes that belong to none of the methods.
    fn found_elsewhere(self) -> impl Iterator<Item = &'a Scope> {
        self.found.iter().filter(move |found| !self.methods.iter().any(|method| method.covers(found)))
    }
}

/// What one round trip of a read brings.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// The bytes of each entry, cut off after the largest size that is accepted plus one; empty where there is none.
    pub(crate) entries: Vec<Vec<u8>>,
    /// As many as were asked for.
    pub(crate) gens: Vec<GenState>,
}

/// An entry to be stored.
#[derive(Debug)]
pub(crate) struct Fill<'a> {
    pub(crate) entry: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) ttl: Duration,
    /// Scopes to renew, with the token that must still be there.
    pub(crate) renew: Vec<(&'a str, &'a Gen)>,
}

/// How long a token lives without being renewed. It must outlive every entry that carries it.
pub(crate) const GEN_TTL: Duration = Duration::from_hours(24);

/// A shared tier for [`CacheBuilder::remote`](crate::CacheBuilder::remote).
#[derive(Debug, Clone)]
pub struct Remote(pub(crate) Arc<dyn RemoteTier>);
