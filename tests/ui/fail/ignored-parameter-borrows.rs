//! An argument that cannot go into a task.
use cache_core::cached_store;

pub struct Trace<'a>(pub &'a str);

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ignore(trace), ttl = "5m")]
    async fn get(&self, id: u64, trace: Trace<'_>) -> Result<Option<String>, String>;
}

fn main() {}
