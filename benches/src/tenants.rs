//! The rows of every case: policies of about 1 KB, and the order of their tenants.

use std::sync::Arc;

use stores::policy::{EgressMode, MemoryPolicyStore, PolicyStore, TaskPolicy, TenantPolicy, UserPolicy};
use stores::{TenantId, UserId};
use uuid::Builder;

use crate::at_once;

/// The number of tenants.
pub const TENANTS: usize = 10_000;

/// The tenants with their policies, in the order of their reads.
///
/// The order is random and the same in every run.
#[derive(Debug)]
pub struct Tenants {
    policies: Vec<Arc<TenantPolicy>>,
    order: Vec<TenantId>,
}

impl Tenants {
    /// Creates `count` tenants. The first ones do not depend on the count.
    pub fn new(count: usize) -> Self {
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        let policies: Vec<_> = (0..count).map(|_| Arc::new(policy(&mut chance))).collect();
        // Not the order of the fill: neighbours in time would be neighbours in memory.
        let mut order: Vec<_> = policies.iter().map(|policy| policy.tenant_id).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, chance.below(at + 1));
        }
        Self { policies, order }
    }

    /// The policies, in the order in which caches are filled.
    pub fn policies(&self) -> &[Arc<TenantPolicy>] {
        &self.policies
    }

    /// The tenants, in the order in which they are read.
    pub fn order(&self) -> &[TenantId] {
        &self.order
    }

    /// A store in memory with all of them.
    ///
    /// # Panics
    ///
    /// If the store refuses a policy.
    pub fn store(&self) -> MemoryPolicyStore {
        let store = MemoryPolicyStore::new();
        for policy in &self.policies {
            at_once(store.set_policy(policy)).expect("a policy that a store takes");
        }
        store
    }
}

impl Default for Tenants {
    fn default() -> Self {
        Self::new(TENANTS)
    }
}

fn policy(chance: &mut Chance) -> TenantPolicy {
    let task = |name: &str, temperature| TaskPolicy {
        task: name.to_owned(),
        model: format!("{name}-model-2026"),
        provider: "in-house".to_owned(),
        temperature: Some(temperature),
        max_tokens: Some(4096),
    };
    let user = UserPolicy { egress_mode: Some(EgressMode::Audit), allow_off_mode: Some(false) };
    let tenant = TenantId::new(chance.uuid());
    let mut policy = TenantPolicy::new(tenant, "general-model-2026", "in-house");
    policy.egress_mode = Some(EgressMode::Enforce);
    policy.allow_off_mode = Some(false);
    policy.tasks = vec![task("summarize", 0.2), task("translate", 0.0), task("classify", 0.1), task("write", 0.9)];
    policy.user_policies = (0..4).map(|_| (UserId::new(chance.uuid()), user.clone())).collect();
    policy
}

/// `SplitMix64` (<https://prng.di.unimi.it/splitmix64.c>): the same numbers on every machine.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`. The bias is far below what a benchmark could show.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("below a usize")
    }

    fn uuid(&mut self) -> uuid::Uuid {
        let bytes = u128::from(self.next()) << 64 | u128::from(self.next());
        Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_about_one_kilobyte_of_json() {
        for policy in Tenants::new(10).policies() {
            let bytes = serde_json::to_vec(&**policy).unwrap().len();
            assert!((950..1100).contains(&bytes), "{bytes} bytes");
        }
    }

    #[test]
    fn the_order_has_every_tenant_once() {
        let tenants = Tenants::new(1000);
        let mut read = tenants.order().to_vec();
        let mut filled: Vec<_> = tenants.policies().iter().map(|policy| policy.tenant_id).collect();
        assert_ne!(read, filled);
        read.sort();
        filled.sort();
        assert_eq!(read, filled);
    }
}
