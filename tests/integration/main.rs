//! Tests across crates, in one binary, so that shared servers start once.

mod coherence;
mod environment;
mod logs;
mod options;
mod outside;
mod proxy;
mod servers;
mod stores;
mod tables;
