//! Appends that run concurrently with each other or with changes of their conversation.

use std::sync::Arc;
use std::time::Duration;

use cache_core::WriteError;
use sqlx::{Executor, PgPool};
use stores::conversation::{
    ConversationStore, MessageRole, NewConversation, NewMessage, PostgresConversationStore, ShareAudience,
    SqliteConversationStore, TenantAccess,
};
use stores::{ConversationId, MessageId, StoreError, StoreErrorKind, TenantId, UserId};
use tokio::task::JoinHandle;

use super::super::fixtures::{self, until};

const TASKS: usize = 6;
const EACH: usize = 5;

fn append(
    store: &Arc<dyn ConversationStore>,
    (tenant, id, user): (TenantId, ConversationId, Option<UserId>),
) -> JoinHandle<Result<MessageId, StoreError>> {
    let store = Arc::clone(store);
    let message = NewMessage { user_id: user, ..NewMessage::new(tenant, id, MessageRole::User, "x") };
    tokio::spawn(async move { store.append_message(&message).await })
}

async fn appends_at_once(store: Arc<dyn ConversationStore>) {
    let tenant = TenantId::random();
    let id = store.create_conversation(&NewConversation::new(tenant, None)).await.unwrap();
    let mut last_seen = None;
    for _ in 0..EACH {
        let appends: Vec<_> = (0..TASKS).map(|_| append(&store, (tenant, id, None))).collect();
        for append in appends {
            append.await.unwrap().unwrap();
            let found = store.get_conversation(tenant, id, None).await.unwrap().unwrap();
            assert!(found.last_message_at >= last_seen, "it never goes back");
            last_seen = found.last_message_at;
        }
    }
    let messages = store.get_messages(tenant, id, None, 500).await.unwrap();
    assert_eq!(messages.len(), TASKS * EACH);
    assert!(messages.windows(2).all(|pair| pair[0].created_at < pair[1].created_at), "each has a time of its own");
    assert_eq!(last_seen, messages.last().map(|last| last.created_at));
}

#[tokio::test]
async fn concurrent_appends_are_ordered() {
    appends_at_once(Arc::new(PostgresConversationStore::new(fixtures::postgres().await))).await;
    let (_folder, pool) = fixtures::sqlite().await;
    appends_at_once(Arc::new(SqliteConversationStore::new(pool))).await;
}

/// A clock that is an hour behind the newest message.
#[tokio::test]
async fn a_clock_set_back_moves_no_conversation_back() {
    let pool = fixtures::postgres().await;
    let store: Arc<dyn ConversationStore> = Arc::new(PostgresConversationStore::new(pool.clone()));
    let ahead = "UPDATE conversations SET last_message_at = now() + interval '1 hour'";
    resumes_from(&store, async || pool.execute(ahead).await.map(drop)).await;

    let (_folder, pool) = fixtures::sqlite().await;
    let store: Arc<dyn ConversationStore> = Arc::new(SqliteConversationStore::new(pool.clone()));
    let ahead = "UPDATE conversations SET last_message_at = strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '+1 hour')";
    resumes_from(&store, async || pool.execute(ahead).await.map(drop)).await;
}

async fn resumes_from(store: &Arc<dyn ConversationStore>, move_ahead: impl AsyncFn() -> Result<(), sqlx::Error>) {
    let tenant = TenantId::random();
    let id = store.create_conversation(&NewConversation::new(tenant, None)).await.unwrap();
    move_ahead().await.unwrap();
    let last = async || store.get_conversation(tenant, id, None).await.unwrap().unwrap().last_message_at.unwrap();
    let before = last().await;
    append(store, (tenant, id, None)).await.unwrap().unwrap();
    assert_eq!(last().await - before, chrono::TimeDelta::microseconds(1));
}

/// A conversation shared with the tenant, which may edit it.
async fn shared(store: &dyn ConversationStore) -> (TenantId, ConversationId) {
    let new = NewConversation {
        share_audience: ShareAudience::Tenant,
        tenant_access: TenantAccess::Edit,
        ..NewConversation::new(TenantId::random(), Some(UserId::random()))
    };
    (new.tenant_id, store.create_conversation(&new).await.unwrap())
}

async fn until_a_lock_is_awaited(pool: &PgPool) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until(async || sqlx::query_scalar::<_, i64>(waiting).fetch_one(pool).await.unwrap() > 0).await;
}

/// The locked row decides on the right to append, not an earlier state.
#[tokio::test]
async fn an_append_that_waited_for_a_sharing_change_applies_it() {
    let pool = fixtures::postgres().await;
    let store: Arc<dyn ConversationStore> = Arc::new(PostgresConversationStore::new(pool.clone()));
    for (change, kind) in [("view", StoreErrorKind::Forbidden), ("private", StoreErrorKind::NotFound)] {
        let (tenant, id) = shared(&*store).await;
        let (stranger, mut other) = (Some(UserId::random()), pool.begin().await.unwrap());
        let statement = match change {
            "view" => "UPDATE conversations SET tenant_access = 'view'",
            _ => "UPDATE conversations SET share_audience = 'private'",
        };
        other.execute(statement).await.unwrap();
        let append = append(&store, (tenant, id, stranger));
        until_a_lock_is_awaited(&pool).await;
        other.commit().await.unwrap();
        let error = append.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(store.get_messages(tenant, id, None, 9).await.unwrap().is_empty(), "nothing was appended");
    }
}

/// A blocked writer gives up long before the lock on its cache entry expires.
#[tokio::test]
async fn a_blocked_append_times_out_and_leaves_nothing() {
    let pool = fixtures::postgres().await;
    let store: Arc<dyn ConversationStore> = Arc::new(PostgresConversationStore::new(pool.clone()));
    let (tenant, id) = shared(&*store).await;
    let mut other = pool.begin().await.unwrap();
    other.execute("SELECT FROM conversations FOR UPDATE").await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), append(&store, (tenant, id, None))).await;
    let error = ended.expect("within ten seconds").unwrap().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error:?}");
    assert!(error.not_written(), "{error:?}");
    other.rollback().await.unwrap();
    assert!(store.get_messages(tenant, id, None, 9).await.unwrap().is_empty());
}

/// A message and its conversation's time are written together or not at all.
#[tokio::test]
async fn an_append_is_atomic() {
    let pool = fixtures::postgres().await;
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; \
                  CREATE TRIGGER refuse AFTER INSERT ON conversation_messages FOR EACH ROW EXECUTE FUNCTION refuse()";
    let store: Arc<dyn ConversationStore> = Arc::new(PostgresConversationStore::new(pool.clone()));
    is_not_written(&store, async || pool.execute(refuse).await.map(drop)).await;

    let (_folder, pool) = fixtures::sqlite().await;
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON conversations BEGIN SELECT RAISE(ABORT, 'no'); END";
    let store: Arc<dyn ConversationStore> = Arc::new(SqliteConversationStore::new(pool.clone()));
    is_not_written(&store, async || pool.execute(refuse).await.map(drop)).await;
}

async fn is_not_written(store: &Arc<dyn ConversationStore>, refuse: impl AsyncFn() -> Result<(), sqlx::Error>) {
    let tenant = TenantId::random();
    let id = store.create_conversation(&NewConversation::new(tenant, None)).await.unwrap();
    append(store, (tenant, id, None)).await.unwrap().unwrap();
    let read = async || {
        let conversation = store.get_conversation(tenant, id, None).await.unwrap();
        (conversation, store.get_messages(tenant, id, None, 9).await.unwrap())
    };
    let before = read().await;
    refuse().await.unwrap();
    let error = append(store, (tenant, id, None)).await.unwrap().unwrap_err();
    assert!(error.not_written(), "{error:?}");
    assert_eq!(read().await, before);
}
