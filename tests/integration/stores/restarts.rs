//! A restart of Postgres closes every pooled connection, and the next calls must still succeed.

use std::sync::Arc;

use cache_tests::PostgresServer;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use stores::conversation::{
    CompactionFilter, ConversationStatus, ConversationStore, NewConversation, PostgresConversationStore,
};
use stores::conversation_config::{ConversationConfigStore, PostgresConversationConfigStore};
use stores::policy::{PolicyStore, PostgresPolicyStore, TenantPolicy};
use stores::{ConversationId, PageRequest, StoreErrorKind, TenantId};
use tokio::task::JoinSet;

use super::fixtures::SCHEMA;

const CONNECTIONS: u32 = 10;

/// A pool as `Stores::connect` builds it, which does not test connections before their use.
struct Service {
    server: PostgresServer,
    pool: PgPool,
    policies: Arc<PostgresPolicyStore>,
    tenant: TenantId,
}

impl Service {
    async fn start() -> Self {
        let server = PostgresServer::start();
        let url = server.create_database().await.url_with_schema(SCHEMA);
        let options = PgPoolOptions::new().min_connections(CONNECTIONS).max_connections(CONNECTIONS);
        let pool = options.test_before_acquire(false).connect(&url).await.unwrap();
        stores::migrate(&pool).await.unwrap();
        let policies = Arc::new(PostgresPolicyStore::new(pool.clone()));
        let tenant = TenantId::random();
        policies.set_policy(&TenantPolicy::new(tenant, "small", "local")).await.unwrap();
        Self { server, pool, policies, tenant }
    }

    /// Waits until every connection of the pool is open and idle.
    async fn until_all_are_idle(&self) {
        super::fixtures::until(async || {
            // Migrations close their connection, so each of these reads may open a new one.
            let mut reads = JoinSet::new();
            for _ in 0..CONNECTIONS {
                let (policies, tenant) = (Arc::clone(&self.policies), self.tenant);
                reads.spawn(async move { policies.get_policy(tenant).await.unwrap() });
            }
            reads.join_all().await;
            self.pool.size() == CONNECTIONS && self.pool.num_idle() == CONNECTIONS as usize
        })
        .await;
    }
}

/// Fails without the second attempt of each read.
#[tokio::test]
async fn no_read_fails_after_a_restart() {
    let mut service = Service::start().await;
    for restart in [PostgresServer::restart, PostgresServer::crash_and_restart] {
        service.until_all_are_idle().await;
        restart(&mut service.server);
        let mut reads = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (policies, tenant) = (Arc::clone(&service.policies), service.tenant);
            reads.spawn(async move { policies.get_policy(tenant).await });
        }
        let failed: Vec<_> = reads.join_all().await.into_iter().filter_map(Result::err).collect();
        assert!(failed.is_empty(), "{} of {CONNECTIONS} reads: {failed:?}", failed.len());
    }
}

/// Sequential reads: the first must not leave closed connections to the next.
#[tokio::test]
async fn no_sequential_read_fails_after_a_restart() {
    let mut service = Service::start().await;
    service.until_all_are_idle().await;
    service.server.restart();
    for read in 0..2 * CONNECTIONS {
        let found = service.policies.get_policy(service.tenant).await;
        assert!(found.as_ref().is_ok_and(Option::is_some), "read {read}: {found:?}");
    }
}

/// As many reads as connections, so each one meets a closed connection.
#[tokio::test]
async fn every_read_has_a_second_attempt() {
    let mut service = Service::start().await;
    let Service { policies, pool, tenant, .. } = &service;
    let (policies, tenant) = (Arc::clone(policies), *tenant);
    let configs = PostgresConversationConfigStore::new(pool.clone());
    let conversations = PostgresConversationStore::new(pool.clone());
    service.until_all_are_idle().await;
    service.server.restart();

    let page = PageRequest::first(10);
    let (some, nothing, all) = ([tenant], ConversationId::random(), ConversationStatus::All);
    let filter = CompactionFilter::default();
    let (one, many, count, list, config, conversation, messages, listed, compaction) = tokio::join!(
        policies.get_policy(tenant),
        policies.get_policies(&some),
        policies.count_policies(),
        policies.list_policies(&page),
        configs.get_config(tenant, None),
        conversations.get_conversation(tenant, nothing, None),
        conversations.get_messages(tenant, nothing, None, 10),
        conversations.list_conversations(tenant, None, all, &page),
        conversations.conversations_needing_compaction(&filter, 10),
    );
    assert!(one.unwrap().is_some());
    assert_eq!(many.unwrap().len(), 1);
    assert_eq!(count.unwrap(), 1);
    assert_eq!(list.unwrap().items.len(), 1);
    config.unwrap();
    assert!(conversation.unwrap().is_none());
    assert!(messages.unwrap().is_empty());
    assert!(listed.unwrap().items.is_empty());
    assert!(compaction.unwrap().is_empty());
}

/// A write that has not begun begins on another connection.
#[tokio::test]
async fn no_write_fails_after_a_restart() {
    let mut service = Service::start().await;
    let conversations = Arc::new(PostgresConversationStore::new(service.pool.clone()));
    for restart in [PostgresServer::restart, PostgresServer::crash_and_restart] {
        service.until_all_are_idle().await;
        restart(&mut service.server);
        let mut writes = JoinSet::new();
        for write in 0..CONNECTIONS {
            let (policies, conversations) = (Arc::clone(&service.policies), Arc::clone(&conversations));
            let tenant = service.tenant;
            writes.spawn(async move {
                if write % 2 == 0 {
                    policies.set_policy(&TenantPolicy::new(tenant, "large", "local")).await
                } else {
                    conversations.create_conversation(&NewConversation::new(tenant, None)).await.map(drop)
                }
            });
        }
        let failed: Vec<_> = writes.join_all().await.into_iter().filter_map(Result::err).collect();
        assert!(failed.is_empty(), "{} of {CONNECTIONS} writes: {failed:?}", failed.len());
    }
}

/// A server that does not return is an error, and not an endless call.
#[tokio::test]
async fn a_missing_server_is_an_error() {
    let Service { server, pool, tenant, .. } = Service::start().await;
    let url = (*pool.connect_options()).clone();
    let options = PgPoolOptions::new().acquire_timeout(std::time::Duration::from_millis(500));
    let policies = PostgresPolicyStore::new(options.test_before_acquire(false).connect_with(url).await.unwrap());
    policies.get_policy(tenant).await.unwrap();
    drop(server);
    let error = policies.get_policy(tenant).await.unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::Timeout | StoreErrorKind::Unavailable), "{error:?}");
}
