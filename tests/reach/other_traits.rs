//! Writes that invalidate entries of another trait.

use std::sync::Arc;

use cache_core::{Cache, cached_store};

use super::support::{eventually, settled, two_instances, writers_and_readers};

pub(super) mod orders {
    //! The trait whose entries are named from outside, under its own module.

    use cache_core::cached_store;

    #[cached_store(namespace = "shop:orders")]
    pub(crate) trait OrderStore: Send + Sync {
        #[cached(entity = "order", key(id, part), ttl = "5m")]
        async fn order(&self, id: u64, part: Option<&str>) -> Result<u64, String>;

        #[cached(entity = "count", key(), ttl = "5m")]
        async fn count(&self) -> Result<u64, String>;

        #[cached(entity = "name", key(name), ttl = "5m", mode = fast)]
        async fn named(&self, name: &str) -> Result<u64, String>;

        #[invalidates(crate::other_traits::UserStore::user(user))]
        async fn buy(&self, user: u64) -> Result<(), String>;
    }
}

use orders::OrderStore;
use orders::OrderStore as Renamed;

#[cached_store(namespace = "shop:users")]
pub(super) trait UserStore: Send + Sync {
    #[cached(entity = "user", key(id), ttl = "5m")]
    async fn user(&self, id: u64) -> Result<u64, String>;

    #[invalidates(Self::user(id), OrderStore::order(id, None), Renamed::named(&format!("n{id}")))]
    async fn delete(&self, id: u64) -> Result<(), String>;

    #[invalidates(orders::OrderStore::order(..), OrderStore::count())]
    async fn clear(&self) -> Result<(), String>;

    #[invalidates(each(id in result => orders::OrderStore::order(*id, Some("x"), if = *id > 1)), if = ids.len() > 1)]
    async fn create(&self, ids: Vec<u64>) -> Result<Vec<u64>, String>;
}

struct Store;

impl UserStore for Store {
    async fn user(&self, id: u64) -> Result<u64, String> {
        Ok(id)
    }
    async fn delete(&self, _: u64) -> Result<(), String> {
        Ok(())
    }
    async fn clear(&self) -> Result<(), String> {
        Ok(())
    }
    async fn create(&self, ids: Vec<u64>) -> Result<Vec<u64>, String> {
        Ok(ids)
    }
}

impl OrderStore for Store {
    async fn order(&self, id: u64, _: Option<&str>) -> Result<u64, String> {
        Ok(id)
    }
    async fn count(&self) -> Result<u64, String> {
        Ok(7)
    }
    async fn named(&self, _: &str) -> Result<u64, String> {
        Ok(1)
    }
    async fn buy(&self, _: u64) -> Result<(), String> {
        Ok(())
    }
}

type Orders = orders::CachingOrderStore<Store>;
type Users = CachingUserStore<Store>;

/// The decorators of both traits over one cache, and one of the orders over another.
struct Shop {
    users: Users,
    orders: Orders,
    elsewhere: Orders,
}

impl Shop {
    async fn open([here, there]: [Cache; 2], partition: Option<&str>) -> Self {
        let (users, orders) =
            (CachingUserStore::builder(Arc::new(Store), &here), Orders::builder(Arc::new(Store), &here));
        let (users, orders) = match partition {
            Some(partition) => (users.partition(partition), orders.partition(partition)),
            None => (users, orders),
        };
        let (users, orders) = (users.build(), orders.build());
        let elsewhere = if here.backend() == cache_core::Backend::SingleInstance {
            orders.clone()
        } else {
            let elsewhere = Orders::builder(Arc::new(Store), &there);
            partition.map_or_else(|| Orders::builder(Arc::new(Store), &there), |name| elsewhere.partition(name)).build()
        };
        let shop = Self { users, orders, elsewhere };
        settled(&here).await;
        settled(&there).await;
        for orders in [&shop.orders, &shop.elsewhere] {
            for id in 0..4 {
                orders.order(id, None).await.unwrap();
                orders.order(id, Some("x")).await.unwrap();
                orders.named(&format!("n{id}")).await.unwrap();
            }
            orders.count().await.unwrap();
        }
        shop.users.user(1).await.unwrap();
        shop
    }

    /// Checks the stale entries of the orders, on both instances.
    async fn expect(&self, expected: &[&str]) {
        assert_eq!(stale(&self.orders), expected);
        eventually("the other instance follows", || stale(&self.elsewhere) == expected).await;
    }
}

fn stale(orders: &Orders) -> Vec<String> {
    let mut stale = Vec::new();
    for id in 0..4 {
        stale.extend(orders.peek_order(id, None).is_none().then(|| format!("{id}")));
        stale.extend(orders.peek_order(id, Some("x")).is_none().then(|| format!("{id}x")));
        stale.extend(orders.peek_named(&format!("n{id}")).is_none().then(|| format!("n{id}")));
    }
    stale.extend(orders.peek_count().is_none().then(|| "count".to_owned()));
    stale
}

#[tokio::test]
async fn entries_and_whole_methods_of_another_trait_go_stale() {
    for world in writers_and_readers().await {
        let shop = Shop::open(world, None).await;
        shop.users.delete(1).await.unwrap();
        shop.expect(&["1", "n1"]).await;
        assert_eq!(shop.users.peek_user(1), None);
        shop.users.clear().await.unwrap();
        shop.expect(&["0", "0x", "1", "1x", "n1", "2", "2x", "3", "3x", "count"]).await;
    }
}

#[tokio::test]
async fn targets_that_the_result_names_may_be_of_another_trait() {
    for world in writers_and_readers().await {
        let shop = Shop::open(world, None).await;
        shop.users.create(vec![3]).await.unwrap();
        shop.expect(&[]).await;
        shop.users.create(vec![1, 3]).await.unwrap();
        shop.expect(&["3x"]).await;
    }
}

#[tokio::test]
async fn two_traits_may_name_each_other() {
    for world in writers_and_readers().await {
        let shop = Shop::open(world, None).await;
        shop.orders.buy(1).await.unwrap();
        assert_eq!(shop.users.peek_user(1), None);
    }
}

/// The other trait's decorator has the partition of the writing one.
#[tokio::test]
async fn entries_of_another_trait_are_those_of_the_same_partition() {
    for world in two_instances().await {
        let (eu, us) = (Shop::open(world.clone(), Some("eu")).await, Shop::open(world, Some("us")).await);
        eu.users.delete(1).await.unwrap();
        eu.expect(&["1", "n1"]).await;
        us.expect(&[]).await;
    }
}
