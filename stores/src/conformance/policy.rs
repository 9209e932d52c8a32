//! The suite of [`PolicyStore`].

use std::collections::BTreeMap;

use uuid::Uuid;

use super::checks::Checks;
use crate::policy::{EgressMode, PolicyStore, TaskPolicy, TenantPolicy, UserPolicy};
use crate::{Cursor, MAX_PAGE_LIMIT, PageRequest, StoreError, TenantId, UserId};

/// Checks that `store` fulfils [`PolicyStore`]. Returns the number of checks.
///
/// # Errors
///
/// The first error of a call that has to succeed.
///
/// # Panics
///
/// At the first check that fails; if `store` already holds policies.
pub async fn policy_store(store: &dyn PolicyStore) -> Result<usize, StoreError> {
    let mut checks = Checks::default();
    checks.equal("the suite begins with no policies", &store.count_policies().await?, &0);
    absence(store, &mut checks).await?;
    round_trips(store, &mut checks).await?;
    replaces(store, &mut checks).await?;
    separates_tenants(store, &mut checks).await?;
    reads_many(store, &mut checks).await?;
    deletes(store, &mut checks).await?;
    refuses(store, &mut checks).await?;
    pages(store, &mut checks).await?;
    refuses_pages(store, &mut checks).await?;
    checks.equal("the suite leaves no policies", &store.count_policies().await?, &0);
    Ok(checks.made())
}

async fn absence(store: &dyn PolicyStore, checks: &mut Checks) -> Result<(), StoreError> {
    let tenant = TenantId::random();
    checks.equal("a tenant without a policy has none", &store.get_policy(tenant).await?, &None);
    checks.equal("there is nothing to delete", &store.delete_policy(tenant).await?, &false);
    let policy = TenantPolicy::new(tenant, "small", "local");
    store.set_policy(&policy).await?;
    let found = store.get_policy(tenant).await?;
    checks.equal("a policy is found after its absence was seen", &found.as_deref(), &Some(&policy));
    store.delete_policy(tenant).await?;
    Ok(())
}

async fn round_trips(store: &dyn PolicyStore, checks: &mut Checks) -> Result<(), StoreError> {
    for (what, policy) in samples() {
        store.set_policy(&policy).await?;
        let found = store.get_policy(policy.tenant_id).await?;
        checks.equal(what, &found.as_deref(), &Some(&policy));
        let again = store.get_policy(policy.tenant_id).await?;
        checks.equal(what, &again.as_deref(), &Some(&policy));
        store.delete_policy(policy.tenant_id).await?;
    }
    Ok(())
}

async fn reads_many(store: &dyn PolicyStore, checks: &mut Checks) -> Result<(), StoreError> {
    checks.equal("an empty batch has no policies", &store.get_policies(&[]).await?.len(), &0);
    let policies: Vec<_> = samples().into_iter().map(|(_, policy)| policy).collect();
    let tenants: Vec<_> = policies.iter().map(|policy| policy.tenant_id).collect();
    checks.equal("tenants without policies are left out", &store.get_policies(&tenants).await?.len(), &0);
    for policy in &policies {
        store.set_policy(policy).await?;
    }
    let stranger = TenantId::random();
    let requested: Vec<_> = tenants.iter().chain([&stranger]).chain(&tenants).copied().collect();
    for what in ["a batch returns each existing policy once", "and again"] {
        let found = store.get_policies(&requested).await?;
        checks.equal(what, &found.len(), &policies.len());
        for policy in &policies {
            checks.equal(what, &found.get(&policy.tenant_id).map(|found| &**found), &Some(policy));
        }
    }
    let changed = TenantPolicy { default_model: "changed".into(), ..policies[0].clone() };
    store.set_policy(&changed).await?;
    store.delete_policy(tenants[1]).await?;
    let found = store.get_policies(&requested).await?;
    checks.equal("a batch sees a write", &found.get(&tenants[0]).map(|found| &**found), &Some(&changed));
    checks.holds("a batch sees a deletion", !found.contains_key(&tenants[1]));
    for tenant in tenants {
        store.delete_policy(tenant).await?;
    }
    Ok(())
}

async fn replaces(store: &dyn PolicyStore, checks: &mut Checks) -> Result<(), StoreError> {
    let mut policy = full(TenantId::random());
    store.set_policy(&policy).await?;
    store.get_policy(policy.tenant_id).await?;
    store.set_policy(&policy).await?;
    checks.equal("the same policy twice is one row", &store.count_policies().await?, &1);
    for round in 0..3 {
        policy.default_model = format!("model {round}");
        policy.egress_mode = None;
        policy.allow_off_mode = None;
        policy.tasks.pop();
        policy.user_policies.pop_first();
        store.set_policy(&policy).await?;
        let found = store.get_policy(policy.tenant_id).await?;
        checks.equal("a read after a write sees the write, in every field", &found.as_deref(), &Some(&policy));
    }
    checks.equal("a replaced policy is one row", &store.count_policies().await?, &1);
    store.delete_policy(policy.tenant_id).await?;
    Ok(())
}

async fn separates_tenants(store: &dyn PolicyStore, checks: &mut Checks) -> Result<(), StoreError> {
    let mine = TenantPolicy::new(TenantId::random(), "mine", "p");
    let mut theirs = full(TenantId::random());
    store.set_policy(&mine).await?;
    store.set_policy(&theirs).await?;
    let found = store.get_policy(mine.tenant_id).await?;
    checks.equal("a tenant has its own policy", &found.as_deref(), &Some(&mine));
    theirs.default_model = "another".into();
    store.set_policy(&theirs).await?;
    let found = store.get_policy(mine.tenant_id).await?;
    checks.equal("a write leaves other tenants alone", &found.as_deref(), &Some(&mine));
    store.delete_policy(mine.tenant_id).await?;
    let found = store.get_policy(theirs.tenant_id).await?;
    checks.equal("so does a deletion", &found.as_deref(), &Some(&theirs));
    store.delete_policy(theirs.tenant_id).await?;
    Ok(())
}

async fn deletes(store: &dyn PolicyStore, checks: &mut Checks) -> Result<(), StoreError> {
    let policy = full(TenantId::random());
    store.set_policy(&policy).await?;
    store.get_policy(policy.tenant_id).await?;
    checks.equal("a deletion reports that there was one", &store.delete_policy(policy.tenant_id).await?, &true);
    checks.equal("the deleted policy is absent", &store.get_policy(policy.tenant_id).await?, &None);
    checks.equal("a second deletion finds nothing", &store.delete_policy(policy.tenant_id).await?, &false);
    store.set_policy(&policy).await?;
    let found = store.get_policy(policy.tenant_id).await?;
    checks.equal("a deleted policy can be set again", &found.as_deref(), &Some(&policy));
    store.delete_policy(policy.tenant_id).await?;
    Ok(())
}

async fn refuses(store: &dyn PolicyStore, checks: &mut Checks) -> Result<(), StoreError> {
    let good = full(TenantId::random());
    store.set_policy(&good).await?;
    let with_nul = TenantPolicy { default_model: "a\0b".into(), ..good.clone() };
    checks.refused("a NUL in text", store.set_policy(&with_nul).await, "default_model");
    let mut with_nul = good.clone();
    with_nul.tasks[0].model.push('\0');
    checks.refused("a NUL in a task", store.set_policy(&with_nul).await, "the model of a task");
    for temperature in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut without_end = good.clone();
        without_end.tasks[0].temperature = Some(temperature);
        checks.refused("a temperature without end", store.set_policy(&without_end).await, "temperature");
    }
    let found = store.get_policy(good.tenant_id).await?;
    checks.equal("a refused write changed nothing", &found.as_deref(), &Some(&good));
    store.delete_policy(good.tenant_id).await?;
    Ok(())
}

async fn pages(store: &dyn PolicyStore, checks: &mut Checks) -> Result<(), StoreError> {
    let expected = listed(7);
    for policy in expected.values().rev() {
        store.set_policy(policy).await?;
    }
    checks.equal("every policy is counted", &store.count_policies().await?, &7);
    for limit in [1, 2, 3, 6, 7, 8, MAX_PAGE_LIMIT] {
        let found = walk(store, checks, limit).await?;
        checks.equal("the pages have every policy once, in order", &found, &expected.values().cloned().collect());
    }
    a_cursor_stays_good(store, checks, &expected).await?;
    for tenant in expected.keys() {
        store.delete_policy(*tenant).await?;
    }
    let empty = store.list_policies(&PageRequest::first(5)).await?;
    checks.holds("an empty list is one empty page", empty.items.is_empty() && empty.next.is_none());
    Ok(())
}

async fn walk(store: &dyn PolicyStore, checks: &mut Checks, limit: u32) -> Result<Vec<TenantPolicy>, StoreError> {
    let mut found = Vec::new();
    let mut request = PageRequest::first(limit);
    loop {
        let page = store.list_policies(&request).await?;
        checks.holds("a page holds no more than its limit", page.items.len() <= limit as usize);
        found.extend(page.items.iter().map(|policy| (**policy).clone()));
        let Some(next) = page.next else { return Ok(found) };
        checks.holds("a page that is followed by another is full", page.items.len() == limit as usize);
        request = PageRequest::after(limit, next);
    }
}

async fn a_cursor_stays_good(
    store: &dyn PolicyStore,
    checks: &mut Checks,
    all: &BTreeMap<TenantId, TenantPolicy>,
) -> Result<(), StoreError> {
    let first = store.list_policies(&PageRequest::first(3)).await?;
    let last_seen = first.items[2].tenant_id;
    store.delete_policy(last_seen).await?;
    let rest = first.next.map(|next| PageRequest::after(10, next)).expect("seven rows are more than three");
    let rest = store.list_policies(&rest).await?;
    let expected: Vec<TenantId> = all.keys().skip(3).copied().collect();
    let found: Vec<TenantId> = rest.items.iter().map(|policy| policy.tenant_id).collect();
    checks.equal("a cursor outlives the row that it points at", &found, &expected);
    store.set_policy(&all[&last_seen]).await
}

async fn refuses_pages(store: &dyn PolicyStore, checks: &mut Checks) -> Result<(), StoreError> {
    for limit in [0, MAX_PAGE_LIMIT + 1, u32::MAX] {
        checks.refused("a limit out of range", store.list_policies(&PageRequest::first(limit)).await, "limit");
    }
    for text in ["", "x", "00", "0102030405060708090a0b0c0d0e0f1011", "'; DROP TABLE tenant_llm_policies; --"] {
        let Ok(cursor) = text.parse::<Cursor>();
        checks.refused("a broken cursor", store.list_policies(&PageRequest::after(5, cursor)).await, "cursor");
    }
    Ok(())
}

fn samples() -> Vec<(&'static str, TenantPolicy)> {
    let mut samples = vec![
        ("a policy with nothing set", TenantPolicy::new(TenantId::random(), "m", "p")),
        ("a policy with everything set", full(TenantId::random())),
        ("a policy of the first of all ids", full(TenantId::new(Uuid::nil()))),
        ("a policy of the last of all ids", full(TenantId::new(Uuid::max()))),
        ("a policy with text in many scripts", with_model("modèle \u{1f980} \"q\" 'a' \\ % _ \n\t\u{7f} 模型")),
        ("a policy with empty text", with_model("")),
        ("a policy with long text", with_model(&"long ".repeat(20_000))),
    ];
    samples.extend(modes().map(|(egress_mode, allow_off_mode)| {
        let policy = TenantPolicy { egress_mode, allow_off_mode, ..with_model("m") };
        ("a policy with this mode", TenantPolicy { allow_remote_egress: egress_mode.is_none(), ..policy })
    }));
    samples.extend([0.1 + 0.2, -0.0, 1e-300, 5e-324, 1.7e308, 123_456_789.123_456_79].map(|temperature| {
        let mut policy = full(TenantId::random());
        policy.tasks[0].temperature = Some(temperature);
        ("a policy with this temperature", policy)
    }));
    samples
}

fn modes() -> impl Iterator<Item = (Option<EgressMode>, Option<bool>)> {
    let modes = [None, Some(EgressMode::Off), Some(EgressMode::Audit), Some(EgressMode::Enforce)];
    modes.into_iter().flat_map(|mode| [None, Some(false), Some(true)].map(|allow| (mode, allow)))
}

fn with_model(model: &str) -> TenantPolicy {
    TenantPolicy::new(TenantId::random(), model, "p")
}

fn full(tenant: TenantId) -> TenantPolicy {
    let task = |name: &str, temperature, max_tokens| TaskPolicy {
        task: name.into(),
        model: format!("{name}-model"),
        provider: "provider".into(),
        temperature,
        max_tokens,
    };
    TenantPolicy {
        tenant_id: tenant,
        default_model: "large".into(),
        default_provider: "remote".into(),
        allow_remote_egress: false,
        egress_mode: Some(EgressMode::Enforce),
        allow_off_mode: Some(true),
        tasks: vec![
            task("summarize", Some(0.7), Some(u32::MAX)),
            task("classify", None, None),
            task("summarize", Some(2.0), Some(0)),
        ],
        user_policies: modes()
            .map(|(egress_mode, allow_off_mode)| (UserId::random(), UserPolicy { egress_mode, allow_off_mode }))
            .collect(),
    }
}

/// Policies with ids that differ in the first byte, the last byte and the sign bit.
fn listed(count: usize) -> BTreeMap<TenantId, TenantPolicy> {
    let ids = [0, 1, 255, 1 << 120, 0x7f << 120, 0x80 << 120, u128::MAX];
    let tenants = ids.into_iter().take(count).map(|id| TenantId::new(Uuid::from_u128(id)));
    tenants.map(|tenant| (tenant, TenantPolicy::new(tenant, format!("model of {tenant}"), "p"))).collect()
}
