//! A value belongs to one entry, which the write locks before the call.
use cache_core::cached_store;

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(team, id), ttl = "5m")]
    async fn get(&self, team: u64, id: u64) -> Result<Option<String>, String>;

    #[updates(get(team, ..) = None)]
    async fn clear(&self, team: u64) -> Result<(), String>;

    #[updates(get(team, *result) = None)]
    async fn create(&self, team: u64) -> Result<u64, String>;

    #[updates(get(team, *id) = None)]
    async fn assign(&self, team: u64, id: &mut u64) -> Result<(), String>;

    #[updates(each(id in ids => get(team, *id) = None))]
    async fn remove(&self, team: u64, ids: &[u64]) -> Result<(), String>;

    #[updates(get(team, id) = None, if = id > 0)]
    async fn remove_some(&self, team: u64, id: u64) -> Result<(), String>;

    #[updates(get(team, id) = None, get(team, ..))]
    async fn remove_all(&self, team: u64, id: u64) -> Result<(), String>;

    #[updates(get(team, id) = None, commits = caller)]
    async fn remove_later(&self, team: u64, id: u64) -> Result<(), String>;

    #[updates(get(team, id) = Some(name?))]
    async fn rename(&self, team: u64, id: u64, name: Result<String, String>) -> Result<(), String>;

    #[updates(get(team, id) = other(result).await)]
    async fn refresh(&self, team: u64, id: u64) -> Result<String, String>;

    #[updates(other::Store::get(team, id) = None)]
    async fn remove_elsewhere(&self, team: u64, id: u64) -> Result<(), String>;
}

fn main() {}
