//! Conversations and messages as columns of rows, for every SQL database.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;

use super::access::{not_found, permit};
use super::{Conversation, Message, Trace, may_read};
use crate::backend::row;
use crate::{ConversationId, MessageId, PathId, StoreError, StoreErrorKind, TenantId, UserId};

row! {
    pub(super) struct ConversationRow {
        id: ConversationId,
        tenant_id: TenantId,
        user_id: Option<UserId>,
        share_audience: String,
        tenant_access: String,
        authorization_model: String,
        authorization_spec: Json<Value>,
        persona_id: Option<String>,
        jurisdictions: Json<Vec<String>>,
        title: Option<String>,
        active_path_id: Option<PathId>,
        archived_at: Option<DateTime<Utc>>,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        last_message_at: Option<DateTime<Utc>>,
        trace_id: Option<String>,
        root_span_name: Option<String>,
        root_span_id: Option<String>,
    }
}

row! {
    pub(super) struct MessageRow {
        id: MessageId,
        conversation_id: ConversationId,
        role: String,
        content: String,
        metadata: Json<Value>,
        user_id: Option<UserId>,
        trace_id: Option<String>,
        root_span_name: Option<String>,
        root_span_id: Option<String>,
        created_at: DateTime<Utc>,
        deleted_at: Option<DateTime<Utc>>,
    }
}

impl ConversationRow {
    fn into_conversation(self, operation: &'static str) -> Result<Conversation, StoreError> {
        let id = self.id;
        Ok(Conversation {
            id,
            tenant_id: self.tenant_id,
            user_id: self.user_id,
            share_audience: word(&self.share_audience, operation, "conversation", id)?,
            tenant_access: word(&self.tenant_access, operation, "conversation", id)?,
            authorization_model: word(&self.authorization_model, operation, "conversation", id)?,
            authorization_spec: self.authorization_spec.0,
            persona_id: self.persona_id,
            jurisdictions: self.jurisdictions.0,
            title: self.title,
            active_path_id: self.active_path_id,
            archived_at: self.archived_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_message_at: self.last_message_at,
            trace: Trace {
                trace_id: self.trace_id,
                root_span_name: self.root_span_name,
                root_span_id: self.root_span_id,
            },
        })
    }
}

impl MessageRow {
    fn into_message(self, operation: &'static str) -> Result<Message, StoreError> {
        Ok(Message {
            id: self.id,
            conversation_id: self.conversation_id,
            role: word(&self.role, operation, "message", self.id)?,
            content: self.content,
            metadata: self.metadata.0,
            user_id: self.user_id,
            trace: Trace {
                trace_id: self.trace_id,
                root_span_name: self.root_span_name,
                root_span_id: self.root_span_id,
            },
            created_at: self.created_at,
            deleted_at: self.deleted_at,
        })
    }
}

fn word<T: FromStr<Err = StoreError>>(
    text: &str,
    operation: &'static str,
    what: &str,
    id: impl Display,
) -> Result<T, StoreError> {
    text.parse()
        .map_err(|why| StoreError::new(StoreErrorKind::Corrupt, operation, format!("{what} {id}")).with_source(why))
}

/// The conversation, if the user may see it.
pub(super) fn readable(
    row: Option<ConversationRow>,
    user: Option<UserId>,
    operation: &'static str,
) -> Result<Option<Arc<Conversation>>, StoreError> {
    let found = row.map(|row| row.into_conversation(operation)).transpose()?;
    Ok(found.filter(|found| may_read(found, user)).map(Arc::new))
}

/// The conversation that a transaction is about to change, if `allowed` permits it.
///
/// Nothing is written yet.
pub(super) fn permitted(
    row: Option<ConversationRow>,
    user: Option<UserId>,
    operation: &'static str,
    allowed: impl FnOnce(&Conversation) -> bool,
) -> Result<Conversation, StoreError> {
    let row = row.ok_or_else(|| not_found(operation))?;
    let found = row.into_conversation(operation).map_err(StoreError::before_commit)?;
    permit(&found, user, operation, allowed(&found))?;
    Ok(found)
}

/// All conversations of a list.
pub(super) fn conversations(
    rows: Vec<ConversationRow>,
    operation: &'static str,
) -> Result<Vec<Arc<Conversation>>, StoreError> {
    rows.into_iter().map(|row| row.into_conversation(operation).map(Arc::new)).collect()
}

/// All messages of a list that was read from its end.
pub(super) fn messages(rows: Vec<MessageRow>, operation: &'static str) -> Result<Vec<Message>, StoreError> {
    rows.into_iter().rev().map(|row| row.into_message(operation)).collect()
}
