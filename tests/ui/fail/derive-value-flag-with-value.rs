//! A flag takes no value.
use cache_core::CacheValue;

#[derive(CacheValue)]
struct Node {
    #[cache_value(by_name = true)]
    parent: u64,
}

fn main() {}
