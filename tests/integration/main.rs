//! What crosses crates, in one binary: the servers that the tests share are started once.

mod servers;
mod stores;
