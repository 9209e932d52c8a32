//! Single conversations: reads return them as they were created, shared and archived.

use serde_json::{Value, json};

use super::super::checks::Checks;
use super::samples::{TEXTS, full, objects, trace};
use crate::conversation::{
    AuthorizationModel, Conversation, ConversationStore, MessageRole, NewConversation, NewMessage, ShareAudience,
    SharingUpdate, TenantAccess, Trace,
};
use crate::{ConversationId, MessageId, StoreError, StoreErrorKind, TenantId, UserId};

/// The conversation as its owner sees it.
pub(super) async fn get(
    store: &dyn ConversationStore,
    new: &NewConversation,
    id: ConversationId,
) -> Result<Conversation, StoreError> {
    let found = store.get_conversation(new.tenant_id, id, new.user_id).await?;
    Ok((*found.expect("its owner sees it")).clone())
}

pub(super) async fn round_trips(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    for new in samples() {
        let id = store.create_conversation(&new).await?;
        let found = get(store, &new, id).await?;
        checks.equal("a conversation is as it was created", &found, &expected(id, &new, &found));
        checks.equal("its times are one", &found.created_at, &found.updated_at);
        checks.equal("its times have microseconds", &(found.created_at.timestamp_subsec_nanos() % 1000), &0);
        checks.equal("its creation is its first activity", &found.last_activity(), &found.created_at);
        checks.equal("a second read finds the same", &get(store, &new, id).await?, &found);
    }
    Ok(())
}

fn samples() -> Vec<NewConversation> {
    let (tenant, owner) = (TenantId::random(), UserId::random());
    let nothing = NewConversation::new(tenant, None);
    let mut samples =
        vec![nothing.clone(), NewConversation::new(tenant, Some(owner)), full(tenant, Some(owner)), full(tenant, None)];
    samples.extend(TEXTS.into_iter().chain(["long "]).map(|text| {
        let text = if text == "long " { text.repeat(20_000) } else { text.to_owned() };
        let (title, persona_id, jurisdictions) = (Some(text.clone()), Some(text.clone()), vec![text.clone()]);
        let trace =
            Trace { trace_id: Some(text.clone()), root_span_name: Some(text.clone()), root_span_id: Some(text) };
        NewConversation { persona_id, jurisdictions, title, trace, ..nothing.clone() }
    }));
    samples.extend(
        objects().into_iter().map(|authorization_spec| NewConversation { authorization_spec, ..nothing.clone() }),
    );
    samples
}

fn expected(id: ConversationId, new: &NewConversation, found: &Conversation) -> Conversation {
    let new = new.clone();
    Conversation {
        id,
        tenant_id: new.tenant_id,
        user_id: new.user_id,
        share_audience: new.share_audience,
        tenant_access: new.tenant_access,
        authorization_model: new.authorization_model,
        authorization_spec: new.authorization_spec,
        persona_id: new.persona_id,
        jurisdictions: new.jurisdictions,
        title: new.title,
        active_path_id: new.active_path_id,
        archived_at: None,
        created_at: found.created_at,
        updated_at: found.updated_at,
        last_message_at: None,
        trace: new.trace,
    }
}

pub(super) async fn absence(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let (tenant, id, user) = (TenantId::random(), ConversationId::random(), Some(UserId::random()));
    for user in [None, user] {
        checks.equal(
            "a conversation that was never created is absent",
            &store.get_conversation(tenant, id, user).await?,
            &None,
        );
        checks.equal("it has no messages", &store.get_messages(tenant, id, user, 10).await?, &Vec::new());
        cannot_be_changed(store, checks, (tenant, id, user)).await;
    }
    Ok(())
}

/// Checks that every change fails as if the conversation did not exist.
pub(super) async fn cannot_be_changed(
    store: &dyn ConversationStore,
    checks: &mut Checks,
    (tenant, id, user): (TenantId, ConversationId, Option<UserId>),
) {
    let not_found = StoreErrorKind::NotFound;
    for role in MessageRole::ALL {
        let message = NewMessage { user_id: user, ..NewMessage::new(tenant, id, *role, "x") };
        checks.fails("nothing is appended to it", store.append_message(&message).await, not_found);
    }
    let deleted = store.soft_delete_message(tenant, id, MessageId::random(), user).await;
    checks.fails("nothing of it is deleted", deleted, not_found);
    let shared = store.update_sharing(tenant, id, user, &SharingUpdate::default()).await;
    checks.fails("it is not shared", shared, not_found);
    for archived in [true, false] {
        let changed = store.set_archived_state(tenant, id, user, archived).await;
        checks.fails("it is not archived", changed, not_found);
    }
}

pub(super) async fn sharing(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let new = NewConversation::new(TenantId::random(), Some(UserId::random()));
    let id = store.create_conversation(&new).await?;
    let mut known = get(store, &new, id).await?;
    for update in updates() {
        store.update_sharing(new.tenant_id, id, new.user_id, &update).await?;
        let found = get(store, &new, id).await?;
        let later = found.updated_at;
        checks.holds("a change moves updated_at on", later > known.updated_at);
        known = shared(known, update);
        checks.equal("only the given fields are changed", &found, &Conversation { updated_at: later, ..known.clone() });
        known.updated_at = later;
    }
    Ok(())
}

fn updates() -> Vec<SharingUpdate> {
    let nothing = SharingUpdate::default();
    let spec = |spec: Value| SharingUpdate { authorization_spec: Some(spec), ..SharingUpdate::default() };
    let mut updates = vec![
        nothing.clone(),
        SharingUpdate { share_audience: Some(ShareAudience::Tenant), ..nothing.clone() },
        SharingUpdate { tenant_access: Some(TenantAccess::Edit), ..nothing.clone() },
        SharingUpdate { authorization_model: Some(AuthorizationModel::Openfga), ..nothing.clone() },
        spec(json!({ "fallback_audience": "public", "kept": false })),
        spec(json!({ "other": 1 })),
        nothing,
        SharingUpdate {
            share_audience: Some(ShareAudience::Private),
            tenant_access: Some(TenantAccess::View),
            authorization_model: Some(AuthorizationModel::Rbac),
            authorization_spec: Some(json!({})),
        },
    ];
    updates.extend(objects().into_iter().map(spec));
    updates
}

fn shared(was: Conversation, update: SharingUpdate) -> Conversation {
    Conversation {
        share_audience: update.share_audience.unwrap_or(was.share_audience),
        tenant_access: update.tenant_access.unwrap_or(was.tenant_access),
        authorization_model: update.authorization_model.unwrap_or(was.authorization_model),
        authorization_spec: update.authorization_spec.unwrap_or(was.authorization_spec),
        ..was
    }
}

pub(super) async fn archive(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let new = full(TenantId::random(), Some(UserId::random()));
    let id = store.create_conversation(&new).await?;
    let before = get(store, &new, id).await?;
    let set = async |archived| store.set_archived_state(new.tenant_id, id, new.user_id, archived).await;
    checks.equal("an active conversation is not made active", &set(false).await?, &false);
    checks.equal("nor is its row touched", &get(store, &new, id).await?, &before);
    checks.equal("it is archived", &set(true).await?, &true);
    let archived = get(store, &new, id).await?;
    checks.holds("since about when it was", archived.archived_at.is_some_and(|at| at >= before.created_at));
    checks.equal("it is archived once", &set(true).await?, &false);
    checks.equal("and keeps its time", &get(store, &new, id).await?, &archived);
    checks.equal("it is made active", &set(false).await?, &true);
    let active = get(store, &new, id).await?;
    let updated_at = active.updated_at;
    checks.equal("and is as it was", &active, &Conversation { updated_at, ..before });
    Ok(())
}

pub(super) async fn refuses(store: &dyn ConversationStore, checks: &mut Checks) -> Result<(), StoreError> {
    let good = full(TenantId::random(), None);
    let with = |change: fn(&mut NewConversation)| {
        let mut bad = good.clone();
        change(&mut bad);
        bad
    };
    for (names, bad) in [
        ("title", with(|new| new.title = Some("a\0".into()))),
        ("persona_id", with(|new| new.persona_id = Some("\0".into()))),
        ("a jurisdiction", with(|new| new.jurisdictions.push("x\0".into()))),
        ("trace_id", with(|new| new.trace.trace_id = Some("\0".into()))),
        ("root_span_name", with(|new| new.trace.root_span_name = Some("\0".into()))),
        ("root_span_id", with(|new| new.trace = Trace { root_span_id: Some("\0".into()), ..trace() })),
        ("authorization_spec has a NUL", with(|new| new.authorization_spec = json!({ "a": ["\0"] }))),
        ("authorization_spec is no JSON object", with(|new| new.authorization_spec = json!([]))),
    ] {
        checks.refused("a conversation that no database can store", store.create_conversation(&bad).await, names);
    }
    let id = store.create_conversation(&good).await?;
    let before = get(store, &good, id).await?;
    for bad in [Value::Null, json!("{}"), json!({ "\0": 1 })] {
        let sharing = SharingUpdate {
            authorization_spec: Some(bad),
            share_audience: Some(ShareAudience::Public),
            ..SharingUpdate::default()
        };
        let shared = store.update_sharing(good.tenant_id, id, None, &sharing).await;
        checks.refused("a specification that no database can store", shared, "authorization_spec");
    }
    checks.equal("a refused write changed nothing", &get(store, &good, id).await?, &before);
    Ok(())
}
