//! Many writers and readers of a few keys, checked against an atomic register.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cache_core::ReadPolicy;

use super::register::{CachingRegister, Register, RegisterError};
use super::world::{Instance, World};

/// A store whose rows count the commits of each key.
#[derive(Default)]
struct Commits {
    rows: Mutex<HashMap<u64, u64>>,
    /// The count that each write produced, by its value.
    made: Mutex<HashMap<u64, u64>>,
}

impl Commits {
    fn row(&self, key: u64) -> Option<u64> {
        self.rows.lock().unwrap().get(&key).copied()
    }

    /// The count that the write of this value produced.
    fn made_by(&self, value: u64) -> u64 {
        self.made.lock().unwrap()[&value]
    }
}

#[async_trait]
impl Register for Commits {
    async fn get(&self, key: u64) -> Result<Option<u64>, RegisterError> {
        let row = self.row(key);
        // Lets other tasks interleave.
        tokio::task::yield_now().await;
        Ok(row)
    }

    async fn get_many(&self, keys: &[u64]) -> Result<BTreeMap<u64, u64>, RegisterError> {
        Ok(keys.iter().filter_map(|key| Some((*key, self.row(*key)?))).collect())
    }

    async fn set(&self, key: u64, value: u64) -> Result<(), RegisterError> {
        self.put(key, value).await.map(drop)
    }

    async fn put(&self, key: u64, value: u64) -> Result<u64, RegisterError> {
        tokio::task::yield_now().await;
        let row = {
            let mut rows = self.rows.lock().unwrap();
            let row = rows.entry(key).or_default();
            *row += 1;
            self.made.lock().unwrap().insert(value, *row);
            *row
        };
        tokio::task::yield_now().await;
        Ok(row)
    }

    async fn delete(&self, _: u64) -> Result<(), RegisterError> {
        Err(RegisterError::Refused)
    }

    async fn text(&self, _: &str, _: &str) -> Result<String, RegisterError> {
        Err(RegisterError::Refused)
    }

    async fn touch(&self, _: &str) -> Result<(), RegisterError> {
        Err(RegisterError::Refused)
    }
}

/// The amount of work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) keys: u64,
    /// The number of calls of each task.
    pub(super) rounds: u64,
    /// The number of writer tasks of each instance.
    pub(super) writers: u64,
    pub(super) readers: u64,
}

/// The outcome of a plan.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) reads: u64,
    /// Reads older than a value that was acknowledged or returned before they began.
    pub(super) too_old: u64,
    pub(super) shared_hits: u64,
}

/// Three instances over one store.
pub(super) struct Hammer {
    instances: Vec<Instance>,
    commits: Arc<Commits>,
    next: AtomicU64,
}

impl Hammer {
    pub(super) async fn new(world: &World) -> Self {
        let instances = vec![world.instance().await, world.instance().await, world.instance().await];
        Self { instances, commits: Arc::default(), next: AtomicU64::new(1) }
    }

    /// Runs the plan to its end.
    pub(super) async fn run(&self, plan: Plan) -> Report {
        let floors: Arc<Vec<AtomicU64>> = Arc::new((0..plan.keys).map(|_| AtomicU64::new(0)).collect());
        let (mut writers, mut readers) = (Vec::new(), Vec::new());
        for instance in &self.instances {
            // The lease bounds the age of local hits; this plan checks the shared tier only.
            let store = CachingRegister::builder(Arc::clone(&self.commits), &instance.cache);
            let store = Arc::new(store.get(ReadPolicy::local_off).build());
            for _ in 0..plan.writers {
                let values = self.next.fetch_add(plan.rounds, Ordering::SeqCst)..;
                let job = Job { store: Arc::clone(&store), floors: Arc::clone(&floors), plan };
                writers.push(tokio::spawn(job.write(Arc::clone(&self.commits), values)));
            }
            for offset in 0..plan.readers {
                let job = Job { store: Arc::clone(&store), floors: Arc::clone(&floors), plan };
                readers.push(tokio::spawn(job.read(offset)));
            }
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let mut report = Report::default();
        for reader in readers {
            report.too_old += reader.await.unwrap();
            report.reads += plan.rounds;
        }
        report.shared_hits = self.instances.iter().map(|instance| instance.stats().shared_hits).sum();
        report
    }
}

/// The work of one task.
struct Job {
    store: Arc<CachingRegister<Commits>>,
    /// For each key, the lowest count that a read starting now may return.
    floors: Arc<Vec<AtomicU64>>,
    plan: Plan,
}

impl Job {
    /// The key of a round, and the index of its floor.
    fn key(&self, round: u64) -> (u64, usize) {
        let key = round % self.plan.keys;
        (key, usize::try_from(key).unwrap())
    }

    async fn write(self, commits: Arc<Commits>, values: std::ops::RangeFrom<u64>) {
        for (round, value) in (0..self.plan.rounds).zip(values) {
            let (key, at) = self.key(round * 11);
            if round % 2 == 0 {
                self.store.set(key, value).await.unwrap();
            } else {
                self.store.put(key, value).await.unwrap();
            }
            self.floors[at].fetch_max(commits.made_by(value), Ordering::SeqCst);
        }
    }

    /// Returns how many reads were too old.
    async fn read(self, offset: u64) -> u64 {
        let mut too_old = 0;
        for round in 0..self.plan.rounds {
            let (key, at) = self.key(round + offset);
            let floor = self.floors[at].load(Ordering::SeqCst);
            let seen = self.store.get(key).await.unwrap().unwrap_or(0);
            too_old += u64::from(seen < floor);
            self.floors[at].fetch_max(seen, Ordering::SeqCst);
        }
        too_old
    }
}
