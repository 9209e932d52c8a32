//! More parts than a tuple key has.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(a, b, c, d, e, f, g, h, i), ttl = "5m")]
    #[allow(clippy::too_many_arguments)]
    async fn get(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8) -> Result<String, String>;
}

fn main() {}
