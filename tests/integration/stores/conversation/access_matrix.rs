//! Every identity's access to every kind of conversation, with and without the cache.
//!
//! Each case runs without entries, with an entry in the local tier, and with an entry in Redis only.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{Cache, ReadPolicy};
use cache_tests::RedisServer;
use stores::conversation::{
    CachingConversationStore, Conversation, ConversationStore, MemoryConversationStore, MessageRole, NewConversation,
    NewMessage, SharingUpdate, may_read,
};
use stores::{ConversationId, MessageId, StoreError, StoreErrorKind, TenantId, UserId};

use super::super::fixtures::until;
use super::kinds::kinds;

const TIME_TO_CONNECT: Duration = Duration::from_secs(10);

type Decorated = CachingConversationStore<dyn ConversationStore>;

/// The tenant and user of a caller.
type Identity = (TenantId, Option<UserId>);

struct World {
    bare: Arc<dyn ConversationStore>,
    tenant: TenantId,
    owner: UserId,
    identities: Vec<Identity>,
}

impl World {
    fn new() -> Self {
        let (tenant, other) = (TenantId::random(), TenantId::random());
        let (owner, stranger) = (UserId::random(), UserId::random());
        let users = [None, Some(owner), Some(stranger)];
        let identities = [tenant, other].into_iter().flat_map(|tenant| users.map(|user| (tenant, user))).collect();
        Self { bare: Arc::new(MemoryConversationStore::new()), tenant, owner, identities }
    }

    fn instance(&self, cache: &Cache) -> Decorated {
        CachingConversationStore::new(Arc::clone(&self.bare), cache)
    }

    /// An instance that reads from the shared tier each time.
    fn instance_without_local_tier(&self, cache: &Cache) -> Decorated {
        let builder = CachingConversationStore::builder(Arc::clone(&self.bare), cache);
        builder.get_conversation(ReadPolicy::local_off).build()
    }

    async fn rows(&self) -> Vec<Conversation> {
        let mut rows = Vec::new();
        for new in kinds(self.tenant, self.owner) {
            let id = self.bare.create_conversation(&new).await.unwrap();
            rows.push((*self.bare.get_conversation(self.tenant, id, new.user_id).await.unwrap().unwrap()).clone());
        }
        rows
    }

    /// Checks that this identity reads the same with and without the cache.
    async fn agree(&self, store: &Decorated, row: &Conversation, (tenant, user): Identity) {
        let bare = self.bare.get_conversation(tenant, row.id, user).await.unwrap();
        let inherent = store.get_conversation(tenant, row.id, user).await.unwrap();
        let through_the_trait = ConversationStore::get_conversation(store, tenant, row.id, user).await.unwrap();
        let what = format!("{row:?} as {user:?} of {tenant}");
        assert_eq!(inherent, bare, "{what}");
        assert_eq!(through_the_trait, bare, "{what}");
        assert_eq!(bare.is_some(), tenant == row.tenant_id && may_read(row, user), "{what}");
        let peeked = store.peek_get_conversation(tenant, row.id, user).flatten();
        assert!(peeked.is_none() || peeked == bare, "{what}: {peeked:?}");
    }
}

#[tokio::test]
async fn a_local_hit_has_the_same_visibility_as_a_miss() {
    let world = World::new();
    let cache = Cache::single_instance();
    let store = world.instance(&cache);
    for row in world.rows().await {
        for identity in &world.identities {
            store.invalidate_get_conversation(world.tenant, row.id).await;
            world.agree(&store, &row, *identity).await;

            store.invalidate_get_conversation(world.tenant, row.id).await;
            store.get_conversation(world.tenant, row.id, row.user_id).await.unwrap().expect("its owner sees it");
            let before = cache.stats();
            world.agree(&store, &row, *identity).await;
            assert!(store.peek_get_conversation(world.tenant, row.id, row.user_id).is_some(), "it stays cached");
            let counted = cache.stats().since(&before).method("ConversationStore", "get_conversation");
            let may = identity.0 == world.tenant && may_read(&row, identity.1);
            assert_eq!(
                counted.loads,
                if may { 0 } else { 2 },
                "{row:?} as {identity:?}: the store decides, or the cache"
            );
        }
    }
}

#[tokio::test]
async fn a_shared_hit_has_the_same_visibility_as_a_miss() {
    let world = World::new();
    let redis = RedisServer::start();
    let build = || Cache::builder().redis(redis.url()).build().unwrap();
    let caches = [build(), build()];
    let (filler, reader) = (world.instance(&caches[0]), world.instance_without_local_tier(&caches[1]));
    for cache in &caches {
        assert!(cache.connected(TIME_TO_CONNECT).await);
    }
    let counted = || caches[1].stats().method("ConversationStore", "get_conversation");
    for row in world.rows().await {
        filler.get_conversation(world.tenant, row.id, row.user_id).await.unwrap().expect("its owner sees it");
        // A fill is sent after its read has returned.
        let key = format!("copilot:conv:conversation:{}:{}", world.tenant, row.id);
        until(async || redis.raw(&["EXISTS", &key]).is_ok_and(|reply| reply == "1")).await;
        for identity in &world.identities {
            let before = counted().loads;
            world.agree(&reader, &row, *identity).await;
            let may = identity.0 == world.tenant && may_read(&row, identity.1);
            assert_eq!(
                counted().loads - before,
                if may { 0 } else { 2 },
                "{row:?} as {identity:?}: the store decides, or the cache"
            );
        }
    }
    for cache in caches {
        cache.shutdown().await;
    }
}

/// A change to a conversation.
#[derive(Debug, Clone, Copy)]
enum Change {
    Append(MessageRole),
    Delete,
    Share,
    Archive,
}

const CHANGES: [Change; 6] = [
    Change::Append(MessageRole::User),
    Change::Append(MessageRole::Assistant),
    Change::Append(MessageRole::System),
    Change::Delete,
    Change::Share,
    Change::Archive,
];

/// Creates a conversation with a message, and returns the result of its change.
async fn outcome(
    store: &dyn ConversationStore,
    new: &NewConversation,
    (tenant, user): Identity,
    change: Change,
) -> (ConversationId, Result<String, StoreErrorKind>) {
    let id = store.create_conversation(new).await.unwrap();
    let message = NewMessage::new(new.tenant_id, id, MessageRole::System, "first");
    let first = store.append_message(&message).await.unwrap();
    store.get_conversation(new.tenant_id, id, new.user_id).await.unwrap().expect("its owner sees it");
    let outcome = perform(store, (tenant, id, user), first, change).await;
    (id, outcome.map_err(|error| error.kind()))
}

async fn perform(
    store: &dyn ConversationStore,
    (tenant, id, user): (TenantId, ConversationId, Option<UserId>),
    first: MessageId,
    change: Change,
) -> Result<String, StoreError> {
    fn text(done: impl Debug) -> String {
        format!("{done:?}")
    }
    let sharing =
        SharingUpdate { share_audience: Some(stores::conversation::ShareAudience::Tenant), ..Default::default() };
    match change {
        Change::Append(role) => {
            let message = NewMessage { user_id: user, ..NewMessage::new(tenant, id, role, "second") };
            store.append_message(&message).await.map(|_| text(()))
        }
        Change::Delete => store.soft_delete_message(tenant, id, first, user).await.map(text),
        Change::Share => store.update_sharing(tenant, id, user, &sharing).await.map(text),
        Change::Archive => store.set_archived_state(tenant, id, user, true).await.map(text),
    }
}

/// Changes match those without a cache, and the next read sees them.
async fn changes_agree(world: &World, store: &Decorated) {
    for new in kinds(world.tenant, world.owner) {
        for identity in &world.identities {
            for change in CHANGES {
                let (_, without) = outcome(&*world.bare, &new, *identity, change).await;
                let (id, with) = outcome(store, &new, *identity, change).await;
                assert_eq!(with, without, "{change:?} of {new:?} by {identity:?}");
                let bare = world.bare.get_conversation(world.tenant, id, new.user_id).await.unwrap();
                let cached = store.get_conversation(world.tenant, id, new.user_id).await.unwrap();
                assert_eq!(cached, bare, "after {change:?} of {new:?} by {identity:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_change_through_a_local_tier_has_the_same_effect_as_without_it() {
    let world = World::new();
    changes_agree(&world, &world.instance(&Cache::single_instance())).await;
}

#[tokio::test]
async fn a_change_through_redis_has_the_same_effect_as_without_it() {
    let world = World::new();
    let redis = RedisServer::start();
    let cache = Cache::builder().redis(redis.url()).build().unwrap();
    let store = world.instance(&cache);
    assert!(cache.connected(TIME_TO_CONNECT).await);
    changes_agree(&world, &store).await;
    cache.shutdown().await;
}
