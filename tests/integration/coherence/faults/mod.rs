//! Servers and networks that fail, each in its own way: what a reader sees, what an operator is told, and what no caller notices.

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
