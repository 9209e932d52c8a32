//! A store on Postgres, the source of truth that several instances share.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

use super::access::{may_administer, may_delete, may_write};
use super::check::{
    APPEND, COMPACTION, CREATE, GET, GET_MESSAGES, LIST, SET_ARCHIVED, SOFT_DELETE, Slice, UPDATE_SHARING,
    check_conversation, check_limit, check_message, check_sharing,
};
use super::rows::{self, ConversationRow};
use super::sql::conversation_columns;
use super::{
    AuthorizationModel, CompactionFilter, Conversation, ConversationStatus, ConversationStore, Message,
    NewConversation, NewMessage, ShareAudience, SharingUpdate, TenantAccess, clock, sql,
};
use crate::backend::postgres::{fetch_all, fetch_optional};
use crate::backend::{Write, write_one};
use crate::{ConversationId, MessageId, Page, PageRequest, StoreError, TenantId, UserId};

const INSERT: &str = "
    INSERT INTO conversations (
        id, tenant_id, user_id, share_audience, tenant_access, authorization_model, authorization_spec, persona_id,
        jurisdictions, title, active_path_id, trace_id, root_span_name, root_span_id
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

// The next change of the conversation waits here, and sees the writes of this transaction.
const GET_FOR_UPDATE: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversations WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE"
);

// The clock of the server may have been set back: the time of a conversation never decreases.
const APPEND_MESSAGE: &str = "
    WITH moved AS (
        UPDATE conversations
        SET last_message_at = greatest(clock_timestamp(), created_at, last_message_at + interval '1 microsecond')
        WHERE id = $2
        RETURNING last_message_at
    )
    INSERT INTO conversation_messages (
        id, conversation_id, role, content, metadata, user_id, trace_id, root_span_name, root_span_id, created_at
    )
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, moved.last_message_at FROM moved";

const DELETE_MESSAGE: &str = "
    WITH deleted AS (
        UPDATE conversation_messages SET deleted_at = clock_timestamp()
        WHERE id = $1 AND conversation_id = $2 AND deleted_at IS NULL
        RETURNING conversation_id
    )
    UPDATE conversations SET updated_at = clock_timestamp() FROM deleted WHERE conversations.id = deleted.conversation_id";

const SHARE: &str = "
    UPDATE conversations SET
        share_audience = coalesce($2, share_audience),
        tenant_access = coalesce($3, tenant_access),
        authorization_model = coalesce($4, authorization_model),
        authorization_spec = coalesce($5, authorization_spec)
    WHERE id = $1";

const ARCHIVE: &str = "
    UPDATE conversations SET archived_at = CASE WHEN $2 THEN clock_timestamp() END
    WHERE id = $1 AND (archived_at IS NULL) = $2";

/// Conversations in the tables `conversations` and `conversation_messages` of the pool's `search_path`.
///
/// A change is one transaction that locks the conversation, checks the rules on the locked row, and ends within ten
/// seconds, so that no commit outlives the lock of the entry that it makes stale.
///
/// Connect it as the service, never with the rights of a user: a cached conversation is the same for every caller, and
/// the access rules of this module apply to each call.
#[derive(Debug, Clone)]
pub struct PostgresConversationStore {
    pool: PgPool,
}

impl PostgresConversationStore {
    /// Creates a store over this pool. [`migrate`](crate::migrate) creates its tables.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl ConversationStore for PostgresConversationStore {
    async fn create_conversation(&self, conversation: &NewConversation) -> Result<ConversationId, StoreError> {
        check_conversation(conversation)?;
        let id = ConversationId::random();
        let insert = sqlx::query(INSERT)
            .bind(id)
            .bind(conversation.tenant_id)
            .bind(conversation.user_id)
            .bind(conversation.share_audience.as_str())
            .bind(conversation.tenant_access.as_str())
            .bind(conversation.authorization_model.as_str())
            .bind(Json(&conversation.authorization_spec))
            .bind(&conversation.persona_id)
            .bind(Json(&conversation.jurisdictions))
            .bind(&conversation.title)
            .bind(conversation.active_path_id)
            .bind(&conversation.trace.trace_id)
            .bind(&conversation.trace.root_span_name)
            .bind(&conversation.trace.root_span_id);
        write_one(&self.pool, CREATE, insert).await?;
        Ok(id)
    }

    async fn get_conversation(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
    ) -> Result<Option<Arc<Conversation>>, StoreError> {
        let read = fetch_optional(&self.pool, || sqlx::query_as(sql::GET).bind(tenant).bind(conversation));
        rows::readable(read.await, user, GET)
    }

    async fn append_message(&self, message: &NewMessage) -> Result<MessageId, StoreError> {
        check_message(message)?;
        let id = MessageId::random();
        let mut write = Write::begin(&self.pool, APPEND).await?;
        let locked = lock(write.connection(), message.tenant_id, message.conversation_id).await;
        rows::permitted(locked, message.user_id, APPEND, |found| may_write(found, message.role, message.user_id))?;
        let append = sqlx::query(APPEND_MESSAGE)
            .bind(id)
            .bind(message.conversation_id)
            .bind(message.role.as_str())
            .bind(&message.content)
            .bind(Json(&message.metadata))
            .bind(message.user_id)
            .bind(&message.trace.trace_id)
            .bind(&message.trace.root_span_name)
            .bind(&message.trace.root_span_id);
        write.execute(append).await?;
        write.commit().await?;
        Ok(id)
    }

    async fn soft_delete_message(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        message: MessageId,
        user: Option<UserId>,
    ) -> Result<bool, StoreError> {
        let mut write = Write::begin(&self.pool, SOFT_DELETE).await?;
        let locked = lock(write.connection(), tenant, conversation).await;
        rows::permitted(locked, user, SOFT_DELETE, |found| may_delete(found, user))?;
        let deleted = write.execute(sqlx::query(DELETE_MESSAGE).bind(message).bind(conversation)).await?;
        write.commit().await?;
        Ok(deleted > 0)
    }

    async fn update_sharing(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        sharing: &SharingUpdate,
    ) -> Result<(), StoreError> {
        check_sharing(sharing)?;
        let mut write = Write::begin(&self.pool, UPDATE_SHARING).await?;
        let locked = lock(write.connection(), tenant, conversation).await;
        rows::permitted(locked, user, UPDATE_SHARING, |found| may_administer(found, user))?;
        let share = sqlx::query(SHARE)
            .bind(conversation)
            .bind(sharing.share_audience.map(ShareAudience::as_str))
            .bind(sharing.tenant_access.map(TenantAccess::as_str))
            .bind(sharing.authorization_model.map(AuthorizationModel::as_str))
            .bind(sharing.authorization_spec.as_ref().map(Json));
        write.execute(share).await?;
        write.commit().await
    }

    async fn set_archived_state(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        archived: bool,
    ) -> Result<bool, StoreError> {
        let mut write = Write::begin(&self.pool, SET_ARCHIVED).await?;
        let locked = lock(write.connection(), tenant, conversation).await;
        rows::permitted(locked, user, SET_ARCHIVED, |found| may_administer(found, user))?;
        let changed = write.execute(sqlx::query(ARCHIVE).bind(conversation).bind(archived)).await?;
        write.commit().await?;
        Ok(changed > 0)
    }

    async fn get_messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let limit = i64::from(check_limit(limit, GET_MESSAGES)?);
        let read = || sqlx::query_as(sql::GET_MESSAGES).bind(tenant).bind(user).bind(conversation).bind(limit);
        rows::messages(fetch_all(&self.pool, read).await, GET_MESSAGES)
    }

    async fn list_conversations(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
        status: ConversationStatus,
        page: &PageRequest,
    ) -> Result<Page<Arc<Conversation>>, StoreError> {
        let slice = Slice::of(tenant, user, status, page)?;
        let statement = if slice.after.is_some() { sql::NEXT_PAGE } else { sql::FIRST_PAGE };
        let read = || {
            let read = sqlx::query_as(statement).bind(tenant).bind(user).bind(status.as_str());
            let read = read.bind(i64::from(slice.rows_to_read()));
            match slice.after {
                Some(after) => read.bind(after.last_activity).bind(after.id),
                None => read,
            }
        };
        Ok(slice.page(rows::conversations(fetch_all(&self.pool, read).await, LIST)?))
    }

    async fn conversations_needing_compaction(
        &self,
        filter: &CompactionFilter,
        limit: u32,
    ) -> Result<Vec<Arc<Conversation>>, StoreError> {
        let limit = i64::from(check_limit(limit, COMPACTION)?);
        let read = || {
            sqlx::query_as(sql::COMPACTION)
                .bind(filter.tenant_id)
                .bind(filter.idle_since.map(clock::kept))
                .bind(i64::from(filter.min_messages))
                .bind(limit)
        };
        rows::conversations(fetch_all(&self.pool, read).await, COMPACTION)
    }
}

async fn lock(
    connection: &mut PgConnection,
    tenant: TenantId,
    conversation: ConversationId,
) -> Result<Option<ConversationRow>, sqlx::Error> {
    sqlx::query_as(GET_FOR_UPDATE).bind(tenant).bind(conversation).fetch_optional(connection).await
}
