//! Concurrent readers of one key: one reader's load may not answer the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use cache_core::{Cache, MemoryRemote};
use stores::conversation::{
    CachingConversationStore, CompactionFilter, Conversation, ConversationStatus, ConversationStore,
    MemoryConversationStore, Message, NewConversation, NewMessage, SharingUpdate,
};
use stores::{ConversationId, MessageId, Page, PageRequest, StoreError, TenantId, UserId};
use tokio::task::JoinHandle;

use crate::coherence::sync_points::SyncPoint;

/// A store that stops one read after its query of the row.
struct Stopped {
    rows: MemoryConversationStore,
    stops: AtomicBool,
    point: SyncPoint,
}

#[async_trait]
impl ConversationStore for Stopped {
    async fn create_conversation(&self, conversation: &NewConversation) -> Result<ConversationId, StoreError> {
        self.rows.create_conversation(conversation).await
    }

    async fn get_conversation(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
    ) -> Result<Option<Arc<Conversation>>, StoreError> {
        let found = self.rows.get_conversation(tenant, conversation, user).await;
        if self.stops.swap(false, Ordering::Relaxed) {
            self.point.pass().await;
        }
        found
    }

    async fn append_message(&self, message: &NewMessage) -> Result<MessageId, StoreError> {
        self.rows.append_message(message).await
    }

    async fn soft_delete_message(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        message: MessageId,
        user: Option<UserId>,
    ) -> Result<bool, StoreError> {
        self.rows.soft_delete_message(tenant, conversation, message, user).await
    }

    async fn update_sharing(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        sharing: &SharingUpdate,
    ) -> Result<(), StoreError> {
        self.rows.update_sharing(tenant, conversation, user, sharing).await
    }

    async fn set_archived_state(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        archived: bool,
    ) -> Result<bool, StoreError> {
        self.rows.set_archived_state(tenant, conversation, user, archived).await
    }

    async fn get_messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        self.rows.get_messages(tenant, conversation, user, limit).await
    }

    async fn list_conversations(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
        status: ConversationStatus,
        page: &PageRequest,
    ) -> Result<Page<Arc<Conversation>>, StoreError> {
        self.rows.list_conversations(tenant, user, status, page).await
    }

    async fn conversations_needing_compaction(
        &self,
        filter: &CompactionFilter,
        limit: u32,
    ) -> Result<Vec<Arc<Conversation>>, StoreError> {
        self.rows.conversations_needing_compaction(filter, limit).await
    }
}

/// Stops the first reader in the store while the others arrive in this order.
///
/// Returns which of them received the conversation.
async fn meet(cache: &Cache, readers: &[Reader]) -> Vec<bool> {
    let backing = Arc::new(Stopped {
        rows: MemoryConversationStore::new(),
        stops: AtomicBool::new(true),
        point: SyncPoint::new(),
    });
    let (tenant, owner) = (TenantId::random(), UserId::random());
    let id = backing.create_conversation(&NewConversation::new(tenant, Some(owner))).await.unwrap();
    let store = Arc::new(CachingConversationStore::new(Arc::clone(&backing), cache));
    cache.connected(std::time::Duration::from_secs(10)).await;
    let read = |reader: &Reader| -> JoinHandle<bool> {
        let (store, user) = (Arc::clone(&store), reader.user(owner));
        tokio::spawn(async move { store.get_conversation(tenant, id, user).await.unwrap().is_some() })
    };
    let mut reads = vec![read(&readers[0])];
    backing.point.reached().await;
    for reader in &readers[1..] {
        reads.push(read(reader));
        // On this single-threaded runtime a reader runs until it waits for another one.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    assert!(reads.iter().all(|read| !read.is_finished()), "they wait for the first one");
    backing.point.open();
    let mut got = Vec::new();
    for read in reads {
        got.push(read.await.unwrap());
    }
    got
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Reader {
    Owner,
    Stranger,
    Anonymous,
}

impl Reader {
    fn user(self, owner: UserId) -> Option<UserId> {
        match self {
            Self::Owner => Some(owner),
            Self::Stranger => Some(UserId::random()),
            Self::Anonymous => None,
        }
    }
}

#[tokio::test]
async fn joined_reads_return_a_private_conversation_to_its_owner_only() {
    use Reader::{Anonymous, Owner, Stranger};
    let shared = MemoryRemote::new();
    let caches =
        [Cache::pass_through(), Cache::single_instance(), Cache::builder().remote(shared.clone()).build().unwrap()];
    for cache in &caches {
        for second in [Owner, Stranger, Anonymous] {
            for third in [Owner, Stranger, Anonymous] {
                for first in [Owner, Stranger, Anonymous] {
                    let readers = [first, second, third, Stranger, Owner, Anonymous];
                    let owners: Vec<_> = readers.iter().map(|reader| *reader == Owner).collect();
                    assert_eq!(meet(cache, &readers).await, owners, "{readers:?} over {:?}", cache.backend());
                }
            }
        }
    }
    for cache in caches {
        cache.shutdown().await;
    }
}
