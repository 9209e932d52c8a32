//! The annotation belongs to the trait.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub struct Store;

fn main() {}
