//! The trait of the conversation store, with its cache annotations.

use std::sync::Arc;

use async_trait::async_trait;
use cache_core::cached_store;

use super::{
    CompactionFilter, Conversation, ConversationStatus, Message, NewConversation, NewMessage, SharingUpdate, may_read,
};
use crate::{ConversationId, MessageId, Page, PageRequest, StoreError, TenantId, UserId};

/// The conversations of all tenants, and their messages.
///
/// Every method takes the tenant of the caller, from a verified source. A conversation of another tenant does not exist
/// for the caller, and neither does one that the caller may not see: reads return nothing, changes fail with
/// [`NotFound`](crate::StoreErrorKind::NotFound), and both are indistinguishable from those of a missing one. The rules
/// are [`may_read`](super::may_read()), [`may_write`](super::may_write()), [`may_delete`](super::may_delete()) and
/// [`may_administer`](super::may_administer()), which document a user of `None`.
///
/// An archived conversation is read, written and shared like any other; only lists and compaction skip it.
///
/// The errors of every method: [`Unavailable`](crate::StoreErrorKind::Unavailable) and
/// [`Timeout`](crate::StoreErrorKind::Timeout) if the database does not answer, and
/// [`Corrupt`](crate::StoreErrorKind::Corrupt) for a row that does not fit its type.
///
/// # Cancellation
///
/// If the future of a change is dropped, its outcome is unknown; it is never applied in part.
#[cached_store(namespace = "copilot:conv")]
#[async_trait]
pub trait ConversationStore: Send + Sync {
    /// Creates a conversation under a new random identifier.
    ///
    /// No cached entry can become stale: no call could name the identifier before, and an absence is never cached,
    /// since it may only mean that the user of that call may not see the conversation.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for text with a NUL character, and for a specification that
    /// is no JSON object, has a NUL in it, or nests deeper than 64 levels; and those of the trait.
    #[uncached]
    async fn create_conversation(&self, conversation: &NewConversation) -> Result<ConversationId, StoreError>;

    /// Returns a conversation, if `user` may see it.
    ///
    /// The entry is the same for every user, and every hit checks the rule.
    ///
    /// # Errors
    ///
    /// Those of the trait.
    #[cached(
        entity = "conversation", key(tenant, conversation), ignore(user), ttl = "1m", visible_if = visible_to
    )]
    async fn get_conversation(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
    ) -> Result<Option<Arc<Conversation>>, StoreError>;

    /// Appends a message.
    ///
    /// This sets the conversation's [`last_message_at`](Conversation::last_message_at) to the time of the message.
    ///
    /// The right to write is checked on the changed row in the same transaction, so no change of the sharing can happen
    /// in between. Messages that are appended concurrently get distinct, increasing times.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::StoreErrorKind::NotFound) if the message's user may not see the conversation,
    /// [`Forbidden`](crate::StoreErrorKind::Forbidden) if the user may see it and not write,
    /// [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for content with a NUL character, and for metadata that is
    /// no JSON object, has a NUL in it, or nests deeper than 64 levels; and those of the trait.
    #[invalidates(get_conversation(message.tenant_id, message.conversation_id))]
    async fn append_message(&self, message: &NewMessage) -> Result<MessageId, StoreError>;

    /// Deletes a message. Returns whether there was one.
    ///
    /// The row stays, and no read returns it any more.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::StoreErrorKind::NotFound) and [`Forbidden`](crate::StoreErrorKind::Forbidden) as for
    /// [`append_message`](Self::append_message); and those of the trait.
    #[invalidates(get_conversation(tenant, conversation))]
    async fn soft_delete_message(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        message: MessageId,
        user: Option<UserId>,
    ) -> Result<bool, StoreError>;

    /// Changes the sharing of a conversation: which users may see and write it.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::StoreErrorKind::NotFound) if the user may not see the conversation,
    /// [`Forbidden`](crate::StoreErrorKind::Forbidden) if the user may see it and not
    /// [administer](super::may_administer()) it, [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for a
    /// specification that [`create_conversation`](Self::create_conversation) refuses; and those of the trait.
    #[invalidates(get_conversation(tenant, conversation))]
    async fn update_sharing(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        sharing: &SharingUpdate,
    ) -> Result<(), StoreError>;

    /// Archives a conversation, or makes it active again. Returns whether this changed it.
    ///
    /// An archived conversation that is archived again keeps its first time.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::StoreErrorKind::NotFound) and [`Forbidden`](crate::StoreErrorKind::Forbidden) as for
    /// [`update_sharing`](Self::update_sharing); and those of the trait.
    #[invalidates(get_conversation(tenant, conversation))]
    async fn set_archived_state(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        archived: bool,
    ) -> Result<bool, StoreError>;

    /// Returns the newest messages of a conversation, at most `limit`, the oldest first.
    ///
    /// Deleted messages are omitted. The list is empty if `user` may not see the conversation, as if it had no
    /// messages.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for a limit that is not from 1 to
    /// [`MAX_PAGE_LIMIT`](crate::MAX_PAGE_LIMIT); and those of the trait.
    #[uncached]
    async fn get_messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        user: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError>;

    /// Returns a page of the conversations that `user` may see, the newest first.
    ///
    /// The order is that of their [last activity](Conversation::last_activity).
    ///
    /// Activity only moves a conversation towards the beginning. So no conversation is listed twice, and each that
    /// existed before the first page and does not change until the last one is listed once.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for a limit out of range and for a cursor that this list,
    /// of the same tenant, user and status, did not return; and those of the trait.
    #[uncached]
    async fn list_conversations(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
        status: ConversationStatus,
        page: &PageRequest,
    ) -> Result<Page<Arc<Conversation>>, StoreError>;

    /// Returns conversations for compaction, at most `limit`, the longest idle first.
    ///
    /// They match `filter` and are not archived.
    ///
    /// For the service itself: it checks no user, and covers all tenants if the filter names none.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for a limit that is not from 1 to
    /// [`MAX_PAGE_LIMIT`](crate::MAX_PAGE_LIMIT); and those of the trait.
    #[uncached]
    async fn conversations_needing_compaction(
        &self,
        filter: &CompactionFilter,
        limit: u32,
    ) -> Result<Vec<Arc<Conversation>>, StoreError>;
}

/// The check of a miss, for a hit.
///
/// The key contains the tenant, and the check still compares it with the row's.
#[expect(clippy::ref_option, reason = "generated code passes references")]
fn visible_to(
    found: &Arc<Conversation>,
    tenant: &TenantId,
    conversation: &ConversationId,
    user: &Option<UserId>,
) -> bool {
    found.tenant_id == *tenant && found.id == *conversation && may_read(found, *user)
}
