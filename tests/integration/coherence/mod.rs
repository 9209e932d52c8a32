//! The numbered races of the coherence protocol, in memory and on a real Redis.
//!
//! Each race is staged: sync points in the store and at the shared tier fix the order, and no test waits by sleeping.
//! Each test runs twice: with the whole protocol, and with the protection under test disabled (`Protection`). The latter
//! run must see the stale read, so a test that could not fail would fail its own control.

mod absence;
mod ad_hoc;
mod batch;
mod breaker;
mod call_trace;
mod clocks;
mod codecs;
mod combining;
mod connections;
mod degraded;
mod deploys;
mod ended_runtimes;
mod eviction;
mod extremes;
mod faults;
mod foreign_bytes;
mod freshness;
mod hammer;
mod informed;
mod interleaved_writers;
mod joins;
mod keys;
mod large_values;
mod lease;
mod ledger;
mod lifetimes;
mod links;
mod loads;
mod local_bounds;
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
mod refresh_once;
mod register;
mod replicas;
mod secrets;
mod sessions;
mod snapshots;
mod sources;
mod stale_fill;
mod stalled;
mod supervisor;
pub(crate) mod sync_points;
mod tags;
mod tracking;
mod unknown_outcome;
mod updates;
mod user_code;
mod warming;
mod world;
mod writers;
