//! Shapes of store traits in public projects that no other module has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cache_core::{CacheKey, cached_store};
use serde::{Deserialize, Serialize};

use super::support::{Calls, decorated, worlds};

type Result<T> = std::result::Result<T, Failed>;

/// An error without `Clone`.
#[derive(Debug, PartialEq)]
pub(super) struct Failed;

/// A table of rows that counts its reads.
#[derive(Debug)]
struct Table<K, V> {
    rows: Mutex<BTreeMap<K, V>>,
    reads: Calls,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: Mutex::default(), reads: Calls::default() }
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    fn get(&self, key: &K) -> Option<V> {
        self.reads.add();
        self.rows.lock().unwrap().get(key).cloned()
    }

    fn put(&self, key: K, value: V) {
        self.rows.lock().unwrap().insert(key, value);
    }
}

/// Two traits over one store: vectors by id, and all of them at once. A filter is part of the key.
mod vectors {
    use super::*;

    pub(super) type Vector = (Vec<u8>, String);

    #[derive(Debug, Clone, PartialEq, Eq, Hash, CacheKey)]
    pub(super) enum Filter {
        All,
        Prefix(String),
    }

    #[cached_store(namespace = "reach:vectors")]
    pub(super) trait VectorStore: Send + Sync {
        #[cached(entity = "vector", key(id), tags("vector", id), ttl = "5m", negative_ttl = "5m")]
        async fn get(&self, id: u64) -> Result<Option<Vector>>;

        #[cached(entity = "search", key(filter), ttl = "5m")]
        async fn search(&self, filter: Option<&Filter>) -> Result<Vec<(u64, Vec<u8>, String)>>;

        #[invalidates(each((id, _) in items => get(*id)), search(..))]
        async fn upsert(&self, items: &[(u64, Vector)]) -> Result<()>;
    }

    impl VectorStore for Table<u64, Vector> {
        async fn get(&self, id: u64) -> Result<Option<Vector>> {
            Ok(Table::get(self, &id))
        }

        async fn search(&self, filter: Option<&Filter>) -> Result<Vec<(u64, Vec<u8>, String)>> {
            self.reads.add();
            let is_wanted = |text: &str| match filter {
                None | Some(Filter::All) => true,
                Some(Filter::Prefix(prefix)) => text.starts_with(prefix),
            };
            let rows = self.rows.lock().unwrap();
            let found = rows.iter().filter(|(_, (_, text))| is_wanted(text));
            Ok(found.map(|(id, (bytes, text))| (*id, bytes.clone(), text.clone())).collect())
        }

        async fn upsert(&self, items: &[(u64, Vector)]) -> Result<()> {
            for (id, vector) in items {
                self.put(*id, vector.clone());
            }
            Ok(())
        }
    }
}

#[tokio::test]
async fn a_store_of_vectors() {
    use vectors::{CachingVectorStore, Filter};

    for caches in worlds().await {
        let table = Arc::new(Table::default());
        let stores = decorated(&caches, |cache| CachingVectorStore::new(Arc::clone(&table), cache)).await;
        let (one, other) = (&stores[0], &stores[caches.len() - 1]);
        let of = |text: &str| (vec![1, 2], text.to_owned());
        one.upsert(&[(1, of("a")), (2, of("b"))]).await.unwrap();
        for _ in 0..2 {
            assert_eq!(one.get(1).await.unwrap(), Some(of("a")));
            assert_eq!(one.search(Some(&Filter::Prefix("b".to_owned()))).await.unwrap().len(), 1);
            assert_eq!(one.search(None).await.unwrap().len(), 2);
        }
        assert_eq!(table.reads.count(), 3);
        other.upsert(&[(1, of("b")), (3, of("b"))]).await.unwrap();
        assert_eq!(other.get(1).await.unwrap(), Some(of("b")));
        assert_eq!(other.search(Some(&Filter::Prefix("b".to_owned()))).await.unwrap().len(), 3);
        assert_eq!(other.search(Some(&Filter::All)).await.unwrap().len(), 3);
        assert_eq!(other.get(3).await.unwrap(), Some(of("b")));
    }
}

/// A generic trait: the entries of two types do not displace each other.
mod repository {
    use super::*;

    #[cached_store(namespace = "reach:repository")]
    #[async_trait]
    pub(super) trait Repository<T: Clone + Send + Sync + Serialize + serde::de::DeserializeOwned + 'static>:
        Send + Sync
    {
        #[cached(entity = "row", key(id), ttl = "5m", negative_ttl = "5m")]
        async fn find(&self, id: u64) -> Result<Option<T>>;

        #[invalidates(find(id))]
        async fn save(&self, id: u64, row: T) -> Result<()>;
    }

    #[async_trait]
    impl<T: Clone + Send + Sync + Serialize + serde::de::DeserializeOwned + 'static> Repository<T> for Table<u64, T> {
        async fn find(&self, id: u64) -> Result<Option<T>> {
            Ok(self.get(&id))
        }

        async fn save(&self, id: u64, row: T) -> Result<()> {
            self.put(id, row);
            Ok(())
        }
    }
}

#[tokio::test]
async fn a_generic_repository_of_several_types() {
    use repository::{CachingRepository, Repository};

    for caches in worlds().await {
        let (texts, numbers) = (Arc::new(Table::<u64, String>::default()), Arc::new(Table::<u64, u64>::default()));
        let of_texts = decorated(&caches, |cache| {
            let behind: Arc<dyn Repository<String>> = texts.clone();
            CachingRepository::new(behind, cache)
        });
        let of_texts = of_texts.await;
        let of_numbers = decorated(&caches, |cache| CachingRepository::new(Arc::clone(&numbers), cache)).await;
        of_texts[0].save(1, "one".to_owned()).await.unwrap();
        of_numbers[0].save(1, 1).await.unwrap();
        for _ in 0..2 {
            assert_eq!(of_texts[0].find(1).await.unwrap().as_deref(), Some("one"));
            assert_eq!(of_numbers[0].find(1).await.unwrap(), Some(1));
        }
        assert_eq!((texts.reads.count(), numbers.reads.count()), (1, 1));
    }
}

/// An order repository: floats in the value, entries by user, and a deletion that knows only the id of the order.
mod orders {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(super) struct Order {
        pub(super) id: u64,
        pub(super) user: u64,
        pub(super) total: f64,
    }

    #[cached_store(namespace = "reach:orders")]
    pub(super) trait OrderRepository: Send + Sync {
        #[cached(entity = "order", key(id), ttl = "5m", negative_ttl = "5m")]
        async fn get(&self, id: u64) -> Result<Option<Order>>;

        #[cached(entity = "of-user", key(user), ttl = "5m")]
        async fn by_user(&self, user: u64) -> Result<Vec<Order>>;

        #[cached(entity = "dearer", key(total), ttl = "5m")]
        async fn dearer_than(&self, total: f64) -> Result<Vec<u64>>;

        #[invalidates(get(order.id), by_user(order.user), dearer_than(..))]
        async fn put(&self, order: &Order) -> Result<()>;

        #[invalidates(get(id), by_user(old.user), dearer_than(..), reads(old = get(id)))]
        async fn delete(&self, id: u64) -> Result<()>;
    }

    impl OrderRepository for Table<u64, Order> {
        async fn get(&self, id: u64) -> Result<Option<Order>> {
            Ok(Table::get(self, &id))
        }

        async fn by_user(&self, user: u64) -> Result<Vec<Order>> {
            self.reads.add();
            Ok(self.rows.lock().unwrap().values().filter(|order| order.user == user).cloned().collect())
        }

        async fn dearer_than(&self, total: f64) -> Result<Vec<u64>> {
            self.reads.add();
            Ok(self.rows.lock().unwrap().values().filter(|order| order.total > total).map(|order| order.id).collect())
        }

        async fn put(&self, order: &Order) -> Result<()> {
            Table::put(self, order.id, order.clone());
            Ok(())
        }

        async fn delete(&self, id: u64) -> Result<()> {
            self.rows.lock().unwrap().remove(&id);
            Ok(())
        }
    }
}

#[tokio::test]
async fn an_order_repository() {
    use orders::{CachingOrderRepository, Order};

    for caches in worlds().await {
        let table = Arc::new(Table::default());
        let stores = decorated(&caches, |cache| CachingOrderRepository::new(Arc::clone(&table), cache)).await;
        let (one, other) = (&stores[0], &stores[caches.len() - 1]);
        let order = Order { id: 1, user: 7, total: 9.5 };
        one.put(&order).await.unwrap();
        for _ in 0..2 {
            assert_eq!(one.by_user(7).await.unwrap(), std::slice::from_ref(&order));
            assert_eq!(one.dearer_than(9.25).await.unwrap(), [1]);
            assert_eq!(one.get(1).await.unwrap(), Some(order.clone()));
        }
        assert_eq!(table.reads.count(), 3);
        other.delete(1).await.unwrap();
        assert_eq!(other.by_user(7).await.unwrap(), []);
        assert_eq!(other.dearer_than(9.25).await.unwrap(), [0_u64; 0]);
        assert_eq!(other.get(1).await.unwrap(), None);
    }
}

/// Several stores of one trait: each has a partition of its own.
mod tokens {
    use super::*;

    #[cached_store(namespace = "reach:partitions")]
    pub(super) trait TokenStore: Send + Sync {
        #[cached(entity = "token", key(name), ttl = "5m", negative_ttl = "5m")]
        async fn token(
            &self,
            name: &str,
        ) -> std::result::Result<Option<String>, Box<dyn std::error::Error + Send + Sync>>;
    }

    impl TokenStore for Table<String, String> {
        async fn token(
            &self,
            name: &str,
        ) -> std::result::Result<Option<String>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(self.get(&name.to_owned()))
        }
    }
}

#[tokio::test]
async fn stores_of_one_trait_have_partitions() {
    use tokens::CachingTokenStore;

    for caches in worlds().await {
        let tables = ["eu", "us"].map(|region| {
            let table = Table::<String, String>::default();
            table.put("key".to_owned(), region.to_owned());
            (region, Arc::new(table))
        });
        for (region, table) in &tables {
            let store = CachingTokenStore::builder(Arc::clone(table), &caches[0]).partition(*region).build();
            for _ in 0..2 {
                assert_eq!(store.token("key").await.unwrap().as_deref(), Some(*region));
            }
        }
    }
}
