//! The macro on traits that other crates declare, over a single instance and over two instances.

mod jobs;
mod logins;
mod objects;
mod sessions;
#[expect(dead_code, reason = "the other package uses all of it")]
#[path = "../reach/support.rs"]
mod support;
