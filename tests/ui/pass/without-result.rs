//! Values without errors, spelt out and behind aliases, also with parameters of the trait.
#![deny(warnings)]
#![allow(dead_code)]

use std::collections::HashMap;
use std::sync::Arc;

use cache_core::{Cacheable, cached_store};

type Maybe<T> = Option<T>;
type Found<T> = Result<Option<T>, String>;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Page<T>(Vec<T>);

#[cached_store(namespace = "app")]
trait Store<T: Cacheable>: Send + Sync {
    type Summary: Cacheable;

    #[cached(entity = "spelt-out", key(id), ttl = "5m", negative_ttl = "1s")]
    async fn spelt_out(&self, id: u64) -> Option<T>;

    #[cached(entity = "maybe", key(id), ttl = "5m", negative_ttl = "1s")]
    async fn maybe(&self, id: u64) -> Maybe<T>;

    #[cached(entity = "found", key(id), ttl = "5m", negative_ttl = "1s")]
    async fn found(&self, id: u64) -> Found<T>;

    #[cached(batch = maybe)]
    async fn maybes(&self, ids: &[u64]) -> HashMap<u64, T>;

    #[cached(entity = "whole", key(id), ttl = "5m")]
    async fn whole(&self, id: u64) -> T;

    #[cached(entity = "summary", key(id), ttl = "5m")]
    async fn summary(&self, id: u64) -> Self::Summary;

    #[cached(entity = "page", key(id), ttl = "5m")]
    async fn page(&self, id: u64) -> Arc<Page<T>>;

    #[cached(entity = "generic", key(id), ttl = "5m")]
    async fn generic(&self, id: u64) -> Page<T>;

    #[cached(entity = "own", key(id), ttl = "5m")]
    async fn own(&self, id: u64) -> Page<u64>;
}

fn main() {}
