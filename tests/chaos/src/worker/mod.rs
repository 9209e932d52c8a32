//! A process with its own cache, which reads and writes until its operations are done.

mod calls;
mod logs;
mod orders;
mod recorder;
mod steady;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cache_chaos::history::{Line, LinkState};
use cache_chaos::rates::Apart;
use cache_core::{Cache, LinkStatus};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::registers::CachingRegisters;
use crate::rows::{Delays, Rows};
use crate::settings::{CALL, Load, Profile, STEADY_TASKS, TASKS};
use crate::{clock, controls};
use calls::Caller;
use orders::{Order, StopSignal};
use recorder::Recorder;
use steady::Steady;

/// The start arguments of a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Assignment {
    /// Its name in the history.
    pub(crate) process: String,
    /// Its number, which determines the numbers of its writes.
    pub(crate) number: u64,
    pub(crate) seed: u64,
    pub(crate) redis: String,
    pub(crate) postgres: String,
    /// The file of its lines.
    pub(crate) history: String,
    /// The settings of its cache.
    pub(crate) profile: Profile,
    /// The work of its callers.
    pub(crate) load: Load,
    /// The protection that is disabled in it.
    pub(crate) without: Option<String>,
}

/// The interval between looks at the connection's state.
const LOOK: Duration = Duration::from_millis(5);
/// The maximum interval between records of an unchanged state.
const LOOKS: u32 = 20;

/// Runs until the order to end.
pub(crate) fn work(assignment: &str) -> Result<(), Box<dyn std::error::Error>> {
    // A stopped process reads no orders: without this it would outlive its coordinator.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let assignment: Assignment = serde_json::from_str(assignment)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(assignment))
}

async fn serve(assignment: Assignment) -> Result<(), Box<dyn std::error::Error>> {
    let recorder = Arc::new(Recorder::create(&assignment.history)?);
    let Assignment { process, seed, number, profile, .. } = &assignment;
    logs::record(process, &recorder);
    let cache = connect(&assignment)?;
    let delays = Delays {
        slowest: (*profile == Profile::Short).then(|| profile.spans().lease * 2),
        overtaken: controls::needs_overtaken_loads(assignment.without.as_deref()),
    };
    let stops = StopSignal(Arc::clone(&recorder));
    let rows = Rows::connect(&assignment.postgres, process, seed ^ number, delays, stops).await?;
    let strict = controls::strict_mode(assignment.without.as_deref());
    let store = CachingRegisters::builder(Arc::clone(&rows), &cache).read_strict(|policy| policy.mode(strict)).build();
    tokio::spawn(watch(cache.clone(), process.clone(), Arc::clone(&recorder)));
    cache.connected(CALL).await;
    let halt = Arc::<AtomicBool>::default();
    let mut orders = orders::listen();
    orders::send("ready");
    while let Some(order) = orders.recv().await {
        let caller = |task| Caller::new(&assignment, task, (cache.clone(), store.clone()), Arc::clone(&recorder));
        match order {
            Order::Go => {
                let tasks = callers(&assignment.load, caller, &halt);
                drop(tokio::spawn(end_of_all(tasks, Arc::clone(&recorder))));
            }
            Order::Halt => halt.store(true, Ordering::Relaxed),
            Order::Crash => rows.stop_after_commit(),
            Order::ReadAll => {
                caller(TASKS).read_all().await;
                recorder.flush();
                orders::send("done");
            }
        }
    }
    cache.shutdown().await;
    recorder.flush();
    Ok(())
}

fn connect(assignment: &Assignment) -> Result<Cache, Box<dyn std::error::Error>> {
    let spans = assignment.profile.spans();
    let builder = assignment.profile.apply(Cache::builder().redis(&assignment.redis));
    Ok(controls::without(assignment.without.as_deref(), builder, spans).build()?)
}

/// Starts the callers.
fn callers(load: &Load, caller: impl Fn(u32) -> Caller, halt: &Arc<AtomicBool>) -> Vec<JoinHandle<()>> {
    match *load {
        Load::Drawn { operations, pace } => {
            (0..TASKS).map(|task| tokio::spawn(caller(task).work(operations, pace))).collect()
        }
        Load::Steady(Apart { reads, writes }) => {
            let steady = |task, pace| Steady { caller: caller(task), pace, halt: Arc::clone(halt) };
            let readers = reads.map(|pace| (0..STEADY_TASKS).map(move |task| (task, pace)));
            let writers = writes.map(|pace| (STEADY_TASKS..2 * STEADY_TASKS).map(move |task| (task, pace)));
            let readers = readers.into_iter().flatten().map(|(task, pace)| tokio::spawn(steady(task, pace).read()));
            let writers = writers.into_iter().flatten().map(|(task, pace)| tokio::spawn(steady(task, pace).write()));
            readers.chain(writers).collect()
        }
    }
}

async fn end_of_all(callers: Vec<JoinHandle<()>>, recorder: Arc<Recorder>) {
    for caller in callers {
        caller.await.expect("a caller does not panic");
    }
    recorder.flush();
    orders::send("done");
}

/// Records the cache's connection state on every change, and at intervals.
async fn watch(cache: Cache, process: String, recorder: Arc<Recorder>) {
    let mut last = None;
    for look in 0_u32.. {
        let at = clock::now();
        let health = cache.health().await;
        let connected = health.link == LinkStatus::Up;
        let state = (connected, health.shared, health.local, health.pending_invalidations as u64);
        if last.replace(state) != Some(state) || look % LOOKS == 0 {
            let (connected, shared, local, journal) = state;
            let process = process.clone();
            recorder.record(&Line::Link(LinkState { process, at, connected, shared, local, journal }));
            recorder.flush();
        }
        tokio::time::sleep(LOOK).await;
    }
}
