//! Every implementation passes the same suite, and so does the decorator of each.

use std::sync::Arc;
use std::time::Duration;

use cache_core::{Cache, MemoryRemote};
use cache_tests::RedisServer;
use stores::conformance;
use stores::conversation::{
    CachingConversationStore, ConversationStore, MemoryConversationStore, PostgresConversationStore,
    SqliteConversationStore,
};

use super::super::fixtures;

const TIME_TO_CONNECT: Duration = Duration::from_secs(10);

async fn passes(name: &str, store: &dyn ConversationStore) {
    let first = conformance::conversation_store(store).await.unwrap();
    let second = conformance::conversation_store(store).await.unwrap();
    println!("{name}: {first} checks");
    assert_eq!(first, second, "a suite does not depend on what was there");
}

/// Runs the suite over each database behind this cache, and returns how often the local and the shared tier answered.
async fn passes_behind(name: &str, cache: &Cache, time_to_connect: Duration) -> (u64, u64) {
    let (_folder, sqlite) = fixtures::sqlite().await;
    let databases: [(&str, Arc<dyn ConversationStore>); 3] = [
        ("memory", Arc::new(MemoryConversationStore::new())),
        ("SQLite", Arc::new(SqliteConversationStore::new(sqlite))),
        ("Postgres", Arc::new(PostgresConversationStore::new(fixtures::postgres().await))),
    ];
    let mut hits = (0, 0);
    for (database, backing) in databases {
        let store = CachingConversationStore::new(backing, cache);
        cache.connected(time_to_connect).await;
        let checks = conformance::conversation_store(&store).await.unwrap();
        let stats = cache.stats().method("ConversationStore", "get_conversation");
        println!(
            "{name} over {database}: {checks} checks, {} local and {} shared hits",
            stats.local_hits, stats.shared_hits
        );
        hits = (hits.0 + stats.local_hits, hits.1 + stats.shared_hits);
    }
    hits
}

#[tokio::test]
async fn in_memory() {
    passes("memory", &MemoryConversationStore::new()).await;
}

#[tokio::test]
async fn in_sqlite() {
    let (_folder, pool) = fixtures::sqlite().await;
    passes("SQLite", &SqliteConversationStore::new(pool)).await;
}

#[tokio::test]
async fn in_postgres() {
    passes("Postgres", &PostgresConversationStore::new(fixtures::postgres().await)).await;
}

#[tokio::test]
async fn through_a_cache_that_keeps_nothing() {
    assert_eq!(passes_behind("pass-through", &Cache::pass_through(), Duration::ZERO).await, (0, 0));
}

#[tokio::test]
async fn through_the_cache_of_a_single_instance() {
    assert!(passes_behind("single instance", &Cache::single_instance(), Duration::ZERO).await.0 > 0);
}

#[tokio::test]
async fn through_a_shared_tier_in_memory() {
    let cache = Cache::builder().remote(MemoryRemote::new()).build().unwrap();
    assert!(passes_behind("shared in memory", &cache, TIME_TO_CONNECT).await.0 > 0);
    cache.shutdown().await;
}

#[tokio::test]
async fn through_redis() {
    let redis = RedisServer::start();
    let cache = Cache::builder().redis(redis.url()).build().unwrap();
    assert!(passes_behind("Redis", &cache, TIME_TO_CONNECT).await.0 > 0);
    cache.shutdown().await;
}
