//! Access to every kind of conversation: the store follows the pure rules.

use std::fmt::Debug;

use super::super::checks::Checks;
use super::rows::{cannot_be_changed, get};
use super::samples::kinds;
use crate::conversation::{
    Conversation, ConversationStatus, ConversationStore, MessageRole, NewConversation, NewMessage, SharingUpdate,
    may_administer, may_delete, may_read, may_write,
};
use crate::{ConversationId, MessageId, PageRequest, StoreError, StoreErrorKind, TenantId, UserId};

pub(super) async fn matrix(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let (tenant, owner, stranger) = (TenantId::random(), UserId::random(), UserId::random());
    for new in kinds(tenant, owner) {
        let id = store.create_conversation(&new).await?;
        let row = get(store, &new, id).await?;
        store.append_message(&NewMessage::new(tenant, id, MessageRole::System, "x")).await?;
        for user in [None, Some(owner), Some(stranger)] {
            reads(store, checks, &row, user).await?;
            writes(store, checks, &row, user).await?;
        }
    }
    Ok(())
}

async fn reads(
    store: &dyn ConversationStore,
    checks: &mut Checks,
    row: &Conversation,
    user: Option<UserId>,
) -> Result<(), StoreError> {
    let may = may_read(row, user);
    let what = format!("{row:?} as {user:?}");
    let owner = store.get_conversation(row.tenant_id, row.id, row.user_id).await?;
    checks.holds("its owner sees it, and a decorator has it cached from here on", owner.is_some());
    for _ in 0..2 {
        let found = store.get_conversation(row.tenant_id, row.id, user).await?;
        checks.equal(&what, &found.map(|found| found.id), &may.then_some(row.id));
    }
    let messages = store.get_messages(row.tenant_id, row.id, user, 1).await?;
    checks.equal(&what, &messages.len(), &usize::from(may));
    checks.equal(&what, &is_listed(store, row, user).await?, &may);
    Ok(())
}

/// Whether a conversation is on the first page, which has the most recent ones.
async fn is_listed(
    store: &dyn ConversationStore,
    row: &Conversation,
    user: Option<UserId>,
) -> Result<bool, StoreError> {
    let all = ConversationStatus::All;
    let page = store.list_conversations(row.tenant_id, user, all, &PageRequest::first(1)).await?;
    Ok(page.items.iter().any(|listed| listed.id == row.id))
}

async fn writes(
    store: &dyn ConversationStore,
    checks: &mut Checks,
    row: &Conversation,
    user: Option<UserId>,
) -> Result<(), StoreError> {
    let (tenant, id) = (row.tenant_id, row.id);
    for role in MessageRole::ALL {
        let message = NewMessage { user_id: user, ..NewMessage::new(tenant, id, *role, "x") };
        let appended = store.append_message(&message).await;
        follows(checks, appended, row, user, may_write(row, *role, user));
    }
    let target = store.append_message(&NewMessage::new(tenant, id, MessageRole::Assistant, "x")).await?;
    let deleted = store.soft_delete_message(tenant, id, target, user).await;
    follows(checks, deleted, row, user, may_delete(row, user));
    let shared = store.update_sharing(tenant, id, user, &SharingUpdate::default()).await;
    follows(checks, shared, row, user, may_administer(row, user));
    let archived = store.set_archived_state(tenant, id, user, false).await;
    follows(checks, archived, row, user, may_administer(row, user));
    Ok(())
}

/// Whether the outcome of a change is the one that the rules require.
fn follows<T: Debug>(
    checks: &mut Checks,
    outcome: Result<T, StoreError>,
    row: &Conversation,
    user: Option<UserId>,
    may: bool,
) {
    let what = format!("{row:?} as {user:?}");
    if may {
        checks.equal(&what, &outcome.err().map(|error| error.to_string()), &None);
    } else {
        let seen = may_read(row, user);
        let kind = if seen { StoreErrorKind::Forbidden } else { StoreErrorKind::NotFound };
        checks.fails(&what, outcome, kind);
    }
}

pub(super) async fn other_tenants(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let (tenant, owner, other) = (TenantId::random(), UserId::random(), TenantId::random());
    for new in kinds(tenant, owner) {
        let id = store.create_conversation(&new).await?;
        let message = store.append_message(&NewMessage::new(tenant, id, MessageRole::System, "x")).await?;
        let before = get(store, &new, id).await?;
        for user in [None, Some(owner)] {
            is_hidden(store, checks, (other, id, user)).await?;
            cannot_be_changed(store, checks, (other, id, user)).await;
            let deleted = store.soft_delete_message(other, id, message, user).await;
            checks.fails("its messages are not deleted", deleted, StoreErrorKind::NotFound);
        }
        unchanged(store, checks, (&new, &before, message)).await?;
    }
    Ok(())
}

async fn is_hidden(
    store: &dyn ConversationStore,
    checks: &mut Checks,
    (tenant, id, user): (TenantId, ConversationId, Option<UserId>),
) -> Result<(), StoreError> {
    for _ in 0..2 {
        checks.equal("another tenant does not see it", &store.get_conversation(tenant, id, user).await?, &None);
    }
    checks.equal("nor its messages", &store.get_messages(tenant, id, user, 5).await?, &Vec::new());
    let listed = store.list_conversations(tenant, user, ConversationStatus::All, &PageRequest::first(5)).await?;
    checks.holds("nor is it listed there", listed.items.is_empty());
    Ok(())
}

async fn unchanged(
    store: &dyn ConversationStore,
    checks: &mut Checks,
    (new, before, message): (&NewConversation, &Conversation, MessageId),
) -> Result<(), StoreError> {
    checks.equal("another tenant changed nothing", &get(store, new, before.id).await?, before);
    let messages = store.get_messages(new.tenant_id, before.id, new.user_id, 5).await?;
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    checks.equal("and no message", &ids, &vec![message]);
    Ok(())
}
