//! The races of the coherence protocol, each by its number there, on the in-memory remote and on a real Redis.
//!
//! Every race is staged by hand: gates inside the store and holds at the shared tier decide the order, and nothing
//! waits by sleeping. Each is run twice: with the protocol whole, and with the protection that it is about taken out
//! (`Weakness`), where the stale read must be seen. A test that could not fail would fail its own control.

mod absence;
mod ad_hoc;
mod batch;
mod breaker;
mod connections;
mod degraded;
mod faults;
mod foreign_bytes;
pub(crate) mod gate;
mod joins;
mod keys;
mod lease;
mod lifetimes;
mod links;
mod loads;
mod modes;
mod observability;
mod on_postgres;
mod outage;
mod own_writes;
mod promise;
mod register;
mod secrets;
mod stale_fill;
mod witness;
mod world;
mod writers;
