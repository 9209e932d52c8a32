//! The first example: two instances of a service read and write the policies of tenants.
//!
//! The database is SQLite in a temporary folder. The instances share the Redis server of `REDIS_URL`; without one they
//! share a remote in memory, which behaves the same and needs no server. The program measures every figure while it
//! runs. In Redis it leaves entries under random tenants, which expire by themselves.

use std::error::Error;
use std::fmt;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_core::{Backend, Cache, MemoryRemote};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use stores::policy::{CachingPolicyStore, PolicyStore, SqlitePolicyStore, TenantPolicy};
use stores::{StoreError, TenantId};
use tokio::task::JoinSet;

/// The number of tenants, each read once from the database and once from the shared tier.
const TENANTS: usize = 100;
/// The number of timed batches of local hits. A single hit is too short to time.
const BATCHES: usize = 1_000;
const BATCH: u32 = 100;
const CROWD: usize = 10_000;
/// The limit of every wait in this program.
const PATIENCE: Duration = Duration::from_secs(5);

type Failure = Box<dyn Error + Send + Sync>;

// On one thread every concurrent read has started before the database can answer.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(screen) => {
            print!("{screen}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            let mut cause = failure.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<Screen, Failure> {
    tour(caches_from_env()?).await
}

/// One cache for each instance. They share the Redis of the environment, or else a remote in memory.
fn caches_from_env() -> Result<[Cache; 2], Failure> {
    let caches = [Cache::from_env()?, Cache::from_env()?];
    match caches[0].backend() {
        Backend::PassThrough => caches_in_memory(),
        _ => Ok(caches),
    }
}

fn caches_in_memory() -> Result<[Cache; 2], Failure> {
    let remote = MemoryRemote::new();
    let cache = || Cache::builder().remote(remote.clone()).build();
    Ok([cache()?, cache()?])
}

/// Waits for the shared tier. Until it is connected, reads would go to the database.
async fn wait_for_the_shared_tier(cache: &Cache) -> Result<(), Failure> {
    if cache.connected(PATIENCE).await {
        return Ok(());
    }
    let why = cache.health().await.error.unwrap_or_else(|| "no result".to_owned());
    Err(format!("the Redis of REDIS_URL is out of reach; start it, or unset REDIS_URL: {why}").into())
}

/// Runs all measurements.
async fn tour(caches: [Cache; 2]) -> Result<Screen, Failure> {
    let folder = tempfile::Builder::new().prefix("quickstart-").tempdir()?;
    let pool = open(&folder.path().join("policies.db")).await?;
    let database = Arc::new(SqlitePolicyStore::new(pool.clone()));
    // Build the stores first: a cache subscribes to the messages of the stores that it knows.
    let [a, b] = caches.map(|cache| Instance::new(cache, &database));
    wait_for_the_shared_tier(&a.cache).await?;
    wait_for_the_shared_tier(&b.cache).await?;

    let screen = Screen {
        redis: a.cache.backend() == Backend::Redis,
        reads: time_reads(&database, &a, &b).await?,
        crowd: cold_key(&database, &a).await?,
        update: write_and_read(&a, &b).await?,
    };

    a.cache.shutdown().await;
    b.cache.shutdown().await;
    pool.close().await;
    folder.close()?;
    Ok(screen)
}

async fn open(file: &Path) -> Result<SqlitePool, Failure> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let pool = SqlitePool::connect_with(options).await?;
    stores::migrate(&pool).await?;
    Ok(pool)
}

/// One process of the service: a cache, and the store behind it.
struct Instance {
    cache: Cache,
    policies: Arc<CachingPolicyStore<SqlitePolicyStore>>,
}

/// The tier that answered a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    Local,
    Shared,
    Database,
}

struct Read {
    policy: Arc<TenantPolicy>,
    took: Duration,
    tier: Tier,
}

impl Instance {
    fn new(cache: Cache, database: &Arc<SqlitePolicyStore>) -> Self {
        let policies = Arc::new(CachingPolicyStore::new(Arc::clone(database), &cache));
        Self { cache, policies }
    }

    /// Times a read; the statistics show which tier answered it.
    async fn read(&self, tenant: TenantId) -> Result<Read, Failure> {
        let before = self.cache.stats();
        let start = Instant::now();
        let policy = self.policies.get_policy(tenant).await?;
        let took = start.elapsed();
        let counted = self.cache.stats().since(&before).total();
        let tier = match (counted.local_hits, counted.shared_hits) {
            (0, 0) => Tier::Database,
            (0, _) => Tier::Shared,
            _ => Tier::Local,
        };
        let policy = policy.ok_or("a policy that was written is not there")?;
        Ok(Read { policy, took, tier })
    }

    /// Reads until the local tier has the answer.
    async fn read_until_local(&self, tenant: TenantId) -> Result<Arc<TenantPolicy>, Failure> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            self.policies.get_policy(tenant).await?;
            if let Some(Some(policy)) = self.policies.peek_get_policy(tenant) {
                return Ok(policy);
            }
            tokio::task::yield_now().await;
        }
        Err("a local tier did not keep the value".into())
    }
}

/// The median times of a read by tier; `None` if the tier answered none.
struct Reads {
    database: Option<Duration>,
    shared: Option<Duration>,
    local: Option<Duration>,
}

async fn time_reads(database: &SqlitePolicyStore, a: &Instance, b: &Instance) -> Result<Reads, Failure> {
    let mut tenants = Vec::new();
    for _ in 0..TENANTS {
        tenants.push(new_tenant(database).await?);
    }
    let mut from_database = Vec::new();
    for &tenant in &tenants {
        let start = Instant::now();
        black_box(database.get_policy(tenant).await?);
        from_database.push(start.elapsed());
    }
    // A loads them and fills the shared tier in the background; then B finds them there.
    for &tenant in &tenants {
        a.read(tenant).await?;
    }
    wait_for_fills(&a.cache).await;
    let mut from_shared = Vec::new();
    for &tenant in &tenants {
        let read = b.read(tenant).await?;
        from_shared.extend((read.tier == Tier::Shared).then_some(read.took));
    }
    let local = time_local_hits(b, tenants[0]).await?;
    Ok(Reads { database: median(from_database), shared: median(from_shared), local: median(local) })
}

async fn time_local_hits(instance: &Instance, tenant: TenantId) -> Result<Vec<Duration>, StoreError> {
    let mut times = Vec::new();
    for _ in 0..BATCHES {
        let before = instance.cache.stats();
        let start = Instant::now();
        for _ in 0..BATCH {
            black_box(instance.policies.get_policy(tenant).await?);
        }
        let took = start.elapsed();
        let hits = instance.cache.stats().since(&before).total().local_hits;
        times.extend((hits == u64::from(BATCH)).then_some(took / BATCH));
    }
    Ok(times)
}

/// The outcome of many concurrent reads of a cold key.
struct Crowd {
    loads: u64,
    waited: u64,
    local: u64,
    took: Duration,
}

async fn cold_key(database: &SqlitePolicyStore, instance: &Instance) -> Result<Crowd, Failure> {
    let tenant = new_tenant(database).await?;
    let before = instance.cache.stats();
    let mut readers = JoinSet::new();
    let start = Instant::now();
    for _ in 0..CROWD {
        let policies = Arc::clone(&instance.policies);
        readers.spawn(async move { policies.get_policy(tenant).await });
    }
    while let Some(read) = readers.join_next().await {
        read??.ok_or("a policy that was written is not there")?;
    }
    let took = start.elapsed();
    let counted = instance.cache.stats().since(&before).total();
    Ok(Crowd { loads: counted.loads, waited: counted.coalesced, local: counted.local_hits, took })
}

/// A write on one instance, and the reads that follow on another one.
struct Update {
    old: String,
    new: String,
    write: Duration,
    /// The first read after the write had returned.
    first: Read,
    /// The first read that saw the write, and its delay after the write's return.
    seen: Read,
    seen_after: Duration,
}

async fn write_and_read(a: &Instance, b: &Instance) -> Result<Update, Failure> {
    let tenant = TenantId::random();
    a.policies.set_policy(&TenantPolicy::new(tenant, "small", "local")).await?;
    let old = a.read_until_local(tenant).await?.default_model.clone();
    b.read_until_local(tenant).await?;

    let start = Instant::now();
    a.policies.set_policy(&TenantPolicy::new(tenant, "large", "local")).await?;
    let write = start.elapsed();

    let returned = Instant::now();
    let first = b.read(tenant).await?;
    let mut seen = Read { policy: Arc::clone(&first.policy), ..first };
    while seen.policy.default_model == old {
        if returned.elapsed() > PATIENCE {
            return Err("the write of A did not become visible on B".into());
        }
        tokio::task::yield_now().await;
        seen = b.read(tenant).await?;
    }
    let new = seen.policy.default_model.clone();
    Ok(Update { old, new, write, first, seen, seen_after: returned.elapsed() })
}

async fn new_tenant(database: &SqlitePolicyStore) -> Result<TenantId, StoreError> {
    let tenant = TenantId::random();
    database.set_policy(&TenantPolicy::new(tenant, "small", "local")).await?;
    Ok(tenant)
}

/// Waits for the fills. A lost fill costs only a sample.
async fn wait_for_fills(cache: &Cache) {
    let start = Instant::now();
    while cache.stats().total().fills < TENANTS as u64 && start.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// All measurements.
struct Screen {
    redis: bool,
    reads: Reads,
    crowd: Crowd,
    update: Update,
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { redis, reads, crowd, update } = self;
        let (shared, network) =
            if *redis { ("Redis", "") } else { ("an in-memory substitute for Redis", ", no network") };
        writeln!(f, "A trait, and what each method does to the cache (stores/src/policy/store.rs):\n")?;
        annotated_trait().try_for_each(|line| writeln!(f, "  {line}"))?;
        writeln!(f, "\nTwo instances, A and B, on one SQLite database. They share {shared}.\n")?;
        row(f, "a read from the database", reads.database, ", a file on this machine")?;
        row(f, "a hit of the shared tier", reads.shared, network)?;
        row(f, "a hit of the local tier", reads.local, "")?;
        let Crowd { loads, waited, local, took } = crowd;
        writeln!(f, "\n  {} reads of a cold key at once, on A, in {took:.1?}:", grouped(CROWD))?;
        let (waited, local) = (grouped(waited), grouped(local));
        writeln!(f, "    {loads} reached the database, {waited} shared its result, {local} hit the local tier\n")?;
        write!(f, "{update}")?;
        if *redis {
            Ok(())
        } else {
            writeln!(f, "\nOver a Redis of yours: REDIS_URL=redis://127.0.0.1:6379 cargo quickstart")
        }
    }
}

fn row(f: &mut fmt::Formatter<'_>, what: &str, time: Option<Duration>, note: &str) -> fmt::Result {
    match time {
        Some(time) => {
            // There are no tenths of a nanosecond.
            let digits = usize::from(time >= Duration::from_micros(1));
            writeln!(f, "  {what:36} {:>9}  (median{note})", format!("{time:.digits$?}"))
        }
        None => writeln!(f, "  {what:36} there was none"),
    }
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { old, new, write, first, seen, seen_after } = self;
        writeln!(f, "  A and B read {old:?} and keep it in their local tiers. A writes {new:?} in {write:.1?}.")?;
        let value = &first.policy.default_model;
        writeln!(f, "  The next read on B gives {value:?} from {}, in {:.1?}.", first.tier, first.took)?;
        if value != new {
            writeln!(
                f,
                "  The invalidation reached B later: {new:?} from {}, {seen_after:.1?} after the write.",
                seen.tier
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "its local tier",
            Self::Shared => "the shared tier",
            Self::Database => "the database",
        })
    }
}

/// The beginning of the trait, from its own source, without its documentation.
fn annotated_trait() -> impl Iterator<Item = &'static str> {
    const SOURCE: &str = include_str!("../../../stores/src/policy/store.rs");
    let code = SOURCE.lines().skip_while(|line| !line.starts_with("#[cached_store"));
    let code = code.filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("///"));
    // The next example shows the batch.
    let code = code.filter(|line| !line.contains("batch = ") && !line.contains("fn get_policies("));
    code.take(7).chain(["    // ..."])
}

/// The number with commas between thousands.
fn grouped(number: impl fmt::Display) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_tour_fits_a_screen() {
        let measured = tour(caches_in_memory().unwrap()).await.unwrap();
        assert_eq!(measured.crowd.loads, 1);
        let screen = measured.to_string();
        assert!(screen.lines().count() <= 24, "{screen}");
        assert!(screen.lines().all(|line| line.chars().count() <= 100), "{screen}");
        assert!(screen.contains("async fn set_policy(&self, policy: &TenantPolicy)"), "{screen}");
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(7, "7"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn the_median_of_an_empty_list_is_none() {
        assert_eq!(median(Vec::new()), None);
        assert_eq!(median([3, 1, 2].map(Duration::from_secs).to_vec()), Some(Duration::from_secs(2)));
    }
}
