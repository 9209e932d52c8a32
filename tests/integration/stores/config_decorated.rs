//! The entries that a configuration write invalidates or keeps, on the writing and another instance.

use std::sync::Arc;
use std::time::Duration;

use cache_core::testing::{ChaosRemote, ManualClock};
use cache_core::{Cache, MemoryRemote};
use cache_tests::RedisServer;
use stores::conversation_config::{
    CachingConversationConfigStore, ConfigSettings, ConversationConfigStore, MemoryConversationConfigStore,
};
use stores::{StoreError, TenantId, UserId};

use crate::coherence::sync_points::until;

const PATIENCE: Duration = Duration::from_secs(20);
/// Outlasts every test here, and no heartbeat falls between two command counts.
const LEASE: Duration = Duration::from_hours(1);
const STORE: &str = "ConversationConfigStore";

type Rows = Arc<MemoryConversationConfigStore>;

/// One instance of the service.
struct Instance {
    cache: Cache,
    store: Arc<CachingConversationConfigStore<MemoryConversationConfigStore>>,
}

impl Instance {
    async fn new(rows: &Rows, cache: Cache) -> Self {
        let store = CachingConversationConfigStore::builder(Arc::clone(rows), &cache)
            .get_config(|annotated| annotated.local_capacity(50_000))
            .build();
        cache.connected(PATIENCE).await;
        Self { cache, store: Arc::new(store) }
    }

    /// Whether a local hit would answer.
    fn has((tenant, user): Owner, instance: &Self) -> bool {
        instance.store.peek_get_config(tenant, user).is_some()
    }

    fn fills(&self) -> u64 {
        self.cache.stats().method(STORE, "get_config").fills
    }
}

/// The owner of a configuration: a tenant, or a user of it.
type Owner = (TenantId, Option<UserId>);

fn redis(server: &RedisServer) -> Cache {
    let builder = Cache::builder().lease(LEASE).read_timeout(PATIENCE).write_timeout(PATIENCE);
    builder.redis(server.url()).build().unwrap()
}

fn memory(remote: &MemoryRemote, clock: &ManualClock) -> Cache {
    Cache::builder().lease(LEASE).clock(clock.clone()).remote(ChaosRemote::new(remote.clone())).build().unwrap()
}

fn merges(messages: u32) -> ConfigSettings {
    ConfigSettings { merge_max_messages: Some(messages), ..ConfigSettings::default() }
}

/// Two tenants with two users each; the tenants themselves are owners too.
fn owners() -> [Owner; 6] {
    let [a, b] = [TenantId::random(), TenantId::random()];
    let user = || Some(UserId::random());
    [(a, None), (a, user()), (a, user()), (b, None), (b, user()), (b, user())]
}

#[derive(Debug, Clone, Copy)]
enum Write {
    Global,
    Tenant,
    DeleteTenant,
    User,
    DeleteUser,
}

impl Write {
    const ALL: [Self; 5] = [Self::Global, Self::Tenant, Self::DeleteTenant, Self::User, Self::DeleteUser];

    async fn apply(self, store: &dyn ConversationConfigStore, owners: &[Owner; 6]) -> Result<(), StoreError> {
        let by = UserId::random();
        let ((tenant, _), user) = (owners[0], owners[1].1.expect("the second owner is a user"));
        match self {
            Self::Global => store.set_global_config(&merges(1), by).await,
            Self::Tenant => store.set_tenant_config(tenant, &merges(2), by).await,
            Self::DeleteTenant => store.delete_tenant_config(tenant).await.map(drop),
            Self::User => store.set_user_config(tenant, user, &merges(3), by).await,
            Self::DeleteUser => store.delete_user_config(tenant, user).await.map(drop),
        }
    }

    /// Which of the owners' entries stay cached.
    fn leaves(self) -> [bool; 6] {
        match self {
            Self::Global => [false; 6],
            Self::Tenant | Self::DeleteTenant => [false, false, false, true, true, true],
            Self::User | Self::DeleteUser => [true, false, true, true, true, true],
        }
    }
}

/// Checks that each write removes exactly the entries it concerns from every instance.
///
/// Every instance then reads the bare store's values.
async fn each_write_invalidates_its_entries(rows: Rows, instances: &[Instance]) {
    let owners = owners();
    for write in Write::ALL {
        for instance in instances {
            for (tenant, user) in owners {
                instance.store.get_config(tenant, user).await.unwrap();
            }
            assert_eq!(owners.map(|owner| Instance::has(owner, instance)), [true; 6], "before {write:?}");
        }
        let received: Vec<u64> = instances.iter().map(|instance| instance.cache.invalidations_received()).collect();
        write.apply(&*instances[0].store, &owners).await.unwrap();
        for (instance, received) in instances.iter().zip(received).skip(1) {
            until("the invalidation is received", || instance.cache.invalidations_received() > received).await;
        }
        for instance in instances {
            assert_eq!(owners.map(|owner| Instance::has(owner, instance)), write.leaves(), "after {write:?}");
            for (tenant, user) in owners {
                let expected = rows.get_config(tenant, user).await.unwrap();
                assert_eq!(instance.store.get_config(tenant, user).await.unwrap(), expected, "after {write:?}");
            }
        }
    }
}

#[tokio::test]
async fn writes_are_seen_in_a_single_instance() {
    let rows = Rows::default();
    let instance = Instance::new(&rows, Cache::single_instance()).await;
    each_write_invalidates_its_entries(rows, &[instance]).await;
}

#[tokio::test]
async fn writes_reach_other_instances_on_a_shared_tier_in_memory() {
    let (rows, clock) = (Rows::default(), ManualClock::new());
    let remote = MemoryRemote::with_clock(clock.clone());
    let instances =
        [Instance::new(&rows, memory(&remote, &clock)).await, Instance::new(&rows, memory(&remote, &clock)).await];
    each_write_invalidates_its_entries(rows, &instances).await;
}

#[tokio::test]
async fn writes_reach_other_instances_on_redis() {
    let (rows, server) = (Rows::default(), RedisServer::start());
    let instances = [Instance::new(&rows, redis(&server)).await, Instance::new(&rows, redis(&server)).await];
    each_write_invalidates_its_entries(rows, &instances).await;
}

/// Without a tier, every read reaches the store.
#[tokio::test]
async fn a_pass_through_cache_loads_every_time() {
    let rows = Rows::default();
    let instance = Instance::new(&rows, Cache::pass_through()).await;
    let owners = owners();
    for write in Write::ALL {
        write.apply(&*instance.store, &owners).await.unwrap();
        for (tenant, user) in owners {
            let expected = rows.get_config(tenant, user).await.unwrap();
            assert_eq!(instance.store.get_config(tenant, user).await.unwrap(), expected, "after {write:?}");
            assert!(!Instance::has((tenant, user), &instance));
        }
    }
}

#[tokio::test]
async fn entries_are_shared_under_the_documented_keys() {
    let (rows, server) = (Rows::default(), RedisServer::start());
    let (one, two) = (Instance::new(&rows, redis(&server)).await, Instance::new(&rows, redis(&server)).await);
    let (tenant, user) = (TenantId::random(), UserId::random());
    for (user, key) in
        [(None, format!("copilot:conv:config:{tenant}")), (Some(user), format!("copilot:conv:config:{tenant}:{user}"))]
    {
        one.store.get_config(tenant, user).await.unwrap();
        // A fill is sent after its read has returned.
        until("the entry is there", || server.raw(&["EXISTS", &key]).unwrap() == "1").await;
        let left: u32 = server.raw(&["TTL", &key]).unwrap().parse().unwrap();
        assert!((200..=300).contains(&left), "{key}: {left} s");
        two.store.get_config(tenant, user).await.unwrap();
    }
    assert_eq!(two.cache.stats().method(STORE, "get_config").shared_hits, 2);
}

const TENANTS: usize = 100;
const USERS_OF_A_TENANT: usize = 100;

/// Reads all configurations, tenants concurrently; each must allow this many messages.
async fn all_read(instance: &Instance, owners: &[Owner], messages: u32) {
    let mut tasks = tokio::task::JoinSet::new();
    for of_tenant in owners.chunks(USERS_OF_A_TENANT) {
        let (store, of_tenant) = (Arc::clone(&instance.store), of_tenant.to_vec());
        tasks.spawn(async move {
            for (tenant, user) in of_tenant {
                assert_eq!(store.get_config(tenant, user).await.unwrap().merge_max_messages, messages);
            }
        });
    }
    tasks.join_all().await;
}

/// The executions of each command, direct or by a script, without those of this query.
fn commands(server: &RedisServer) -> Vec<(String, u64)> {
    let statistics = server.raw(&["INFO", "commandstats"]).unwrap();
    let calls = statistics.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
    });
    calls.filter(|(name, _)| name != "info").collect()
}

/// The commands that `action` makes the server run.
async fn cost(server: &RedisServer, action: impl Future<Output = Result<(), StoreError>>) -> Vec<(String, u64)> {
    let before = commands(server);
    action.await.unwrap();
    let known = |name: &str| before.iter().find(|(known, _)| known == name).map_or(0, |(_, calls)| *calls);
    let since = commands(server).into_iter().map(|(name, calls)| (name.clone(), calls - known(&name)));
    since.filter(|(_, calls)| *calls > 0).collect()
}

/// With one invalidation per entry, the global write would cost 10,000 times as much.
#[tokio::test]
async fn a_global_write_reaches_ten_thousand_cached_users_at_the_cost_of_one_users_write() {
    let (rows, server) = (Rows::default(), RedisServer::start());
    let (writer, other) = (Instance::new(&rows, redis(&server)).await, Instance::new(&rows, redis(&server)).await);
    let owners: Vec<Owner> = (0..TENANTS)
        .flat_map(|_| {
            let tenant = TenantId::random();
            (0..USERS_OF_A_TENANT).map(move |_| (tenant, Some(UserId::random())))
        })
        .collect();
    all_read(&writer, &owners, 100).await;
    until("all are in the shared tier", || writer.fills() == owners.len() as u64).await;
    all_read(&other, &owners, 100).await;
    for instance in [&writer, &other] {
        assert!(owners.iter().all(|owner| Instance::has(*owner, instance)), "all are cached on each instance");
    }
    assert_eq!(other.cache.stats().method(STORE, "get_config").shared_hits, owners.len() as u64);

    let by = UserId::random();
    let (tenant, user) = owners[0];
    let received = other.cache.invalidations_received();
    let nothing = cost(&server, async { Ok(()) }).await;
    let one_user = cost(&server, writer.store.set_user_config(tenant, user.unwrap(), &merges(7), by)).await;
    let global = cost(&server, writer.store.set_global_config(&merges(8), by)).await;
    println!("one user: {one_user:?}\nglobal: {global:?}");
    assert_eq!(nothing, [], "no other client uses the server meanwhile");
    // Only a whole method may have pending writers, which its release looks for.
    let without_writers = |cost: &[(String, u64)]| -> Vec<(String, u64)> {
        cost.iter().filter(|(name, _)| !name.starts_with('z')).cloned().collect()
    };
    assert_eq!(without_writers(&global), without_writers(&one_user));
    let round_trips = one_user.iter().find(|(name, _)| name == "evalsha").map(|(_, calls)| *calls);
    assert_eq!(round_trips, Some(2), "a lock before the write, and its release after it");

    until("both invalidations are received", || other.cache.invalidations_received() == received + 2).await;
    assert_eq!(writer.store.get_config(tenant, user).await.unwrap().merge_max_messages, 7, "the user's own level");
    for instance in [&writer, &other] {
        assert!(!owners[1..].iter().any(|owner| Instance::has(*owner, instance)), "none is cached any more");
        all_read(instance, &owners[1..], 8).await;
    }
}
