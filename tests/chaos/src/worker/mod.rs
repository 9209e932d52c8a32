//! A process with a cache of its own, which reads and writes until it has made its operations.

mod calls;
mod orders;
mod recorder;

use std::sync::Arc;
use std::time::Duration;

use cache_chaos::history::{Line, LinkState};
use cache_core::{Cache, Error};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde::{Deserialize, Serialize};

use crate::registers::CachingRegisters;
use crate::rows::Rows;
use crate::settings::{CALL, DEGRADED, LEASE, LOCK, READ_TIMEOUT, TASKS, WRITE_TIMEOUT};
use crate::{clock, controls};
use calls::Caller;
use orders::{Order, Say};
use recorder::Recorder;

/// What a worker is told when it is started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Assignment {
    /// Its name in the history.
    pub(crate) process: String,
    /// Its number, from which those of its writes are made.
    pub(crate) number: u64,
    pub(crate) seed: u64,
    pub(crate) redis: String,
    pub(crate) postgres: String,
    /// Where it writes its lines.
    pub(crate) history: String,
    /// How many operations each of its tasks makes.
    pub(crate) operations: u64,
    /// How long apart they are, if nothing holds them up.
    pub(crate) pace: Duration,
    /// The protection that it lacks.
    pub(crate) without: Option<String>,
}

/// How often the state of the connection is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// How often it is written down even if it has not changed.
const LOOKS: u32 = 20;

/// Runs until it is told to end.
pub(crate) fn work(assignment: &str) -> Result<(), Box<dyn std::error::Error>> {
    // A stopped process reads no orders: without this it would outlive whoever started it.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let assignment: Assignment = serde_json::from_str(assignment)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(assignment))
}

async fn serve(assignment: Assignment) -> Result<(), Box<dyn std::error::Error>> {
    let recorder = Arc::new(Recorder::create(&assignment.history)?);
    let cache = connect(&assignment)?;
    let Assignment { process, seed, number, .. } = &assignment;
    let rows = Rows::connect(&assignment.postgres, process, seed ^ number, Say(Arc::clone(&recorder))).await?;
    let strict = controls::strict_mode(assignment.without.as_deref());
    let store = CachingRegisters::builder(Arc::clone(&rows), &cache).read_strict(|policy| policy.mode(strict)).build();
    tokio::spawn(watch(cache.clone(), process.clone(), Arc::clone(&recorder)));
    cache.connected(CALL).await;
    let mut orders = orders::listen();
    orders::say("ready");
    while let Some(order) = orders.recv().await {
        let caller = |task| Caller::new(&assignment, task, (cache.clone(), store.clone()), Arc::clone(&recorder));
        match order {
            Order::Go => drop(tokio::spawn(work_all((0..TASKS).map(caller).collect(), Arc::clone(&recorder)))),
            Order::Crash => rows.stop_after_commit(),
            Order::ReadAll => {
                caller(TASKS).read_all().await;
                recorder.flush();
                orders::say("done");
            }
        }
    }
    cache.shutdown().await;
    recorder.flush();
    Ok(())
}

fn connect(assignment: &Assignment) -> Result<Cache, Error> {
    let builder = Cache::builder().redis(&assignment.redis).lease(LEASE).lock(LOCK).degraded_ttl(DEGRADED);
    let builder = builder.read_timeout(READ_TIMEOUT).write_timeout(WRITE_TIMEOUT);
    controls::without(assignment.without.as_deref(), builder).build()
}

async fn work_all(callers: Vec<Caller>, recorder: Arc<Recorder>) {
    let tasks: Vec<_> = callers.into_iter().map(|caller| tokio::spawn(caller.work())).collect();
    for task in tasks {
        task.await.expect("a caller does not panic");
    }
    recorder.flush();
    orders::say("done");
}

/// Writes down what the cache knows of its connection: when it changes, and now and then.
async fn watch(cache: Cache, process: String, recorder: Arc<Recorder>) {
    let mut last = None;
    for look in 0_u32.. {
        let at = clock::now();
        let health = cache.health().await;
        let state = (health.shared, health.local, health.journal as u64);
        if last.replace(state) != Some(state) || look % LOOKS == 0 {
            let (shared, local, journal) = state;
            recorder.record(&Line::Link(LinkState { process: process.clone(), at, shared, local, journal }));
            recorder.flush();
        }
        tokio::time::sleep(LOOK).await;
    }
}
