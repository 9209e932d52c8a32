//! What crosses crates, in one binary: the servers that the tests share are started once.

mod options;
mod servers;
mod stores;
mod ui;
