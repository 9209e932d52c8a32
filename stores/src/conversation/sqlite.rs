//! A store on SQLite, the source of truth of one process, in its own file.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::types::Json;
use sqlx::{SqliteConnection, SqlitePool};

use super::access::{may_administer, may_delete, may_write};
use super::check::{
    APPEND, COMPACTION, CREATE, GET, GET_MESSAGES, LIST, SET_ARCHIVED, SOFT_DELETE, Slice, UPDATE_SHARING,
    check_conversation, check_limit, check_message, check_sharing,
};
use super::rows::{self, ConversationRow};
use super::{
    AuthorizationModel, CompactionFilter, Conversation, ConversationStatus, ConversationStore, Message,
    NewConversation, NewMessage, ShareAudience, SharingUpdate, TenantAccess, clock, sql,
};
use crate::backend::{Write, write_one};
use crate::{ConversationId, MessageId, Page, PageRequest, StoreError, TenantId, UserId};

// The column defaults of the times have only milliseconds.
const INSERT: &str = "
    INSERT INTO conversations (
        id, tenant_id, user_id, share_audience, tenant_access, authorization_model, authorization_spec, persona_id,
        jurisdictions, title, active_path_id, trace_id, root_span_name, root_span_id, created_at, updated_at
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)";

const INSERT_MESSAGE: &str = "
    INSERT INTO conversation_messages (
        id, conversation_id, role, content, metadata, user_id, trace_id, root_span_name, root_span_id, created_at
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

const MOVE_TO: &str = "UPDATE conversations SET last_message_at = $2, updated_at = $3 WHERE id = $1";

const DELETE_MESSAGE: &str = "
    UPDATE conversation_messages SET deleted_at = $3
    WHERE id = $1 AND conversation_id = $2 AND deleted_at IS NULL";

const TOUCH: &str = "UPDATE conversations SET updated_at = $2 WHERE id = $1";

const SHARE: &str = "
    UPDATE conversations SET
        share_audience = coalesce($2, share_audience),
        tenant_access = coalesce($3, tenant_access),
        authorization_model = coalesce($4, authorization_model),
        authorization_spec = coalesce($5, authorization_spec),
        updated_at = $6
    WHERE id = $1";

const ARCHIVE: &str = "
    UPDATE conversations SET archived_at = CASE WHEN $2 THEN $3 END, updated_at = $4
    WHERE id = $1 AND (archived_at IS NULL) = $2";

/// Conversations in the tables `conversations` and `conversation_messages` of a SQLite database.
///
/// A change is one transaction that waits for the previous writer, and then checks the rules on the current row. It
/// waits four seconds at most, and for readers of a database without a write-ahead log for at most the pool's
/// `busy_timeout`, 5 s by default: together less than 10 s, the lifetime of the lock on the entry that it makes stale.
#[derive(Debug, Clone)]
pub struct SqliteConversationStore {
    pool: SqlitePool,
}

impl SqliteConversationStore {
    /// Creates a store over this pool. [`migrate`](crate::migrate) creates its tables.
    pub fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl ConversationStore for SqliteConversationStore {
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
            .bind(&conversation.trace.root_span_id)
            .bind(text(clock::now()));
        write_one(&self.pool, CREATE, insert).await?;
        Ok(id)
    }

    async fn get_conversation(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
    ) -> Result<Option<Arc<Conversation>>, StoreError> {
        let read = sqlx::query_as(sql::GET).bind(tenant).bind(conversation).fetch_optional(&self.pool).await;
        rows::readable(read, user, GET)
    }

    async fn append_message(&self, message: &NewMessage) -> Result<MessageId, StoreError> {
        check_message(message)?;
        let id = MessageId::random();
        let mut write = Write::begin(&self.pool, APPEND).await?;
        let read = read(write.connection(), message.tenant_id, message.conversation_id).await;
        let user = message.user_id;
        let found = rows::permitted(read, user, APPEND, |found| may_write(found, message.role, user))?;
        let time = text(clock::now_after(found.created_at, found.last_message_at));
        let insert = sqlx::query(INSERT_MESSAGE)
            .bind(id)
            .bind(message.conversation_id)
            .bind(message.role.as_str())
            .bind(&message.content)
            .bind(Json(&message.metadata))
            .bind(message.user_id)
            .bind(&message.trace.trace_id)
            .bind(&message.trace.root_span_name)
            .bind(&message.trace.root_span_id)
            .bind(&time);
        write.execute(insert).await?;
        write.execute(sqlx::query(MOVE_TO).bind(found.id).bind(&time).bind(touched(&found))).await?;
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
        let read = read(write.connection(), tenant, conversation).await;
        let found = rows::permitted(read, user, SOFT_DELETE, |found| may_delete(found, user))?;
        let delete = sqlx::query(DELETE_MESSAGE).bind(message).bind(conversation).bind(text(clock::now()));
        if write.execute(delete).await? == 0 {
            return Ok(false);
        }
        write.execute(sqlx::query(TOUCH).bind(conversation).bind(touched(&found))).await?;
        write.commit().await?;
        Ok(true)
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
        let read = read(write.connection(), tenant, conversation).await;
        let found = rows::permitted(read, user, UPDATE_SHARING, |found| may_administer(found, user))?;
        let share = sqlx::query(SHARE)
            .bind(conversation)
            .bind(sharing.share_audience.map(ShareAudience::as_str))
            .bind(sharing.tenant_access.map(TenantAccess::as_str))
            .bind(sharing.authorization_model.map(AuthorizationModel::as_str))
            .bind(sharing.authorization_spec.as_ref().map(Json))
            .bind(touched(&found));
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
        let read = read(write.connection(), tenant, conversation).await;
        let found = rows::permitted(read, user, SET_ARCHIVED, |found| may_administer(found, user))?;
        let archive =
            sqlx::query(ARCHIVE).bind(conversation).bind(archived).bind(text(clock::now())).bind(touched(&found));
        let changed = write.execute(archive).await?;
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
        let limit = check_limit(limit, GET_MESSAGES)?;
        let read = sqlx::query_as(sql::GET_MESSAGES).bind(tenant).bind(user).bind(conversation).bind(limit);
        rows::messages(read.fetch_all(&self.pool).await, GET_MESSAGES)
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
        let mut read = sqlx::query_as(statement).bind(tenant).bind(user).bind(status.as_str());
        read = read.bind(slice.rows_to_read());
        if let Some(after) = slice.after {
            read = read.bind(text(after.last_activity)).bind(after.id);
        }
        Ok(slice.page(rows::conversations(read.fetch_all(&self.pool).await, LIST)?))
    }

    async fn conversations_needing_compaction(
        &self,
        filter: &CompactionFilter,
        limit: u32,
    ) -> Result<Vec<Arc<Conversation>>, StoreError> {
        let limit = check_limit(limit, COMPACTION)?;
        let read = sqlx::query_as(sql::COMPACTION)
            .bind(filter.tenant_id)
            .bind(filter.idle_since.map(|time| text(clock::kept(time))))
            .bind(filter.min_messages)
            .bind(limit);
        rows::conversations(read.fetch_all(&self.pool).await, COMPACTION)
    }
}

async fn read(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    conversation: ConversationId,
) -> Result<Option<ConversationRow>, sqlx::Error> {
    sqlx::query_as(sql::GET).bind(tenant).bind(conversation).fetch_optional(connection).await
}

/// The time of a change of this row, by the clock of this process.
fn touched(found: &Conversation) -> String {
    text(clock::now_after(found.created_at, Some(found.updated_at)))
}

/// A time as text, always 27 characters, so that texts sort like times.
fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_time_has_one_width() {
        let times = [0, 1, 999_999, 1_000_000, -62_135_596_800_000_000, 253_402_300_799_000_000];
        for micros in times {
            let time = DateTime::from_timestamp_micros(micros).unwrap();
            assert_eq!(text(time).len(), 27, "{}", text(time));
            assert_eq!(text(time).parse::<DateTime<Utc>>().unwrap(), time);
        }
        assert_eq!(text(DateTime::from_timestamp_micros(1).unwrap()), "1970-01-01T00:00:00.000001Z");
    }
}
