//! Lists: their order, their pages while rows move, and candidates for compaction.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::TimeDelta;

use super::super::checks::Checks;
use super::rows::get;
use crate::conversation::{
    CompactionFilter, Conversation, ConversationStatus, ConversationStore, MessageRole, NewConversation, NewMessage,
};
use crate::{ConversationId, Cursor, MAX_PAGE_LIMIT, PageRequest, StoreError, TenantId, UserId};

const ALL: ConversationStatus = ConversationStatus::All;

/// Creates conversations that belong to all users of a tenant.
async fn created(
    store: &dyn ConversationStore,
    tenant: TenantId,
    count: usize,
) -> Result<Vec<ConversationId>, StoreError> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(store.create_conversation(&NewConversation::new(tenant, None)).await?);
    }
    Ok(ids)
}

async fn touch(store: &dyn ConversationStore, tenant: TenantId, id: ConversationId) -> Result<(), StoreError> {
    store.append_message(&NewMessage::new(tenant, id, MessageRole::User, "hello")).await.map(drop)
}

fn ids(conversations: &[Arc<Conversation>]) -> Vec<ConversationId> {
    conversations.iter().map(|conversation| conversation.id).collect()
}

pub(super) async fn pages(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let tenant = TenantId::random();
    let empty = store.list_conversations(tenant, None, ALL, &PageRequest::first(5)).await?;
    checks.holds("an empty list is one empty page", empty.items.is_empty() && empty.next.is_none());
    let created = created(store, tenant, 7).await?;
    for touched in [5, 0, 3] {
        touch(store, tenant, created[touched]).await?;
    }
    let begin = [3, 0, 5].map(|touched| created[touched]);
    for limit in [1, 2, 3, 6, 7, 8, MAX_PAGE_LIMIT] {
        let found = walk(store, checks, tenant, limit).await?;
        checks.equal("each conversation is listed once", &found.len(), &7);
        checks.equal("the latest message is first", &ids(&found[..3]), &begin.to_vec());
        let falling = found.windows(2).all(|pair| position(&pair[0]) > position(&pair[1]));
        checks.holds("by the last activity, and by the id if that is the same", falling);
    }
    Ok(())
}

fn position(conversation: &Conversation) -> (chrono::DateTime<chrono::Utc>, ConversationId) {
    (conversation.last_activity(), conversation.id)
}

async fn walk(
    store: &dyn ConversationStore,
    checks: &mut Checks,
    tenant: TenantId,
    limit: u32,
) -> Result<Vec<Arc<Conversation>>, StoreError> {
    let mut found = Vec::new();
    let mut request = PageRequest::first(limit);
    loop {
        let page = store.list_conversations(tenant, None, ALL, &request).await?;
        checks.holds("a page holds no more than its limit", page.items.len() <= limit as usize);
        found.extend(page.items.iter().cloned());
        let Some(next) = page.next else { return Ok(found) };
        checks.holds("a page that is followed by another is full", page.items.len() == limit as usize);
        request = PageRequest::after(limit, next);
    }
}

/// Adds and changes rows between two pages.
///
/// One row is added, one that was listed is written to, and so is one that was not listed yet.
pub(super) async fn pages_while_rows_are_added(
    store: &dyn ConversationStore,
    checks: &mut Checks,
) -> Result<(), StoreError> {
    let tenant = TenantId::random();
    let mut waiting = created(store, tenant, 12).await?;
    let mut untouched: HashSet<_> = waiting.iter().copied().collect();
    let mut listed = Vec::new();
    let mut request = PageRequest::first(2);
    loop {
        let page = store.list_conversations(tenant, None, ALL, &request).await?;
        let found = ids(&page.items);
        waiting.retain(|id| !found.contains(id));
        listed.extend(found.iter().copied());
        let Some(next) = page.next else { break };
        request = PageRequest::after(2, next);
        created(store, tenant, 1).await?;
        touch(store, tenant, found[0]).await?;
        if waiting.len() > 4 {
            let moved = waiting.remove(waiting.len() / 2);
            untouched.remove(&moved);
            touch(store, tenant, moved).await?;
        }
    }
    let once: HashSet<_> = listed.iter().copied().collect();
    checks.equal("no conversation is listed twice", &listed.len(), &once.len());
    checks.equal("one that was not touched is not lost", &untouched.difference(&once).count(), &0);
    checks.holds("the pages went on", listed.len() >= untouched.len() && untouched.len() < 12);
    Ok(())
}

pub(super) async fn statuses(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let tenant = TenantId::random();
    let mut created = created(store, tenant, 4).await?;
    for archived in &created[1..3] {
        store.set_archived_state(tenant, *archived, None, true).await?;
    }
    let list = async |status| {
        let page = store.list_conversations(tenant, None, status, &PageRequest::first(9)).await?;
        let mut found = ids(&page.items);
        found.sort();
        Ok::<_, StoreError>(found)
    };
    let sorted = |mut some: Vec<ConversationId>| {
        some.sort();
        some
    };
    let archived = sorted(created[1..3].to_vec());
    let active = sorted(vec![created[0], created[3]]);
    created.sort();
    checks.equal("the active ones", &list(ConversationStatus::Active).await?, &active);
    checks.equal("the archived ones", &list(ConversationStatus::Archived).await?, &archived);
    checks.equal("all of them", &list(ALL).await?, &created);
    store.set_archived_state(tenant, archived[0], None, false).await?;
    checks.equal("one that is active again", &list(ConversationStatus::Archived).await?, &archived[1..].to_vec());
    Ok(())
}

pub(super) async fn refuses(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let (tenant, other) = (TenantId::random(), TenantId::random());
    created(store, tenant, 2).await?;
    for limit in [0, MAX_PAGE_LIMIT + 1, u32::MAX] {
        let page = PageRequest::first(limit);
        checks.refused("a limit out of range", store.list_conversations(tenant, None, ALL, &page).await, "limit");
    }
    for text in ["", "x", "00", "0102030405060708090a0b0c0d0e0f1011", "'; DROP TABLE conversations; --"] {
        let Ok(cursor) = text.parse::<Cursor>();
        let page = PageRequest::after(5, cursor);
        checks.refused("a broken cursor", store.list_conversations(tenant, None, ALL, &page).await, "cursor");
    }
    let first = store.list_conversations(tenant, None, ALL, &PageRequest::first(1)).await?;
    let page = PageRequest::after(1, first.next.expect("two are more than one"));
    for (tenant, user, status) in
        [(other, None, ALL), (tenant, Some(UserId::random()), ALL), (tenant, None, ConversationStatus::Active)]
    {
        let listed = store.list_conversations(tenant, user, status, &page).await;
        checks.refused("the cursor of another list", listed, "another list");
    }
    checks.equal("its own list takes it", &store.list_conversations(tenant, None, ALL, &page).await?.items.len(), &1);
    Ok(())
}

pub(super) async fn compaction(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let tenant = TenantId::random();
    let created = created(store, tenant, 4).await?;
    for (id, messages) in created.iter().zip([3, 0, 2, 3]) {
        for _ in 0..messages {
            touch(store, tenant, *id).await?;
        }
    }
    store.set_archived_state(tenant, created[3], None, true).await?;
    let [three, none, two, archived] = [created[0], created[1], created[2], created[3]];
    let of_tenant = CompactionFilter { tenant_id: Some(tenant), ..CompactionFilter::default() };
    let list = async |filter: CompactionFilter, limit| {
        store.conversations_needing_compaction(&filter, limit).await.map(|found| ids(&found))
    };
    let at_least = |min_messages| CompactionFilter { min_messages, ..of_tenant };

    checks.equal("the longest idle are first", &list(of_tenant, 9).await?, &vec![none, three, two]);
    checks.equal("with one message", &list(at_least(1), 9).await?, &vec![three, two]);
    checks.equal("with three", &list(at_least(3), 9).await?, &vec![three]);
    checks.equal("with more than any has", &list(at_least(4), 9).await?, &vec![]);
    checks.equal("as many as its limit", &list(of_tenant, 2).await?, &vec![none, three]);
    let everywhere = list(CompactionFilter { tenant_id: None, ..at_least(3) }, MAX_PAGE_LIMIT).await?;
    checks.holds("over all tenants", everywhere.contains(&three) && !everywhere.contains(&archived));
    idle(store, checks, (&of_tenant, three, two)).await?;

    let newest = store.get_messages(tenant, three, None, 1).await?.remove(0);
    store.soft_delete_message(tenant, three, newest.id, None).await?;
    checks.equal("a deleted message does not count", &list(at_least(3), 9).await?, &vec![]);
    for limit in [0, MAX_PAGE_LIMIT + 1] {
        checks.refused("a limit out of range", list(of_tenant, limit).await, "limit");
    }
    Ok(())
}

async fn idle(
    store: &dyn ConversationStore,
    checks: &mut Checks,
    (of_tenant, earlier, later): (&CompactionFilter, ConversationId, ConversationId),
) -> Result<(), StoreError> {
    let new = NewConversation::new(of_tenant.tenant_id.unwrap_or(TenantId::random()), None);
    let last = get(store, &new, earlier).await?.last_activity();
    let ids_idle_since = async |since| {
        let filter = CompactionFilter { min_messages: 1, idle_since: Some(since), ..*of_tenant };
        store.conversations_needing_compaction(&filter, 9).await.map(|found| ids(&found))
    };
    checks.equal("idle since its last activity", &ids_idle_since(last).await?, &vec![earlier]);
    checks.equal("not before it", &ids_idle_since(last - TimeDelta::microseconds(1)).await?, &vec![]);
    checks.equal(
        "idle at the end of time",
        &ids_idle_since(chrono::DateTime::<chrono::Utc>::MAX_UTC).await?,
        &vec![earlier, later],
    );
    checks.equal(
        "idle before its beginning",
        &ids_idle_since(chrono::DateTime::<chrono::Utc>::MIN_UTC).await?,
        &vec![],
    );
    Ok(())
}
