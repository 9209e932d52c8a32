//! Who commits is one of two words.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(get(id), commits = calller)]
    async fn one(&self, id: u64) -> Result<(), String>;

    #[invalidates(get(id), commit = caller)]
    async fn two(&self, id: u64) -> Result<(), String>;

    #[invalidates(get(id), commits = caller, commits = store)]
    async fn three(&self, id: u64) -> Result<(), String>;

    #[invalidates(commits = caller)]
    async fn four(&self, id: u64) -> Result<(), String>;
}

fn main() {}
