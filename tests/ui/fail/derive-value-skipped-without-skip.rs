//! The flag accepts what serde does, and serde does nothing here.
use cache_core::CacheValue;

#[derive(CacheValue)]
struct Session {
    #[cache_value(skipped)]
    token: String,
}

fn main() {}
