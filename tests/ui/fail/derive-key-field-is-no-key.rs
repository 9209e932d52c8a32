//! A field that writes no key.
use cache_core::CacheKey;

struct Inner;

#[derive(CacheKey)]
struct Id {
    inner: Inner,
}

fn main() {}
