//! A transaction that the caller could not commit any more.
use cache_core::cached_store;

pub struct Transaction<'a>(&'a ());

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(get(id), commits = caller)]
    async fn save(&self, transaction: Transaction<'_>, id: u64) -> Result<(), String>;

    #[invalidates(get(id), commits = caller)]
    async fn remove(&self, transaction: Option<Transaction<'_>>, id: u64) -> Result<(), String>;

    #[invalidates(get(id), commits = store)]
    async fn touch(&self, transaction: Transaction<'_>, id: u64) -> Result<(), String>;
}

fn main() {}
