//! A store in a SQL database.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::Pool;

use super::access::{may_administer, may_delete, may_write};
use super::check::{
    APPEND, COMPACTION, CREATE, GET, GET_MESSAGES, LIST, SET_ARCHIVED, SOFT_DELETE, Slice, UPDATE_SHARING,
    check_conversation, check_limit, check_message, check_sharing,
};
use super::dialect::ConversationDialect;
use super::{
    AuthorizationModel, CompactionFilter, Conversation, ConversationStatus, ConversationStore, Message,
    NewConversation, NewMessage, ShareAudience, SharingUpdate, TenantAccess, clock, rows, sql,
};
use crate::backend::{Statement, Write, json, read_all, read_optional, write_one};
use crate::{ConversationId, MessageId, Page, PageRequest, StoreError, TenantId, UserId};

/// Conversations in the tables `conversations` and `conversation_messages` of the pool's `search_path`.
///
/// A change is one transaction that locks the conversation, checks the rules on the locked row, and ends within ten
/// seconds, so that no commit outlives the lock of the entry that it makes stale.
///
/// Connect it as the service, never with the rights of a user: a cached conversation is the same for every caller, and
/// the access rules of this module apply to each call.
#[cfg(feature = "postgres")]
pub type PostgresConversationStore = SqlConversationStore<sqlx::PgPool>;

/// Conversations in the tables `conversations` and `conversation_messages` of a SQLite database.
///
/// A change is one transaction that waits for the previous writer, and then checks the rules on the current row. It
/// waits four seconds at most, and for readers of a database without a write-ahead log for at most the pool's
/// `busy_timeout`, 5 s by default: together less than 10 s, the lifetime of the lock on the entry that it makes stale.
#[cfg(feature = "sqlite")]
pub type SqliteConversationStore = SqlConversationStore<sqlx::SqlitePool>;

/// Conversations in the tables `conversations` and `conversation_messages` of a SQL database.
///
/// `P` is the pool of the database: `PgPool` or `SqlitePool`.
#[derive(Debug, Clone)]
pub struct SqlConversationStore<P> {
    pool: P,
}

impl<P> SqlConversationStore<P> {
    /// Creates a store over this pool. [`migrate`](crate::migrate) creates its tables.
    pub fn new(pool: P) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl<DB: ConversationDialect> ConversationStore for SqlConversationStore<Pool<DB>> {
    async fn create_conversation(&self, conversation: &NewConversation) -> Result<ConversationId, StoreError> {
        check_conversation(conversation)?;
        let id = ConversationId::random();
        let insert = DB::timed(insert(DB::INSERT, id, conversation), &[clock::now()]);
        write_one(&self.pool, CREATE, insert).await?;
        Ok(id)
    }

    async fn get_conversation(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
    ) -> Result<Option<Arc<Conversation>>, StoreError> {
        let get = Statement::new(sql::GET).bind(tenant).bind(conversation);
        rows::readable(read_optional(&self.pool, GET, get).await?, user, GET)
    }

    async fn append_message(&self, message: &NewMessage) -> Result<MessageId, StoreError> {
        check_message(message)?;
        let (id, user) = (MessageId::random(), message.user_id);
        let allowed = |found: &Conversation| may_write(found, message.role, user);
        let mut change =
            Change::begin(&self.pool, APPEND, message.tenant_id, message.conversation_id, user, allowed).await?;
        let time = clock::now_after(change.found.created_at, change.found.last_message_at);
        change.execute(DB::timed(append(DB::APPEND, id, message), &[time])).await?;
        change.touch(Some(time)).await?;
        change.commit().await?;
        Ok(id)
    }

    async fn soft_delete_message(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        message: MessageId,
        user: Option<UserId>,
    ) -> Result<bool, StoreError> {
        let allowed = |found: &Conversation| may_delete(found, user);
        let mut change = Change::begin(&self.pool, SOFT_DELETE, tenant, conversation, user, allowed).await?;
        let delete = Statement::new(DB::DELETE_MESSAGE).bind(message).bind(conversation);
        let deleted = change.execute(DB::timed(delete, &[clock::now()])).await? > 0;
        if deleted {
            change.touch(None).await?;
        }
        change.commit().await?;
        Ok(deleted)
    }

    async fn update_sharing(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        sharing: &SharingUpdate,
    ) -> Result<(), StoreError> {
        check_sharing(sharing)?;
        let allowed = |found: &Conversation| may_administer(found, user);
        let mut change = Change::begin(&self.pool, UPDATE_SHARING, tenant, conversation, user, allowed).await?;
        let share = Statement::new(DB::SHARE)
            .bind(conversation)
            .bind(sharing.share_audience.map(ShareAudience::as_str))
            .bind(sharing.tenant_access.map(TenantAccess::as_str))
            .bind(sharing.authorization_model.map(AuthorizationModel::as_str))
            .bind(sharing.authorization_spec.as_ref().map(json));
        change.execute(DB::timed(share, &[change.time()])).await?;
        change.commit().await
    }

    async fn set_archived_state(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        archived: bool,
    ) -> Result<bool, StoreError> {
        let allowed = |found: &Conversation| may_administer(found, user);
        let mut change = Change::begin(&self.pool, SET_ARCHIVED, tenant, conversation, user, allowed).await?;
        let archive = Statement::new(DB::ARCHIVE).bind(conversation).bind(archived);
        let changed = change.execute(DB::timed(archive, &[clock::now(), change.time()])).await? > 0;
        change.commit().await?;
        Ok(changed)
    }

    async fn get_messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let limit = check_limit(limit, GET_MESSAGES)?;
        let get = Statement::new(sql::GET_MESSAGES).bind(tenant).bind(user).bind(conversation).bind(limit);
        rows::messages(read_all(&self.pool, GET_MESSAGES, get).await?, GET_MESSAGES)
    }

    async fn list_conversations(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
        status: ConversationStatus,
        page: &PageRequest,
    ) -> Result<Page<Arc<Conversation>>, StoreError> {
        let slice = Slice::of(tenant, user, status, page)?;
        let text = if slice.after.is_some() { sql::NEXT_PAGE } else { sql::FIRST_PAGE };
        let mut list = Statement::new(text).bind(tenant).bind(user).bind(status.as_str()).bind(slice.rows_to_read());
        if let Some(after) = slice.after {
            list = list.bind(after.last_activity).bind(after.id);
        }
        Ok(slice.page(rows::conversations(read_all(&self.pool, LIST, list).await?, LIST)?))
    }

    async fn conversations_needing_compaction(
        &self,
        filter: &CompactionFilter,
        limit: u32,
    ) -> Result<Vec<Arc<Conversation>>, StoreError> {
        let limit = check_limit(limit, COMPACTION)?;
        let select = Statement::new(sql::COMPACTION)
            .bind(filter.tenant_id)
            .bind(filter.idle_since.map(clock::kept))
            .bind(filter.min_messages)
            .bind(limit);
        rows::conversations(read_all(&self.pool, COMPACTION, select).await?, COMPACTION)
    }
}

/// A change of a conversation in progress. Dropping it undoes it.
struct Change<DB: ConversationDialect> {
    write: Write<DB>,
    /// The conversation before the change.
    found: Conversation,
}

impl<DB: ConversationDialect> Change<DB> {
    /// Locks the conversation, and checks that `allowed` permits the change.
    async fn begin(
        pool: &Pool<DB>,
        operation: &'static str,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        allowed: impl FnOnce(&Conversation) -> bool,
    ) -> Result<Self, StoreError> {
        let mut write = Write::begin(pool, operation).await?;
        let get = Statement::new(DB::GET_FOR_UPDATE).bind(tenant).bind(conversation);
        let found = rows::permitted(write.read_optional(get).await?, user, operation, allowed)?;
        Ok(Self { write, found })
    }

    async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, StoreError> {
        self.write.execute(statement).await
    }

    /// Completes a change of a message, which is a new one if it has a time.
    async fn touch(&mut self, appended: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        if let Some(text) = DB::TOUCH {
            let touch = Statement::new(text).bind(self.found.id).bind(appended).bind(self.time());
            self.execute(touch).await?;
        }
        Ok(())
    }

    /// The time of the change, by the clock of this process.
    fn time(&self) -> DateTime<Utc> {
        clock::now_after(self.found.created_at, Some(self.found.updated_at))
    }

    async fn commit(self) -> Result<(), StoreError> {
        self.write.commit().await
    }
}

fn insert<'a>(text: &'static str, id: ConversationId, conversation: &'a NewConversation) -> Statement<'a> {
    Statement::new(text)
        .bind(id)
        .bind(conversation.tenant_id)
        .bind(conversation.user_id)
        .bind(conversation.share_audience.as_str())
        .bind(conversation.tenant_access.as_str())
        .bind(conversation.authorization_model.as_str())
        .bind(json(&conversation.authorization_spec))
        .bind(conversation.persona_id.as_deref())
        .bind(json(&conversation.jurisdictions))
        .bind(conversation.title.as_deref())
        .bind(conversation.active_path_id)
        .bind(conversation.trace.trace_id.as_deref())
        .bind(conversation.trace.root_span_name.as_deref())
        .bind(conversation.trace.root_span_id.as_deref())
}

fn append<'a>(text: &'static str, id: MessageId, message: &'a NewMessage) -> Statement<'a> {
    Statement::new(text)
        .bind(id)
        .bind(message.conversation_id)
        .bind(message.role.as_str())
        .bind(message.content.as_str())
        .bind(json(&message.metadata))
        .bind(message.user_id)
        .bind(message.trace.trace_id.as_deref())
        .bind(message.trace.root_span_name.as_deref())
        .bind(message.trace.root_span_id.as_deref())
}
