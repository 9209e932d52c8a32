//! Nothing says which field counts.
use cache_core::CacheKey;

#[derive(CacheKey)]
union Id {
    small: u8,
    large: u64,
}

fn main() {}
