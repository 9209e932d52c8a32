//! The races of the coherence protocol, each by its number there, on the in-memory remote and on a real Redis.
//!
//! Every race is staged by hand: gates inside the store and holds at the shared tier decide the order, and nothing
//! waits by sleeping. Each is run twice: with the protocol whole, and with the protection that it is about taken out
//! (`Weakness`), where the stale read must be seen. A test that could not fail would fail its own control.

mod absence;
mod ad_hoc;
mod batch;
mod breaker;
mod clocks;
mod codecs;
mod connections;
mod degraded;
mod deploys;
mod ended_runtimes;
mod eviction;
mod extremes;
mod faults;
mod foreign_bytes;
pub(crate) mod gate;
mod hammer;
mod interleaved_writers;
mod joins;
mod keys;
mod large_values;
mod lease;
mod ledger;
mod lifetimes;
mod links;
mod loads;
mod lost_locks;
mod modes;
mod nested_loads;
mod observability;
mod on_postgres;
mod out_of_band;
mod outage;
mod own_writes;
mod pending_writers;
mod policies;
mod processes;
mod promise;
mod recovery_barrier;
mod refresh;
mod register;
mod replicas;
mod secrets;
mod sessions;
mod snapshots;
mod sources;
mod stale_fill;
mod stalled;
mod supervisor;
mod tracking;
mod unknown_outcome;
mod user_code;
mod witness;
mod world;
mod writers;
