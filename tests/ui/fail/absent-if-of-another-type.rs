//! Functions for absences of other types.
use cache_core::cached_store;

fn is_missing(error: &u8) -> bool {
    *error == 0
}

fn missing(id: &str) -> String {
    id.to_owned()
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "a", key(id), ttl = "5m", negative_ttl = "1m", absent_if = is_missing, absent_as = missing)]
    async fn a(&self, id: u64) -> Result<u64, String>;
}

fn main() {}
