//! Every kind of target, with names in scope that generated code must not meet.
#![deny(warnings)]

use std::sync::Arc;

use cache_core::{Cache, cached_store};

#[derive(Clone)]
pub struct Row {
    id: u64,
    parts: Vec<u64>,
}

#[cached_store(namespace = "app:others")]
pub trait Others: Send + Sync {
    #[cached(entity = "other", key(), ttl = "5m")]
    async fn clone(&self) -> Result<u64, String>;

    #[cached(entity = "each", key(list), ttl = "5m")]
    async fn each(&self, list: u64) -> Result<u64, String>;

    #[invalidates(each(list), each(one in found => each(*one)))]
    async fn save(&self, list: u64, found: Vec<u64>) -> Result<(), String>;
}

#[cached_store(namespace = "app:rows")]
trait Rows: Send + Sync {
    #[cached(entity = "row", key(id), ttl = "5m")]
    async fn get(&self, id: u64) -> Result<u64, String>;

    #[invalidates(each(rows => get(row.id), each(part in row.parts => get(*part), if = row.id > 0)), Others::clone())]
    async fn put(&self, rows: Vec<Row>) -> Result<(), String>;

    #[invalidates(get(*old, if = *old > id), Others::each(*old), reads(old = get(id)), if = holds)]
    async fn change(&self, id: u64, holds: bool) -> Result<(), String>;

    #[invalidates(each((id, _) in result => get(*id)), each(id in list.into_iter().flatten() => get(*id)))]
    async fn create(&self, list: Option<&[u64]>) -> Result<Vec<(u64, u64)>, String>;
}

struct Memory;

impl Rows for Memory {
    async fn get(&self, id: u64) -> Result<u64, String> {
        Ok(id)
    }
    async fn put(&self, _: Vec<Row>) -> Result<(), String> {
        Ok(())
    }
    async fn change(&self, _: u64, _: bool) -> Result<(), String> {
        Ok(())
    }
    async fn create(&self, _: Option<&[u64]>) -> Result<Vec<(u64, u64)>, String> {
        Ok(Vec::new())
    }
}

fn main() {
    let store = CachingRows::new(Arc::new(Memory), &Cache::pass_through());
    drop(store.put(vec![Row { id: 1, parts: vec![2] }]));
    drop(store.change(1, true));
    drop(store.create(None));
}
