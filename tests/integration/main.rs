//! What crosses crates, in one binary: the servers that the tests share are started once.

mod coherence;
mod environment;
mod logs;
mod options;
mod outside;
mod proxy;
mod servers;
mod stores;
mod tables;
