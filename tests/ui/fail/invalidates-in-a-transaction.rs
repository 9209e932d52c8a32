//! The store's methods return before the commit.
use std::sync::{Arc, Mutex};

use cache_core::cached_store;

pub struct Transaction<'a>(&'a ());

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "name", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<Option<String>, String>;

    #[invalidates(get(id))]
    async fn rename(&self, transaction: &mut Transaction<'_>, id: u64) -> Result<(), String>;

    #[invalidates(get(id))]
    async fn r#move(&self, id: u64, within: Option<Arc<Mutex<Transaction<'static>>>>) -> Result<(), String>;

    #[invalidates(get(id), commits = caller)]
    async fn good(&self, transaction: &mut Transaction<'_>, id: u64) -> Result<(), String>;

    #[invalidates(get(id), commits = store)]
    async fn good_too(&self, transaction: Transaction<'_>, id: u64) -> Result<(), String>;
}

fn main() {}
