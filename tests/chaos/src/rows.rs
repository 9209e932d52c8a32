//! The registers in Postgres.
//!
//! Some calls are delayed, and a writer can be stopped after its commit.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cache_chaos::history::{Commit, Mode};
use cache_chaos::random::Random;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Executor as _, Row as _};

use crate::clock;
use crate::registers::{Change, RegisterError, Registers, Tagged};
use crate::settings::{GROUPS, MEMBERS, MODES, STATEMENT, word};

const SCHEMA: &str = "
    CREATE TABLE registers (
        key text PRIMARY KEY,
        family text NOT NULL,
        version bigint NOT NULL DEFAULT 0,
        present boolean NOT NULL DEFAULT false
    );
    CREATE INDEX registers_by_family ON registers (family, key);
    CREATE TABLE writes (
        id bigint NOT NULL,
        process text NOT NULL,
        key text NOT NULL,
        version bigint NOT NULL,
        present boolean NOT NULL,
        locked boolean NOT NULL,
        begun bigint NOT NULL
    );
    CREATE TABLE tokens (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        process text NOT NULL,
        family bigint NOT NULL,
        member bigint NOT NULL,
        write bigint NOT NULL,
        token text NOT NULL
    );
";

/// One statement, which writes a version and its line in the list together.
const WRITE_ONE: &str = "
    WITH written AS (
        UPDATE registers SET version = version + 1, present = $2 WHERE key = $1 RETURNING key, version, present
    )
    INSERT INTO writes SELECT $3, $4, key, version, present, $5, $6 FROM written RETURNING version
";

/// Locks the rows in a fixed order, to avoid deadlocks.
const WRITE_FAMILY: &str = "
    WITH locked AS (SELECT key FROM registers WHERE family = $1 AND present ORDER BY key FOR UPDATE),
    written AS (
        UPDATE registers SET version = version + 1 FROM locked WHERE registers.key = locked.key
        RETURNING registers.key, version, present
    )
    INSERT INTO writes SELECT $2, $3, key, version, present, $4, $5 FROM written
";

/// The rows as one process sees them.
#[derive(Debug)]
pub(crate) struct Rows {
    pool: PgPool,
    process: String,
    seed: u64,
    calls: AtomicU64,
    stops: AtomicBool,
    delays: Delays,
    stopped: Box<dyn Stopped>,
}

/// Which calls of a process are delayed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delays {
    /// Some calls take up to this time.
    pub(crate) slowest: Option<Duration>,
    /// Some loads answer only once a write has overtaken them, so that controls succeed.
    pub(crate) overtaken: bool,
}

/// Notified when a writer has stopped after its commit.
pub(crate) trait Stopped: std::fmt::Debug + Send + Sync {
    /// Saves all data, since the process is killed next.
    fn stopped(&self);
}

/// Creates the tables.
pub(crate) async fn create(url: &str) -> Result<(), sqlx::Error> {
    let pool = pool(url, 1).await?;
    pool.execute(SCHEMA).await?;
    for mode in MODES {
        for group in 0..GROUPS {
            for member in 0..MEMBERS {
                let insert = sqlx::query("INSERT INTO registers (key, family) VALUES ($1, $2)");
                insert.bind(key(mode, group, member)).bind(family(mode, group)).execute(&pool).await?;
            }
        }
    }
    pool.close().await;
    Ok(())
}

/// Ends every other connection to the database.
pub(crate) async fn end_connections(url: &str) -> Result<(), sqlx::Error> {
    let pool = pool(url, 1).await?;
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    pool.execute(others).await?;
    pool.close().await;
    Ok(())
}

/// All written versions. Statements of killed processes have ended by that time.
pub(crate) async fn commits(url: &str) -> Result<Vec<Commit>, sqlx::Error> {
    let pool = pool(url, 1).await?;
    tokio::time::sleep(STATEMENT).await;
    let rows = sqlx::query("SELECT id, process, key, version, present, locked, begun FROM writes");
    let rows = rows.fetch_all(&pool).await?;
    pool.close().await;
    let commit = |row: &sqlx::postgres::PgRow| {
        Ok(Commit {
            id: row.try_get::<i64, _>("id")?.cast_unsigned(),
            process: row.try_get("process")?,
            key: row.try_get("key")?,
            version: row.try_get::<i64, _>("version")?.cast_unsigned(),
            present: row.try_get("present")?,
            locked: row.try_get("locked")?,
            begun: row.try_get::<i64, _>("begun")?.cast_unsigned(),
        })
    };
    rows.iter().map(commit).collect()
}

pub(crate) fn key(mode: Mode, group: u32, member: u32) -> String {
    format!("{}:{group}:{member}", word(mode))
}

/// The common part of a group's rows.
pub(crate) fn family(mode: Mode, group: u32) -> String {
    format!("{}:{group}:*", word(mode))
}

async fn pool(url: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    let timeout = STATEMENT.as_millis().to_string();
    let options = PgConnectOptions::from_str(url)?.options([("statement_timeout", timeout)]);
    let pool = PgPoolOptions::new().max_connections(connections).min_connections(connections);
    pool.acquire_timeout(Duration::from_secs(8)).connect_with(options).await
}

impl Rows {
    /// Connects a process.
    pub(crate) async fn connect(
        url: &str,
        process: &str,
        seed: u64,
        delays: Delays,
        stopped: impl Stopped + 'static,
    ) -> Result<Arc<Self>, sqlx::Error> {
        let pool = pool(url, 12).await?;
        let (calls, stops) = (AtomicU64::new(0), AtomicBool::new(false));
        Ok(Arc::new(Self { pool, process: process.to_owned(), seed, calls, stops, delays, stopped: Box::new(stopped) }))
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Stops the next write after its commit, for good.
    pub(crate) fn stop_after_commit(&self) {
        self.stops.store(true, Ordering::Release);
    }

    /// Delays some calls, a few of them for longer than the lease.
    async fn dawdle(&self, cases: u64) {
        let Some(slowest) = self.delays.slowest else { return };
        let mut random = self.random();
        let longest = if random.per_mille(100) { slowest } else { Duration::from_millis(30) };
        if random.per_mille(cases) {
            tokio::time::sleep(random.span(Duration::from_millis(1), longest)).await;
        }
    }

    fn random(&self) -> Random {
        Random::below(self.seed, &[self.calls.fetch_add(1, Ordering::Relaxed)])
    }

    async fn load(&self, mode: Mode, group: u32, member: u32) -> Result<Option<u64>, RegisterError> {
        let key = key(mode, group, member);
        let version = self.version(&key).await?;
        self.dawdle(30).await;
        if self.delays.overtaken && self.random().per_mille(100) {
            self.wait_until_overtaken(&key, version).await?;
        }
        Ok(version.map(i64::cast_unsigned))
    }

    async fn version(&self, key: &str) -> Result<Option<i64>, RegisterError> {
        let select = sqlx::query_scalar("SELECT version FROM registers WHERE key = $1 AND present");
        Ok(select.bind(key).fetch_optional(&self.pool).await?)
    }

    /// Waits up to a second for another version, and then for its writer's release.
    async fn wait_until_overtaken(&self, key: &str, version: Option<i64>) -> Result<(), RegisterError> {
        for _ in 0..50 {
            let is_overtaken = self.version(key).await? != version;
            tokio::time::sleep(Duration::from_millis(20)).await;
            if is_overtaken {
                break;
            }
        }
        Ok(())
    }

    async fn load_many(&self, mode: Mode, group: u32, members: &[u32]) -> Result<BTreeMap<u32, u64>, RegisterError> {
        let keys: Vec<String> = members.iter().map(|member| key(mode, group, *member)).collect();
        let select = sqlx::query_as("SELECT key, version FROM registers WHERE key = ANY($1) AND present");
        let rows: Vec<(String, i64)> = select.bind(&keys).fetch_all(&self.pool).await?;
        self.dawdle(30).await;
        let version_of = |key: &String| rows.iter().find(|(found, _)| found == key).map(|(_, version)| version);
        let found = members.iter().zip(&keys).filter_map(|(member, key)| Some((*member, version_of(key)?)));
        Ok(found.map(|(member, version)| (member, version.cast_unsigned())).collect())
    }

    async fn write_one(&self, key: String, change: Change) -> Result<u64, RegisterError> {
        let (locked, begun) = (cache_core::testing::announced() == Some(true), clock::now());
        self.dawdle(20).await;
        let insert = sqlx::query_scalar(WRITE_ONE).bind(key).bind(change.present).bind(change.write.cast_signed());
        let insert = insert.bind(&self.process).bind(locked).bind(begun.cast_signed());
        let version: i64 = insert.fetch_one(&self.pool).await?;
        self.committed().await;
        Ok(version.cast_unsigned())
    }

    async fn write_family(&self, family: String, write: u64) -> Result<(), RegisterError> {
        let (locked, begun) = (cache_core::testing::announced() == Some(true), clock::now());
        self.dawdle(20).await;
        let insert = sqlx::query(WRITE_FAMILY).bind(family).bind(write.cast_signed());
        let insert = insert.bind(&self.process).bind(locked).bind(begun.cast_signed());
        insert.execute(&self.pool).await?;
        self.committed().await;
        Ok(())
    }

    async fn committed(&self) {
        if self.stops.swap(false, Ordering::AcqRel) {
            self.stopped.stopped();
            std::future::pending::<()>().await;
        }
        self.dawdle(20).await;
    }
}

#[async_trait]
impl Registers for Rows {
    async fn read_safe(&self, group: u32, member: u32) -> Result<Option<u64>, RegisterError> {
        self.load(Mode::Safe, group, member).await
    }

    async fn read_tagged(&self, group: u32, member: u32) -> Result<Tagged, RegisterError> {
        let version = self.load(Mode::Safe, group, member).await?;
        Ok(Tagged { place: (group, member), version })
    }

    async fn read_aging(&self, group: u32, member: u32) -> Result<Option<u64>, RegisterError> {
        self.load(Mode::Safe, group, member).await
    }

    async fn read_many(&self, group: u32, members: &[u32]) -> Result<BTreeMap<u32, u64>, RegisterError> {
        self.load_many(Mode::Safe, group, members).await
    }

    async fn write_safe(&self, group: u32, member: u32, change: Change) -> Result<u64, RegisterError> {
        self.write_one(key(Mode::Safe, group, member), change).await
    }

    async fn store_safe(&self, group: u32, member: u32, change: Change) -> Result<u64, RegisterError> {
        self.write_safe(group, member, change).await
    }

    async fn touch_safe(&self, group: u32, write: u64) -> Result<(), RegisterError> {
        self.write_family(family(Mode::Safe, group), write).await
    }

    async fn read_fast(&self, group: u32, member: u32) -> Result<Option<u64>, RegisterError> {
        self.load(Mode::Fast, group, member).await
    }

    async fn write_fast(&self, group: u32, member: u32, change: Change) -> Result<u64, RegisterError> {
        self.write_one(key(Mode::Fast, group, member), change).await
    }

    async fn store_fast(&self, group: u32, member: u32, change: Change) -> Result<u64, RegisterError> {
        self.write_fast(group, member, change).await
    }

    async fn touch_fast(&self, group: u32, write: u64) -> Result<(), RegisterError> {
        self.write_family(family(Mode::Fast, group), write).await
    }

    async fn read_strict(&self, group: u32, member: u32) -> Result<Option<u64>, RegisterError> {
        self.load(Mode::Strict, group, member).await
    }

    async fn write_strict(&self, group: u32, member: u32, change: Change) -> Result<u64, RegisterError> {
        self.write_one(key(Mode::Strict, group, member), change).await
    }

    async fn store_strict(&self, group: u32, member: u32, change: Change) -> Result<u64, RegisterError> {
        self.write_strict(group, member, change).await
    }

    async fn touch_strict(&self, group: u32, write: u64) -> Result<(), RegisterError> {
        self.write_family(family(Mode::Strict, group), write).await
    }
}
