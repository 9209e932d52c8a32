//! Failures of servers and networks: the reads, the operator's warnings, and undisturbed callers.

mod ambiguous;
mod behind_proxy;
mod bus_cut;
mod cancel;
mod failover;
mod flush;
mod frozen;
mod herd;
mod kinds;
mod order;
mod outage;
mod sentinel;
