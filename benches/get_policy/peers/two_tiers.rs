//! moka and Redis by hand: two tiers, a text key, JSON, and no protection of a fill against a write.

use std::sync::Arc;

use moka::future::Cache;
use redis::AsyncTypedCommands as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use stores::TenantId;
use stores::policy::TenantPolicy;

use super::{Peer, Source};
use cache_benches::contenders::{CAPACITY, TTL};

pub(crate) struct TwoTiers {
    source: Source,
    local: Cache<String, Option<Arc<TenantPolicy>>>,
    shared: ConnectionManager,
}

impl TwoTiers {
    /// Redis alone.
    pub(crate) async fn shared(source: Source, url: &str) -> Self {
        Self::with_capacity(source, url, 0).await
    }

    pub(crate) async fn both(source: Source, url: &str) -> Self {
        Self::with_capacity(source, url, CAPACITY as u64).await
    }

    async fn with_capacity(source: Source, url: &str, capacity: u64) -> Self {
        let client = redis::Client::open(url).expect("an address that parses");
        // While criterion draws its plots, no task of the runtime runs, and a default timeout of half a second expires.
        let config = ConnectionManagerConfig::new().set_response_timeout(None);
        let shared = client.get_connection_manager_with_config(config).await.expect("a server that has just answered");
        Self { source, local: Cache::builder().max_capacity(capacity).time_to_live(TTL).build(), shared }
    }

    async fn look_up(&self, key: &str) -> Option<Option<Arc<TenantPolicy>>> {
        let bytes: Option<Vec<u8>> =
            redis::cmd("GET").arg(key).query_async(&mut self.shared.clone()).await.expect("a server that answers");
        Some(serde_json::from_slice(&bytes?).expect("an entry that decodes"))
    }

    async fn store(&self, key: &str, policy: Option<&TenantPolicy>) {
        let bytes = serde_json::to_vec(&policy).expect("a policy is JSON");
        self.shared.clone().set_ex(key, bytes, TTL.as_secs()).await.expect("a server that answers");
    }
}

impl Peer for TwoTiers {
    type Value = Arc<TenantPolicy>;

    async fn get(&self, tenant: TenantId) -> Option<Self::Value> {
        let key = key(tenant);
        if let Some(policy) = self.local.get(&key).await {
            return policy;
        }
        let policy = if let Some(policy) = self.look_up(&key).await {
            policy
        } else {
            let policy = self.source.get_policy(tenant).await.expect("the store does not fail");
            self.store(&key, policy.as_deref()).await;
            policy
        };
        self.local.insert(key, policy.clone()).await;
        policy
    }

    async fn forget(&self, tenant: TenantId) {
        let key = key(tenant);
        self.shared.clone().del(&key).await.expect("a server that answers");
        self.local.invalidate(&key).await;
    }
}

fn key(tenant: TenantId) -> String {
    format!("by-hand:policy:{tenant}")
}
