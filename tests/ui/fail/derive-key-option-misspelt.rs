//! A misspelt option of a field, and one on a variant.
use cache_core::CacheKey;

#[derive(CacheKey)]
enum Id {
    Text(#[cache_key(dislpay)] String),
    #[cache_key(display)]
    Number(u64),
}

fn main() {}
