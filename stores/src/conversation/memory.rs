//! A store in the memory of one process, for development and tests.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use super::access::{may_administer, may_delete, may_read, may_write, not_found, permit};
use super::check::{
    APPEND, COMPACTION, GET_MESSAGES, Position, SET_ARCHIVED, SOFT_DELETE, Slice, UPDATE_SHARING, check_conversation,
    check_limit, check_message, check_sharing,
};
use super::{
    CompactionFilter, Conversation, ConversationStatus, ConversationStore, Message, NewConversation, NewMessage,
    SharingUpdate, clock,
};
use crate::{ConversationId, MessageId, Page, PageRequest, StoreError, TenantId, UserId};

type Rows = HashMap<ConversationId, Row>;

#[derive(Debug)]
struct Row {
    conversation: Arc<Conversation>,
    /// Its messages, in the order of their times.
    messages: Vec<Message>,
}

/// Conversations in the memory of one process.
#[derive(Debug, Default)]
pub struct MemoryConversationStore {
    rows: RwLock<Rows>,
}

impl MemoryConversationStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    // No code that can panic runs under the lock, so even a poisoned one holds complete rows.
    fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a row of the tenant, if `allowed` permits it.
    fn change<T>(
        &self,
        (tenant, conversation, user): (TenantId, ConversationId, Option<UserId>),
        operation: &'static str,
        allowed: impl FnOnce(&Conversation) -> bool,
        change: impl FnOnce(&mut Conversation, &mut Vec<Message>) -> T,
    ) -> Result<T, StoreError> {
        let mut rows = self.write();
        let row = rows.get_mut(&conversation).filter(|row| row.conversation.tenant_id == tenant);
        let Row { conversation, messages } = row.ok_or_else(|| not_found(operation))?;
        permit(conversation, user, operation, allowed(conversation))?;
        Ok(change(Arc::make_mut(conversation), messages))
    }
}

#[async_trait]
impl ConversationStore for MemoryConversationStore {
    async fn create_conversation(&self, conversation: &NewConversation) -> Result<ConversationId, StoreError> {
        check_conversation(conversation)?;
        let id = ConversationId::random();
        let conversation = Arc::new(created(id, conversation));
        self.write().insert(id, Row { conversation, messages: Vec::new() });
        Ok(id)
    }

    async fn get_conversation(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
    ) -> Result<Option<Arc<Conversation>>, StoreError> {
        let rows = self.read();
        let found = rows.get(&conversation).map(|row| &row.conversation);
        Ok(found.filter(|found| found.tenant_id == tenant && may_read(found, user)).cloned())
    }

    async fn append_message(&self, message: &NewMessage) -> Result<MessageId, StoreError> {
        check_message(message)?;
        let id = MessageId::random();
        let NewMessage { tenant_id, conversation_id, role, user_id, .. } = *message;
        let allowed = |conversation: &Conversation| may_write(conversation, role, user_id);
        self.change((tenant_id, conversation_id, user_id), APPEND, allowed, |conversation, messages| {
            let appended = appended(id, message, conversation);
            conversation.last_message_at = Some(appended.created_at);
            touch(conversation);
            messages.push(appended);
            id
        })
    }

    async fn soft_delete_message(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        message: MessageId,
        user: Option<UserId>,
    ) -> Result<bool, StoreError> {
        let allowed = |conversation: &Conversation| may_delete(conversation, user);
        self.change((tenant, conversation, user), SOFT_DELETE, allowed, |conversation, messages| {
            let found = messages.iter_mut().find(|found| found.id == message && found.deleted_at.is_none());
            let Some(found) = found else { return false };
            found.deleted_at = Some(clock::now());
            touch(conversation);
            true
        })
    }

    async fn update_sharing(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        sharing: &SharingUpdate,
    ) -> Result<(), StoreError> {
        check_sharing(sharing)?;
        let allowed = |conversation: &Conversation| may_administer(conversation, user);
        self.change((tenant, conversation, user), UPDATE_SHARING, allowed, |conversation, _| {
            share(conversation, sharing);
            touch(conversation);
        })
    }

    async fn set_archived_state(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        archived: bool,
    ) -> Result<bool, StoreError> {
        let allowed = |conversation: &Conversation| may_administer(conversation, user);
        self.change((tenant, conversation, user), SET_ARCHIVED, allowed, |conversation, _| {
            let changes = conversation.archived_at.is_some() != archived;
            if changes {
                conversation.archived_at = archived.then(clock::now);
                touch(conversation);
            }
            changes
        })
    }

    async fn get_messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let limit = check_limit(limit, GET_MESSAGES)? as usize;
        let rows = self.read();
        let seen = |row: &&Row| row.conversation.tenant_id == tenant && may_read(&row.conversation, user);
        let Some(row) = rows.get(&conversation).filter(seen) else { return Ok(Vec::new()) };
        let kept: Vec<_> = row.messages.iter().filter(|message| message.deleted_at.is_none()).collect();
        Ok(kept[kept.len().saturating_sub(limit)..].iter().map(|message| (*message).clone()).collect())
    }

    async fn list_conversations(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
        status: ConversationStatus,
        page: &PageRequest,
    ) -> Result<Page<Arc<Conversation>>, StoreError> {
        let slice = Slice::of(tenant, user, status, page)?;
        let rows = self.read();
        let mut listed: Vec<_> = rows
            .values()
            .map(|row| &row.conversation)
            .filter(|row| row.tenant_id == tenant && may_read(row, user) && is_of(row, status))
            .filter(|row| slice.after.is_none_or(|after| Position::of(row) < after))
            .collect();
        listed.sort_by_key(|row| Reverse(Position::of(row)));
        Ok(slice.page(listed.into_iter().take(slice.rows_to_read() as usize).cloned().collect()))
    }

    async fn conversations_needing_compaction(
        &self,
        filter: &CompactionFilter,
        limit: u32,
    ) -> Result<Vec<Arc<Conversation>>, StoreError> {
        let limit = check_limit(limit, COMPACTION)?;
        let rows = self.read();
        let mut found: Vec<_> = rows.values().filter(|row| wants(row, filter)).map(|row| &row.conversation).collect();
        found.sort_by_key(|row| Position::of(row));
        Ok(found.into_iter().take(limit as usize).cloned().collect())
    }
}

fn created(id: ConversationId, new: &NewConversation) -> Conversation {
    let now = clock::now();
    let NewConversation {
        tenant_id,
        user_id,
        share_audience,
        tenant_access,
        authorization_model,
        authorization_spec,
        persona_id,
        jurisdictions,
        title,
        active_path_id,
        trace,
    } = new.clone();
    Conversation {
        id,
        tenant_id,
        user_id,
        share_audience,
        tenant_access,
        authorization_model,
        authorization_spec,
        persona_id,
        jurisdictions,
        title,
        active_path_id,
        archived_at: None,
        created_at: now,
        updated_at: now,
        last_message_at: None,
        trace,
    }
}

fn appended(id: MessageId, new: &NewMessage, conversation: &Conversation) -> Message {
    let NewMessage { tenant_id: _, conversation_id, role, content, metadata, user_id, trace } = new.clone();
    let created_at = clock::now_after(conversation.created_at, conversation.last_message_at);
    Message { id, conversation_id, role, content, metadata, user_id, trace, created_at, deleted_at: None }
}

fn share(conversation: &mut Conversation, sharing: &SharingUpdate) {
    let SharingUpdate { share_audience, tenant_access, authorization_model, authorization_spec } = sharing.clone();
    conversation.share_audience = share_audience.unwrap_or(conversation.share_audience);
    conversation.tenant_access = tenant_access.unwrap_or(conversation.tenant_access);
    conversation.authorization_model = authorization_model.unwrap_or(conversation.authorization_model);
    if let Some(spec) = authorization_spec {
        conversation.authorization_spec = spec;
    }
}

fn touch(conversation: &mut Conversation) {
    conversation.updated_at = clock::now_after(conversation.created_at, Some(conversation.updated_at));
}

fn is_of(conversation: &Conversation, status: ConversationStatus) -> bool {
    match status {
        ConversationStatus::Active => conversation.archived_at.is_none(),
        ConversationStatus::Archived => conversation.archived_at.is_some(),
        ConversationStatus::All => true,
    }
}

fn wants(row: &Row, filter: &CompactionFilter) -> bool {
    let conversation = &row.conversation;
    let messages = row.messages.iter().filter(|message| message.deleted_at.is_none()).count();
    conversation.archived_at.is_none()
        && filter.tenant_id.is_none_or(|tenant| tenant == conversation.tenant_id)
        && filter.idle_since.is_none_or(|since| conversation.last_activity() <= clock::kept(since))
        && u32::try_from(messages).unwrap_or(u32::MAX) >= filter.min_messages
}
