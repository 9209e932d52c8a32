//! Coherence between instances: scopes, generations, local sequences, the lease, the journal, and the supervisor.

mod bus;
mod cut_off;
mod fleet;
mod gate;
mod gens;
#[cfg(all(test, shuttle))]
mod interleavings;
mod journal;
mod link;
mod live;
mod membership;
mod pending_writers;
mod recovery;
mod report;
mod scope;
mod supervision;
mod supervisor;

#[cfg(any(feature = "testing", test))]
pub(crate) use bus::Bus;
pub(crate) use bus::BusSink;
#[cfg(test)]
pub(crate) use bus::Listener;
pub(crate) use cut_off::{Acknowledgement, CutOff};
pub(crate) use fleet::{Member, Members};
pub(crate) use gate::{Gate, Stamp};
pub(crate) use gens::{Gen, GenState};
#[cfg(all(test, shuttle))]
pub(crate) use journal::Due;
pub(crate) use journal::{CAPACITY as JOURNAL_CAPACITY, Journal, Unreleased};
pub(crate) use link::{Link, LinkState};
pub(crate) use live::{Live, WAITS};
pub(crate) use membership::Membership;
pub(crate) use pending_writers::PendingWriters;
pub use scope::Scope;
#[cfg(feature = "redis")]
pub(crate) use scope::writers_key;
pub(crate) use scope::{MAX_SCOPES, ScopeHash};
pub(crate) use supervision::Supervision;
pub(crate) use supervisor::supervise;

/// The epoch under which a load began: the server process and the namespace epoch.
///
/// Entries of another epoch are misses: a fail-over to a lagging replica must not bring invalidated entries back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Epoch(pub(crate) u64);

impl Epoch {
    /// `run` names the server process, `namespace` the namespace epoch.
    pub(crate) fn of(run: &str, namespace: &str) -> Self {
        Self(xxhash_rust::xxh3::xxh3_64(format!("{run} {namespace}").as_bytes()))
    }
}
