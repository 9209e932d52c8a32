//! From variables to connected stores.

use std::time::Duration;

use cache_core::Backend;
use cache_tests::{PostgresServer, RedisServer, documented_rules};
use stores::conversation::NewConversation;
use stores::policy::TenantPolicy;
use stores::{StoreError, StoreErrorKind, Stores, StoresConfig, TenantId, conformance};

use super::fixtures::SCHEMA;

fn config(variables: &[(&str, &str)]) -> Result<StoresConfig, StoreError> {
    StoresConfig::from_lookup(|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

async fn connect(variables: &[(&str, &str)]) -> Stores {
    Stores::connect(config(variables).unwrap()).await.unwrap()
}

async fn every_store_passes(stores: &Stores) {
    conformance::policy_store(&*stores.policies).await.unwrap();
    conformance::conversation_config_store(&*stores.configs).await.unwrap();
    conformance::conversation_store(&*stores.conversations).await.unwrap();
}

#[tokio::test]
async fn the_default_is_memory_without_a_cache() {
    let stores = connect(&[]).await;
    every_store_passes(&stores).await;
    assert_eq!(stores.cache.backend(), Backend::PassThrough);
}

#[tokio::test]
async fn a_file_is_created_migrated_and_reopened() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("stores.db").display());
    let variables = [("DATABASE_URL", url.as_str()), ("APP_ENV", "production")];
    let policy = TenantPolicy::new(TenantId::random(), "m", "p");
    connect(&variables).await.policies.set_policy(&policy).await.unwrap();
    let found = connect(&variables).await.policies.get_policy(policy.tenant_id).await.unwrap();
    assert_eq!(found.as_deref(), Some(&policy));
}

#[tokio::test]
async fn a_database_in_memory_is_one_database() {
    let stores = connect(&[("DATABASE_URL", "sqlite::memory:")]).await;
    every_store_passes(&stores).await;
}

#[tokio::test]
async fn postgres_and_redis_are_configured_by_variables() {
    let (database, redis) = (PostgresServer::shared().create_database().await, RedisServer::start());
    let redis_url = redis.url();
    let stores = connect(&[("DATABASE_URL", database.url()), ("REDIS_URL", &redis_url)]).await;
    assert_eq!(stores.cache.backend(), Backend::Redis);
    assert!(stores.cache.connected(Duration::from_secs(10)).await);
    every_store_passes(&stores).await;
    let pool = super::fixtures::pool(database.url()).await;
    let table: Option<String> =
        sqlx::query_scalar("SELECT schemaname::text FROM pg_tables WHERE tablename = 'tenant_llm_policies'")
            .fetch_optional(&pool)
            .await
            .unwrap();
    assert_eq!(table.as_deref(), Some(SCHEMA), "the default schema");
    stores.cache.shutdown().await;
}

#[tokio::test]
async fn a_switch_or_another_time_to_live_reaches_its_method_and_no_other() {
    let redis = RedisServer::start();
    let redis_url = redis.url();
    let tenant = TenantId::random();
    for (variable, value, hits) in [
        ("ENABLE_LLM_POLICY_CACHE", "false", [0, 1, 1]),
        ("ENABLE_CONVERSATION_CONFIG_CACHE", "false", [1, 0, 1]),
        ("ENABLE_CONVERSATION_CACHING", "false", [1, 1, 0]),
        ("CACHE_TTL_POLICY_SECONDS", "60", [1, 1, 1]),
        ("CACHE_STALE_POLICY_SECONDS", "0", [1, 1, 1]),
        ("CACHE_TTL_CONFIG_SECONDS", "20", [1, 1, 1]),
        ("CACHE_TTL_CONVERSATION_SECONDS", "10", [1, 1, 1]),
    ] {
        let stores = connect(&[("REDIS_URL", &redis_url), (variable, value)]).await;
        assert!(stores.cache.connected(Duration::from_secs(10)).await);
        stores.policies.set_policy(&TenantPolicy::new(tenant, "m", "p")).await.unwrap();
        stores.configs.delete_tenant_config(tenant).await.unwrap();
        let conversation = stores.conversations.create_conversation(&NewConversation::new(tenant, None)).await.unwrap();
        for _ in 0..2 {
            stores.policies.get_policy(tenant).await.unwrap();
            stores.configs.get_config(tenant, None).await.unwrap();
            stores.conversations.get_conversation(tenant, conversation, None).await.unwrap();
        }
        let counted = stores.cache.stats();
        let found = [
            counted.method("PolicyStore", "get_policy").local_hits,
            counted.method("ConversationConfigStore", "get_config").local_hits,
            counted.method("ConversationStore", "get_conversation").local_hits,
        ];
        assert_eq!(found, hits, "{variable}");
        stores.cache.shutdown().await;
        let left = |key: &str| redis.raw(&["TTL", &format!("copilot:{key}")]).unwrap().parse::<i32>().unwrap();
        let (left, most) = match variable {
            "CACHE_TTL_POLICY_SECONDS" => (left(&format!("llm:policy:{tenant}")), 3600 + 60),
            "CACHE_STALE_POLICY_SECONDS" => (left(&format!("llm:policy:{tenant}")), 300),
            "CACHE_TTL_CONFIG_SECONDS" => (left(&format!("conv:config:{tenant}")), 20),
            "CACHE_TTL_CONVERSATION_SECONDS" => (left(&format!("conv:conversation:{tenant}:{conversation}")), 10),
            _ => continue,
        };
        assert!((1..=most).contains(&left), "{variable}: {left}");
    }
}

#[tokio::test]
async fn an_unreachable_database_is_a_clear_error_without_its_password() {
    let config = config(&[("DATABASE_URL", "postgres://app:canary@127.0.0.1:1/main")]).unwrap();
    let error = Stores::connect(config).await.expect_err("no process listens on port 1");
    assert!(matches!(error.kind(), StoreErrorKind::Unavailable | StoreErrorKind::Timeout), "{error:?}");
    assert!(error.is_retryable());
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}

/// Runs the command of ENVIRONMENT.md as printed, and connects with the user that it creates.
#[tokio::test]
async fn the_documented_user_of_redis_is_enough_for_the_stores() {
    let redis = RedisServer::start();
    let command = [&["ACL", "SETUSER", "copilot"][..], &documented_rules()].concat();
    assert_eq!(redis.raw(&command).unwrap(), "OK");
    let url = format!("redis://copilot:change-me@127.0.0.1:{}", redis.port());
    let stores = connect(&[("REDIS_URL", &url)]).await;
    assert!(stores.cache.connected(Duration::from_secs(10)).await, "{:?}", stores.cache.health().await);
    conformance::policy_store(&*stores.policies).await.unwrap();
    conformance::conversation_config_store(&*stores.configs).await.unwrap();
    assert!(stores.cache.stats().total().fills > 0);
    assert_eq!(redis.raw(&["ACL", "LOG"]).unwrap(), "", "the log of refusals");
}
