//! No tenant receives another one's entry, in any order, and entries are restored completely.

use std::sync::Arc;
use std::time::Duration;

use cache_core::Cache;
use cache_tests::RedisServer;
use serde_json::json;
use stores::conversation::{
    AuthorizationModel, CachingConversationStore, Conversation, ConversationStore, MemoryConversationStore,
    MessageRole, NewConversation, NewMessage, ShareAudience, TenantAccess, Trace,
};
use stores::{PathId, TenantId, UserId};

use super::super::fixtures::until;

const TIME_TO_CONNECT: Duration = Duration::from_secs(10);

async fn instance(
    backing: &Arc<dyn ConversationStore>,
    redis: &RedisServer,
) -> (CachingConversationStore<dyn ConversationStore>, Cache) {
    let cache = Cache::builder().redis(redis.url()).build().unwrap();
    let store = CachingConversationStore::new(Arc::clone(backing), &cache);
    assert!(cache.connected(TIME_TO_CONNECT).await);
    (store, cache)
}

fn everything(tenant: TenantId, owner: UserId) -> NewConversation {
    NewConversation {
        tenant_id: tenant,
        user_id: Some(owner),
        share_audience: ShareAudience::Public,
        tenant_access: TenantAccess::Edit,
        authorization_model: AuthorizationModel::Openfga,
        authorization_spec: json!({
            "fallbackAudience": "tenant", "list": [null, true, 1, -1, 0.1, 1.0, u64::MAX, i64::MIN, "é"], "object": { "": {} },
        }),
        persona_id: Some("lawyer".into()),
        jurisdictions: vec!["de".into(), "eu".into()],
        title: Some("Verträge \u{1f980}".into()),
        active_path_id: Some(PathId::random()),
        trace: Trace { trace_id: Some("t".into()), root_span_name: Some("n".into()), root_span_id: Some("s".into()) },
    }
}

/// The shared tier's encoding keeps times with microseconds, and JSON with every kind of value.
#[tokio::test]
async fn an_entry_is_shared_whole_under_the_documented_key() {
    let redis = RedisServer::start();
    let backing: Arc<dyn ConversationStore> = Arc::new(MemoryConversationStore::new());
    let (tenant, owner) = (TenantId::random(), UserId::random());
    let id = backing.create_conversation(&everything(tenant, owner)).await.unwrap();
    backing.append_message(&NewMessage::new(tenant, id, MessageRole::System, "x")).await.unwrap();
    backing.set_archived_state(tenant, id, None, true).await.unwrap();
    let expected: Arc<Conversation> = backing.get_conversation(tenant, id, None).await.unwrap().unwrap();
    assert!(expected.last_message_at.is_some() && expected.archived_at.is_some());

    let ((one, cache_one), (two, cache_two)) = (instance(&backing, &redis).await, instance(&backing, &redis).await);
    one.get_conversation(tenant, id, Some(owner)).await.unwrap();
    let key = format!("copilot:conv:conversation:{tenant}:{id}");
    until(async || redis.raw(&["EXISTS", &key]).is_ok_and(|reply| reply == "1")).await;
    let left: u32 = redis.raw(&["TTL", &key]).unwrap().parse().unwrap();
    assert!((1..=60).contains(&left), "{left}");

    let found = two.get_conversation(tenant, id, None).await.unwrap();
    assert_eq!(found.as_ref(), Some(&expected));
    let counted = cache_two.stats().method("ConversationStore", "get_conversation");
    assert_eq!((counted.shared_hits, counted.loads), (1, 0));
    for cache in [cache_one, cache_two] {
        cache.shutdown().await;
    }
}

#[tokio::test]
async fn another_tenant_reads_and_caches_nothing() {
    let redis = RedisServer::start();
    let backing: Arc<dyn ConversationStore> = Arc::new(MemoryConversationStore::new());
    let (tenant, other, user) = (TenantId::random(), TenantId::random(), UserId::random());
    let shared = NewConversation { share_audience: ShareAudience::Public, ..NewConversation::new(tenant, Some(user)) };
    let id = backing.create_conversation(&shared).await.unwrap();
    let (store, cache) = instance(&backing, &redis).await;
    for _ in 0..2 {
        for reader in [None, Some(user)] {
            assert_eq!(store.get_conversation(other, id, reader).await.unwrap(), None, "before and after it is cached");
        }
        assert!(store.get_conversation(tenant, id, Some(user)).await.unwrap().is_some());
        let key = format!("copilot:conv:conversation:{tenant}:{id}");
        until(async || redis.raw(&["EXISTS", &key]).is_ok_and(|reply| reply == "1")).await;
    }
    // The shutdown waits for pending fills.
    cache.shutdown().await;
    let key = format!("copilot:conv:conversation:{other}:{id}");
    assert_eq!(redis.raw(&["EXISTS", &key]).unwrap(), "0", "an absence is not cached: it may be for this caller alone");
}

/// After a conversation becomes private, the writing instance denies it to others at once.
#[tokio::test]
async fn a_conversation_no_longer_shared_is_not_served_from_the_cache() {
    let redis = RedisServer::start();
    let backing: Arc<dyn ConversationStore> = Arc::new(MemoryConversationStore::new());
    let (tenant, owner, stranger) = (TenantId::random(), UserId::random(), Some(UserId::random()));
    let ((one, cache_one), (two, cache_two)) = (instance(&backing, &redis).await, instance(&backing, &redis).await);
    let id = one.create_conversation(&NewConversation::new(tenant, Some(owner))).await.unwrap();
    for audience in [ShareAudience::Tenant, ShareAudience::Private, ShareAudience::Public, ShareAudience::Private] {
        let sharing = stores::conversation::SharingUpdate { share_audience: Some(audience), ..Default::default() };
        one.update_sharing(tenant, id, Some(owner), &sharing).await.unwrap();
        let shared = audience != ShareAudience::Private;
        assert_eq!(one.get_conversation(tenant, id, stranger).await.unwrap().is_some(), shared, "{audience}");
        until(async || two.get_conversation(tenant, id, stranger).await.unwrap().is_some() == shared).await;
        two.get_conversation(tenant, id, Some(owner)).await.unwrap().expect("its owner sees it");
    }
    for cache in [cache_one, cache_two] {
        cache.shutdown().await;
    }
}
