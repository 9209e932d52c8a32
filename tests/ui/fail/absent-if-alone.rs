//! Functions for absences that are not complete.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "a", key(id), ttl = "5m", absent_if = is_missing)]
    async fn a(&self, id: u64) -> Result<String, String>;

    #[cached(entity = "b", key(id), ttl = "5m", negative_ttl = "1m", absent_as = missing)]
    async fn b(&self, id: u64) -> Result<String, String>;

    #[cached(entity = "c", key(id), ttl = "5m", negative_ttl = "1m", absent_if = is_missing, absent_as = missing)]
    async fn c(&self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
