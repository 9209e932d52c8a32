//! What the store keeps, and what its methods take.
//!
//! Times have microseconds, the precision that Postgres keeps. JSON comes back as it was written, except that Postgres
//! keeps a number by its value: `1e16` may come back as `10000000000000000`.

use cache_core::CacheValue;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AuthorizationModel, MessageRole, ShareAudience, TenantAccess};
use crate::{ConversationId, MessageId, PathId, TenantId, UserId};

/// A conversation, without its messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CacheValue)]
pub struct Conversation {
    /// Its identifier.
    pub id: ConversationId,
    /// The tenant that it belongs to. It does not exist for any other one.
    pub tenant_id: TenantId,
    /// Its owner; `None` where it belongs to everybody of the tenant.
    pub user_id: Option<UserId>,
    /// Who may see it, where the model is [`Rbac`](AuthorizationModel::Rbac). See [`effective_audience`](Self::effective_audience).
    pub share_audience: ShareAudience,
    /// What users of the tenant may do with it, where its effective audience is the tenant.
    pub tenant_access: TenantAccess,
    /// Where it is decided who may see it.
    pub authorization_model: AuthorizationModel,
    /// What the model needs, a JSON object.
    pub authorization_spec: Value,
    /// The persona that answers in it.
    pub persona_id: Option<String>,
    /// The jurisdictions that it is subject to, in the order in which they were given.
    pub jurisdictions: Vec<String>,
    /// Its title.
    pub title: Option<String>,
    /// The path through its messages that is shown.
    pub active_path_id: Option<PathId>,
    /// Since when it is archived; `None` while it is active.
    pub archived_at: Option<DateTime<Utc>>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
    /// When its newest message was appended, deleted or not. It never goes back.
    pub last_message_at: Option<DateTime<Utc>>,
    /// The trace in which it was created.
    pub trace: Trace,
}

impl Conversation {
    /// What lists are ordered by: the newest message, or the creation where there is none.
    pub fn last_activity(&self) -> DateTime<Utc> {
        self.last_message_at.unwrap_or(self.created_at)
    }
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CacheValue)]
pub struct Message {
    /// Its identifier.
    pub id: MessageId,
    /// The conversation that it is part of.
    pub conversation_id: ConversationId,
    /// Who speaks.
    pub role: MessageRole,
    /// What is said.
    pub content: String,
    /// What else is known of it, a JSON object.
    pub metadata: Value,
    /// The user who wrote it, or on whose behalf it was written.
    pub user_id: Option<UserId>,
    /// The trace in which it was written.
    pub trace: Trace,
    /// When it was appended: no two messages of a conversation have the same time.
    pub created_at: DateTime<Utc>,
    /// When it was deleted. A deleted message keeps its row and is not returned any more.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Where in a distributed trace something was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, CacheValue)]
pub struct Trace {
    /// The trace.
    #[serde(default)]
    pub trace_id: Option<String>,
    /// The name of its first span.
    #[serde(default)]
    pub root_span_name: Option<String>,
    /// The first span.
    #[serde(default)]
    pub root_span_id: Option<String>,
}

/// A conversation to be created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewConversation {
    /// See [`Conversation::tenant_id`].
    pub tenant_id: TenantId,
    /// See [`Conversation::user_id`].
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// See [`Conversation::share_audience`]. Private by default.
    #[serde(default = "private")]
    pub share_audience: ShareAudience,
    /// See [`Conversation::tenant_access`]. View by default.
    #[serde(default = "view")]
    pub tenant_access: TenantAccess,
    /// See [`Conversation::authorization_model`]. Rbac by default.
    #[serde(default = "rbac")]
    pub authorization_model: AuthorizationModel,
    /// See [`Conversation::authorization_spec`]. An empty object by default.
    #[serde(default = "empty_object")]
    pub authorization_spec: Value,
    /// See [`Conversation::persona_id`].
    #[serde(default)]
    pub persona_id: Option<String>,
    /// See [`Conversation::jurisdictions`].
    #[serde(default)]
    pub jurisdictions: Vec<String>,
    /// See [`Conversation::title`].
    #[serde(default)]
    pub title: Option<String>,
    /// See [`Conversation::active_path_id`].
    #[serde(default)]
    pub active_path_id: Option<PathId>,
    /// See [`Conversation::trace`].
    #[serde(default)]
    pub trace: Trace,
}

impl NewConversation {
    /// A private conversation of this owner under rbac, with nothing else set.
    pub fn new(tenant_id: TenantId, user_id: Option<UserId>) -> Self {
        Self {
            tenant_id,
            user_id,
            share_audience: private(),
            tenant_access: view(),
            authorization_model: rbac(),
            authorization_spec: empty_object(),
            persona_id: None,
            jurisdictions: Vec::new(),
            title: None,
            active_path_id: None,
            trace: Trace::default(),
        }
    }
}

/// A message to be appended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewMessage {
    /// The tenant of the conversation.
    pub tenant_id: TenantId,
    /// See [`Message::conversation_id`].
    pub conversation_id: ConversationId,
    /// See [`Message::role`].
    pub role: MessageRole,
    /// See [`Message::content`].
    pub content: String,
    /// See [`Message::metadata`]. An empty object by default.
    #[serde(default = "empty_object")]
    pub metadata: Value,
    /// See [`Message::user_id`]. It is this user whose right to write is asked.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// See [`Message::trace`].
    #[serde(default)]
    pub trace: Trace,
}

impl NewMessage {
    /// A message that nobody in particular wrote, with nothing else set.
    pub fn new(
        tenant_id: TenantId,
        conversation_id: ConversationId,
        role: MessageRole,
        content: impl Into<String>,
    ) -> Self {
        Self {
            tenant_id,
            conversation_id,
            role,
            content: content.into(),
            metadata: empty_object(),
            user_id: None,
            trace: Trace::default(),
        }
    }
}

/// What of a conversation's sharing is to change; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SharingUpdate {
    /// See [`Conversation::share_audience`].
    #[serde(default)]
    pub share_audience: Option<ShareAudience>,
    /// See [`Conversation::tenant_access`].
    #[serde(default)]
    pub tenant_access: Option<TenantAccess>,
    /// See [`Conversation::authorization_model`].
    #[serde(default)]
    pub authorization_model: Option<AuthorizationModel>,
    /// See [`Conversation::authorization_spec`]; it is replaced as a whole.
    #[serde(default)]
    pub authorization_spec: Option<Value>,
}

/// Which conversations want their messages compacted. A conversation has to fit every field that is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CompactionFilter {
    /// Of this tenant; `None` for those of all tenants.
    #[serde(default)]
    pub tenant_id: Option<TenantId>,
    /// With at least this many messages that are not deleted.
    #[serde(default)]
    pub min_messages: u32,
    /// With no activity after this time; `None` whenever the last one was.
    #[serde(default)]
    pub idle_since: Option<DateTime<Utc>>,
}

fn private() -> ShareAudience {
    ShareAudience::Private
}

fn view() -> TenantAccess {
    TenantAccess::View
}

fn rbac() -> AuthorizationModel {
    AuthorizationModel::Rbac
}

fn empty_object() -> Value {
    Value::Object(Map::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_json_has_its_default() {
        let (tenant, conversation) = (TenantId::random(), ConversationId::random());
        let created: NewConversation = serde_json::from_value(serde_json::json!({ "tenant_id": tenant })).unwrap();
        assert_eq!(created, NewConversation::new(tenant, None));
        let json = serde_json::json!({
            "tenant_id": tenant, "conversation_id": conversation, "role": "user", "content": "hello",
        });
        let message: NewMessage = serde_json::from_value(json).unwrap();
        assert_eq!(message, NewMessage::new(tenant, conversation, MessageRole::User, "hello"));
        assert_eq!(serde_json::from_str::<SharingUpdate>("{}").unwrap(), SharingUpdate::default());
        assert_eq!(serde_json::from_str::<CompactionFilter>("{}").unwrap(), CompactionFilter::default());
    }
}
