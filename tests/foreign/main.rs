//! The macro on traits that other crates declare, over a single instance,
//! over two instances on a shared tier in memory, and over two on Redis.

mod buckets;
mod jobs;
mod logins;
mod objects;
mod sessions;
#[expect(dead_code, reason = "the other package uses all of it")]
#[path = "../reach/support.rs"]
mod support;
mod tasks;
