//! A generic store.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// An item that a shelf can hold.
pub(crate) trait Item: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The key of the item.
    type Id: Clone + Eq + Hash + Send + Sync + 'static;

    /// Returns the key of this item.
    fn id(&self) -> &Self::Id;
}

/// An error that can be neither cloned nor made from another one.
#[derive(Debug)]
pub(crate) struct NotThere;

/// A shelf.
#[caching::cached_store(namespace = "outside:shelf", crate = caching)]
pub(crate) trait Shelf<T: Item>: Send + Sync
where
    T::Id: caching::CacheKey,
{
    /// One item.
    #[cached(entity = "item", key(id), ttl = "1m")]
    async fn get(&self, id: &T::Id) -> Result<T, NotThere>;

    /// Puts one item there.
    #[invalidates(get(item.id()))]
    async fn put(&self, item: T) -> Result<(), NotThere>;
}

/// A shelf in memory.
#[derive(Debug)]
pub(crate) struct Memory<T: Item> {
    items: Mutex<HashMap<T::Id, T>>,
    reads: AtomicUsize,
}

impl<T: Item> Default for Memory<T> {
    fn default() -> Self {
        Self { items: Mutex::default(), reads: AtomicUsize::default() }
    }
}

impl<T: Item> Memory<T> {
    /// The number of reads.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

impl<T: Item> Shelf<T> for Memory<T>
where
    T::Id: caching::CacheKey,
{
    async fn get(&self, id: &T::Id) -> Result<T, NotThere> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.items.lock().map_err(|_| NotThere)?.get(id).cloned().ok_or(NotThere)
    }

    async fn put(&self, item: T) -> Result<(), NotThere> {
        self.items.lock().map_err(|_| NotThere)?.insert(item.id().clone(), item);
        Ok(())
    }
}
