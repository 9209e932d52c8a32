//! The trait, and what of it is cached.

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
/// [`NotFound`](crate::StoreErrorKind::NotFound), and both look as they would if it were not there. The rules are
/// [`may_read`](super::may_read()), [`may_write`](super::may_write()), [`may_delete`](super::may_delete()) and
/// [`may_administer`](super::may_administer()); a user of `None` is told of there.
///
/// An archived conversation is read, written and shared like any other; only lists and compaction pass over it.
///
/// The errors of every method: [`Unavailable`](crate::StoreErrorKind::Unavailable) and
/// [`Timeout`](crate::StoreErrorKind::Timeout) where the database does not answer, and
/// [`Corrupt`](crate::StoreErrorKind::Corrupt) for a row that does not fit its type.
///
/// # Cancellation
///
/// Whether a change is made is unknown after its future was dropped; it is never made in part.
#[cached_store(namespace = "copilot:conv")]
#[async_trait]
pub trait ConversationStore: Send + Sync {
    /// Creates a conversation under a new random identifier.
    ///
    /// Nothing is cached of it that could be out of date: nobody could ask for the identifier before, and an absence is
    /// never cached, since it may only mean that the conversation is not for the one who asked.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for text with a NUL character, and for a specification that
    /// is no JSON object, has a NUL in it, or nests deeper than 64 levels; and those of the trait.
    #[uncached]
    async fn create_conversation(&self, conversation: &NewConversation) -> Result<ConversationId, StoreError>;

    /// A conversation, if `user` may see it.
    ///
    /// The entry is the same for every user, and the rule is asked at every hit.
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

    /// Appends a message, and moves the conversation's [`last_message_at`](Conversation::last_message_at) to its time.
    ///
    /// The right to write is asked of the row that is changed, in the same transaction: no change of the sharing comes
    /// between. Messages that are appended at once get times of their own, one after the other.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::StoreErrorKind::NotFound) where the message's user may not see the conversation,
    /// [`Forbidden`](crate::StoreErrorKind::Forbidden) where they may see it and not write,
    /// [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for content with a NUL character, and for metadata that is
    /// no JSON object, has a NUL in it, or nests deeper than 64 levels; and those of the trait.
    #[invalidates(get_conversation(message.tenant_id, message.conversation_id))]
    async fn append_message(&self, message: &NewMessage) -> Result<MessageId, StoreError>;

    /// Deletes a message: its row stays, and no read returns it any more. Returns whether there was one.
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

    /// Changes who may see and write a conversation.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::StoreErrorKind::NotFound) where the user may not see the conversation,
    /// [`Forbidden`](crate::StoreErrorKind::Forbidden) where they may see it and not
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

    /// Archives a conversation, or makes it active again. Returns whether it was not so before; one that was keeps the
    /// time of its archiving.
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

    /// The newest messages of a conversation that are not deleted, at most `limit`, the oldest of them first. None where
    /// `user` may not see the conversation, as where it has none.
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

    /// A page of the conversations that `user` may see, by their [last activity](Conversation::last_activity), the newest
    /// first.
    ///
    /// Activity only ever moves a conversation towards the beginning. So no conversation is listed twice, and each that
    /// was there before the first page and is not touched until the last one is listed once.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::StoreErrorKind::InvalidInput) for a limit out of range and for a cursor that this list, of
    /// the same tenant, user and status, did not give; and those of the trait.
    #[uncached]
    async fn list_conversations(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
        status: ConversationStatus,
        page: &PageRequest,
    ) -> Result<Page<Arc<Conversation>>, StoreError>;

    /// Conversations that are not archived and that `filter` asks for, at most `limit`, those first that have been idle
    /// for longest.
    ///
    /// For the service itself: it asks for no user, and, where the filter names no tenant, goes over all of them.
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

/// What a miss asks, asked of a hit. The key has the tenant in it: that it is the row's is made sure of all the same.
#[expect(clippy::ref_option, reason = "generated code passes references")]
fn visible_to(
    found: &Arc<Conversation>,
    tenant: &TenantId,
    conversation: &ConversationId,
    user: &Option<UserId>,
) -> bool {
    found.tenant_id == *tenant && found.id == *conversation && may_read(found, *user)
}
