//! The macro on traits that other crates declare, over a single instance and over two instances.

mod jobs;
mod logins;
mod objects;
mod sessions;
#[path = "../reach/support.rs"]
mod support;
