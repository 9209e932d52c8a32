//! Redis stops while in use: no caller sees an error, and hits return with Redis.

use std::sync::Arc;
use std::time::Duration;

use cache_core::Cache;
use cache_core::Status;
use cache_tests::RedisServer;

use super::register::{CachingRegister, Rows};
use super::sync_points::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_redis_during_ten_thousand_reads_causes_no_error() {
    let mut server = RedisServer::start();
    let rows = Arc::<Rows>::default();
    for key in 0..100 {
        rows.seed(key, key);
    }
    let cache = Cache::builder().redis(server.url()).build().unwrap();
    // Without the local tier, so that every read reaches the server.
    let store = CachingRegister::builder(Arc::clone(&rows), &cache).get(cache_core::ReadPolicy::local_off).build();
    let store = Arc::new(store);
    assert!(cache.connected(Duration::from_secs(20)).await);
    let mut readers = Vec::new();
    for reader in 0..100_u64 {
        let store = Arc::clone(&store);
        readers.push(tokio::spawn(async move {
            for round in 0..100_u64 {
                let key = (reader + round) % 100;
                assert_eq!(store.get(key).await, Ok(Some(key)));
            }
        }));
    }
    until("reads are under way", || cache.stats().total().loads > 50).await;
    server.kill();
    for reader in readers {
        reader.await.unwrap();
    }
    until("the loss is detected", || !connected(&cache)).await;
    store.set(1, 1000).await.unwrap();
    assert_eq!(store.get(1).await, Ok(Some(1000)), "reads and writes go on without it");
    server.restart();
    assert!(cache.connected(Duration::from_secs(20)).await, "it connects again by itself");
    assert_eq!(cache.health().await.status, Status::Healthy);
    let before = cache.stats();
    until("hits return", || {
        let store = Arc::clone(&store);
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async move { assert_eq!(store.get(1).await, Ok(Some(1000))) });
        });
        cache.stats().since(&before).total().shared_hits > 10
    })
    .await;
}

fn connected(cache: &Cache) -> bool {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(cache.health())).shared
}
