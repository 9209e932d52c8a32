//! Every implementation passes the same suite.

use stores::conformance;
use stores::conversation_config::{
    ConversationConfigStore, MemoryConversationConfigStore, PostgresConversationConfigStore,
    SqliteConversationConfigStore,
};
use stores::policy::{MemoryPolicyStore, PolicyStore, PostgresPolicyStore, SqlitePolicyStore};

use super::fixtures;

async fn passes(name: &str, store: &dyn PolicyStore) {
    let first = conformance::policy_store(store).await.unwrap();
    let second = conformance::policy_store(store).await.unwrap();
    println!("{name}: {first} checks");
    assert_eq!(first, second, "a suite leaves the store as it found it");
}

async fn passes_config(name: &str, store: &dyn ConversationConfigStore) {
    let first = conformance::conversation_config_store(store).await.unwrap();
    let second = conformance::conversation_config_store(store).await.unwrap();
    println!("{name}: {first} checks");
    assert_eq!(first, second, "a suite leaves the store as it found it");
}

#[tokio::test]
async fn policies_in_memory() {
    passes("memory", &MemoryPolicyStore::new()).await;
}

#[tokio::test]
async fn policies_in_sqlite() {
    let (_folder, pool) = fixtures::sqlite().await;
    passes("SQLite", &SqlitePolicyStore::new(pool)).await;
}

#[tokio::test]
async fn policies_in_postgres() {
    passes("Postgres", &PostgresPolicyStore::new(fixtures::postgres().await)).await;
}

#[tokio::test]
async fn configs_in_memory() {
    passes_config("memory", &MemoryConversationConfigStore::new()).await;
}

#[tokio::test]
async fn configs_in_sqlite() {
    let (_folder, pool) = fixtures::sqlite().await;
    passes_config("SQLite", &SqliteConversationConfigStore::new(pool)).await;
}

#[tokio::test]
async fn configs_in_postgres() {
    passes_config("Postgres", &PostgresConversationConfigStore::new(fixtures::postgres().await)).await;
}
