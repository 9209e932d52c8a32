//! Every store over every database behind every cache, with a table of counts.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{Cache, MemoryRemote, MethodStats, ReadPolicy};
use cache_tests::RedisServer;
use sqlx::{PgPool, SqlitePool};
use stores::conversation::{
    CachingConversationStore, ConversationStore, MemoryConversationStore, PostgresConversationStore,
    SqliteConversationStore,
};
use stores::conversation_config::{
    CachingConversationConfigStore, ConversationConfigStore, MemoryConversationConfigStore,
    PostgresConversationConfigStore, SqliteConversationConfigStore,
};
use stores::policy::{CachingPolicyStore, MemoryPolicyStore, PolicyStore, PostgresPolicyStore, SqlitePolicyStore};
use stores::{StoreError, conformance};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::fixtures;

const PATIENCE: Duration = Duration::from_mins(1);

/// `scripts/test` prints this file at its end.
const TABLE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/conformance.txt");

/// A cell's change to the policy of its store's cached method.
type Policy = fn(ReadPolicy) -> ReadPolicy;

/// A store, with the properties that the matrix needs.
trait Subject: Send + 'static {
    /// The trait's own name and the name of its cached method.
    const NAMES: (&str, &str);

    type Store: ?Sized + Send + Sync;

    fn backing(rows: &Rows) -> Arc<Self::Store>;
    fn decorated(backing: Arc<Self::Store>, cache: &Cache, policy: Policy) -> Arc<Self::Store>;
    fn suite(store: &Self::Store) -> impl Future<Output = Result<usize, StoreError>> + Send;
}

struct Policies;

impl Subject for Policies {
    const NAMES: (&str, &str) = ("PolicyStore", "get_policy");

    type Store = dyn PolicyStore;

    fn backing(rows: &Rows) -> Arc<dyn PolicyStore> {
        match rows {
            Rows::Memory => Arc::new(MemoryPolicyStore::new()),
            Rows::Sqlite(_, pool) => Arc::new(SqlitePolicyStore::new(pool.clone())),
            Rows::Postgres(pool) => Arc::new(PostgresPolicyStore::new(pool.clone())),
        }
    }

    fn decorated(backing: Arc<dyn PolicyStore>, cache: &Cache, policy: Policy) -> Arc<dyn PolicyStore> {
        Arc::new(CachingPolicyStore::builder(backing, cache).get_policy(policy).build())
    }

    async fn suite(store: &Self::Store) -> Result<usize, StoreError> {
        conformance::policy_store(store).await
    }
}

struct Configs;

impl Subject for Configs {
    const NAMES: (&str, &str) = ("ConversationConfigStore", "get_config");

    type Store = dyn ConversationConfigStore;

    fn backing(rows: &Rows) -> Arc<dyn ConversationConfigStore> {
        match rows {
            Rows::Memory => Arc::new(MemoryConversationConfigStore::new()),
            Rows::Sqlite(_, pool) => Arc::new(SqliteConversationConfigStore::new(pool.clone())),
            Rows::Postgres(pool) => Arc::new(PostgresConversationConfigStore::new(pool.clone())),
        }
    }

    fn decorated(
        backing: Arc<dyn ConversationConfigStore>,
        cache: &Cache,
        policy: Policy,
    ) -> Arc<dyn ConversationConfigStore> {
        Arc::new(CachingConversationConfigStore::builder(backing, cache).get_config(policy).build())
    }

    async fn suite(store: &Self::Store) -> Result<usize, StoreError> {
        conformance::conversation_config_store(store).await
    }
}

struct Conversations;

impl Subject for Conversations {
    const NAMES: (&str, &str) = ("ConversationStore", "get_conversation");

    type Store = dyn ConversationStore;

    fn backing(rows: &Rows) -> Arc<dyn ConversationStore> {
        match rows {
            Rows::Memory => Arc::new(MemoryConversationStore::new()),
            Rows::Sqlite(_, pool) => Arc::new(SqliteConversationStore::new(pool.clone())),
            Rows::Postgres(pool) => Arc::new(PostgresConversationStore::new(pool.clone())),
        }
    }

    fn decorated(backing: Arc<dyn ConversationStore>, cache: &Cache, policy: Policy) -> Arc<dyn ConversationStore> {
        Arc::new(CachingConversationStore::builder(backing, cache).get_conversation(policy).build())
    }

    async fn suite(store: &Self::Store) -> Result<usize, StoreError> {
        conformance::conversation_store(store).await
    }
}

/// Adds the cells of every store. Another store is another line, and a [`Subject`] of its own.
fn spawn_all(cells: &mut JoinSet<Cell>) {
    spawn_cells::<Policies>(cells);
    spawn_cells::<Configs>(cells);
    spawn_cells::<Conversations>(cells);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Database {
    Memory,
    Sqlite,
    Postgres,
}

impl Database {
    const ALL: [Self; 3] = [Self::Memory, Self::Sqlite, Self::Postgres];

    async fn rows(self) -> Rows {
        match self {
            Self::Memory => Rows::Memory,
            Self::Sqlite => {
                let (folder, pool) = fixtures::sqlite().await;
                Rows::Sqlite(folder, pool)
            }
            Self::Postgres => Rows::Postgres(fixtures::postgres().await),
        }
    }
}

/// The location of a cell's rows.
enum Rows {
    Memory,
    Sqlite(#[expect(dead_code, reason = "the folder is removed with it")] TempDir, SqlitePool),
    Postgres(PgPool),
}

/// The cache in front of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Front {
    Bare,
    PassThrough,
    SingleInstance,
    SharedInMemory,
    Redis,
    /// Without a local tier, so that Redis serves every hit.
    RedisOnly,
    NoRedis,
}

impl Front {
    const ALL: [(Self, &str); 7] = [
        (Self::Bare, "bare"),
        (Self::PassThrough, "pass-through"),
        (Self::SingleInstance, "single instance"),
        (Self::SharedInMemory, "shared in memory"),
        (Self::Redis, "Redis"),
        (Self::RedisOnly, "Redis, no local"),
        (Self::NoRedis, "Redis is down"),
    ];

    /// The cache and its server, one per cell, since all cells use the same keys.
    fn cache(self) -> Option<(Cache, Option<RedisServer>)> {
        // Other cells may keep the machine busy, which must not look like a lost Redis, or outlast a degraded entry.
        let patient = Cache::builder().lease(PATIENCE).read_timeout(PATIENCE).write_timeout(PATIENCE);
        let patient = patient.degraded_ttl(PATIENCE);
        match self {
            Self::Bare => None,
            Self::PassThrough => Some((Cache::pass_through(), None)),
            Self::SingleInstance => Some((Cache::single_instance(), None)),
            Self::SharedInMemory => Some((patient.remote(MemoryRemote::new()).build().unwrap(), None)),
            Self::Redis | Self::RedisOnly | Self::NoRedis => {
                let mut server = RedisServer::start();
                if self == Self::NoRedis {
                    server.stop();
                }
                Some((patient.redis(server.url()).build().unwrap(), Some(server)))
            }
        }
    }

    fn policy(self) -> Policy {
        if self == Self::RedisOnly { ReadPolicy::local_off } else { std::convert::identity }
    }

    fn is_shared(self) -> bool {
        matches!(self, Self::SharedInMemory | Self::Redis | Self::RedisOnly)
    }

    fn has_local(self) -> bool {
        matches!(self, Self::SingleInstance | Self::SharedInMemory | Self::Redis)
    }

    /// Whether the tiers that answered the suite are the tiers that this front has.
    fn fits(self, counted: &MethodStats) -> bool {
        let shared_alone = self.is_shared() && !self.has_local();
        // Values loaded while Redis is down answer for a short time.
        let trusted = counted.local_hits - counted.degraded_hits;
        (trusted > 0) == self.has_local()
            && (counted.degraded_hits > 0) == (self == Self::NoRedis)
            && (counted.fills > 0) == self.is_shared()
            && (counted.shared_hits > 0 || !shared_alone)
            && (counted.shared_hits == 0 || self.is_shared())
    }
}

/// One store over one database behind one cache.
struct Cell {
    store: &'static str,
    database: Database,
    front: Front,
    /// The number of checks and the cache's statistics, or the error that ended the suite.
    outcome: Result<(usize, MethodStats), String>,
}

fn spawn_cells<S: Subject>(cells: &mut JoinSet<Cell>) {
    for database in Database::ALL {
        for (front, _) in Front::ALL {
            cells.spawn(async move {
                // A failed check is a panic, which a separate task confines to one cell.
                let ran = tokio::spawn(run::<S>(database, front)).await;
                let outcome = match ran {
                    Ok(Ok(counted)) => Ok(counted),
                    Ok(Err(error)) => Err(format!("{error:?}")),
                    Err(panic) => Err(panic.to_string()),
                };
                Cell { store: S::NAMES.0, database, front, outcome }
            });
        }
    }
}

async fn run<S: Subject>(database: Database, front: Front) -> Result<(usize, MethodStats), StoreError> {
    let rows = database.rows().await;
    let backing = S::backing(&rows);
    let Some((cache, _server)) = front.cache() else {
        let made = S::suite(&*backing).await?;
        assert_eq!(S::suite(&*backing).await?, made, "a suite does not affect the next run");
        return Ok((made, MethodStats::default()));
    };
    let store = S::decorated(backing, &cache, front.policy());
    if front.is_shared() {
        assert!(cache.connected(PATIENCE).await, "{:?}", cache.health().await);
    }
    let made = S::suite(&*store).await?;
    cache.shutdown().await;
    Ok((made, cache.stats().method(S::NAMES.0, S::NAMES.1)))
}

/// The error of a cell, if any; its suite must make `expected` checks.
fn mistake(cell: &Cell, expected: Option<usize>) -> Option<String> {
    let Cell { store, database, front, outcome } = cell;
    let what = match outcome {
        Err(error) => error.clone(),
        Ok((made, _)) if Some(*made) != expected => format!("{made} checks, and {expected:?} elsewhere"),
        Ok((_, counted)) if !front.fits(counted) => format!("{counted:?}"),
        Ok(_) => return None,
    };
    Some(format!("{store} over {database:?} behind {front:?}: {what}"))
}

/// A table of the checks, and of each tier's hits.
fn table(cells: &[Cell]) -> String {
    let mut text = String::from("Checks of the conformance suites (local hits, shared hits)\n\n");
    let _ = write!(text, "{:<24}{:<10}", "store", "database");
    for (_, name) in Front::ALL {
        let _ = write!(text, "{name:>18}");
    }
    for row in cells.chunks(Front::ALL.len()) {
        let _ = write!(text, "\n{:<24}{:<10}", row[0].store, format!("{:?}", row[0].database));
        for cell in row {
            let counts = match &cell.outcome {
                Ok((made, counted)) => format!("{made} ({}, {})", counted.local_hits, counted.shared_hits),
                Err(_) => "FAILED".to_owned(),
            };
            let _ = write!(text, "{counts:>18}");
        }
    }
    text.push('\n');
    text
}

#[tokio::test]
async fn every_store_over_every_database_behind_every_cache() {
    let mut running = JoinSet::new();
    spawn_all(&mut running);
    let mut cells = running.join_all().await;
    cells.sort_by_key(|cell| (cell.store, cell.database, cell.front));
    let table = table(&cells);
    println!("{table}");
    fs::write(Path::new(TABLE), table).unwrap();
    let in_memory = |store| {
        let bare = |cell: &&Cell| (cell.store, cell.database, cell.front) == (store, Database::Memory, Front::Bare);
        cells.iter().find(bare).and_then(|cell| cell.outcome.as_ref().ok()).map(|(made, _)| *made)
    };
    let mistakes: Vec<String> = cells.iter().filter_map(|cell| mistake(cell, in_memory(cell.store))).collect();
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}
