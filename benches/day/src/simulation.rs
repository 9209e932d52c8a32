//! The clock, the reads and the outage.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use cache_core::testing::ManualClock;
use cache_core::{Cache, MemoryRemote, ReadPolicy};
use tokio::runtime::Builder;
use tokio::task::yield_now;

use crate::popularity::Popularity;
use crate::store::{CachingRateStore, Condition, RateError, SlowStore, TTL};
use crate::tally::{Ended, Report, Tally};

/// Changes the policy that the annotation has: a time to live of five minutes, with the default jitter.
pub type Options = fn(ReadPolicy) -> ReadPolicy;

/// A part of the trace during which the store does not answer.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    /// When it begins, from the start of the counting.
    pub begins: Duration,
    /// How long it lasts.
    pub lasts: Duration,
    /// Whether a call hangs until its deadline. If not, it fails at once.
    pub hangs: bool,
}

/// Reads to simulate.
#[derive(Debug, Clone, Copy)]
pub struct Trace {
    /// The time from one read to the next. The clock advances in such steps.
    pub interval: Duration,
    /// The time that is simulated and counted.
    pub length: Duration,
    /// The time that is simulated before, so that the counting begins with a warm cache.
    pub warm_up: Duration,
    /// The number of keys.
    pub keys: u32,
    /// The exponent of the Zipf distribution of the keys.
    pub exponent: f64,
    /// Determines the keys and their order.
    pub seed: u64,
    /// How long the store takes for a call.
    pub store_takes: Duration,
    /// How long a caller waits for the store at most.
    pub deadline: Duration,
    /// When the store does not answer, if ever.
    pub outage: Option<Outage>,
}

impl Trace {
    /// A day at 1,000 reads a second over 10,000 keys, with a store that takes 20 ms.
    ///
    /// The exponent is the default of YCSB (Cooper et al., "Benchmarking cloud serving systems with YCSB", 2010).
    pub const DAY: Self = Self {
        interval: Duration::from_millis(1),
        length: Duration::from_hours(24),
        warm_up: Duration::from_mins(30),
        keys: 10_000,
        exponent: 0.99,
        seed: 1,
        store_takes: Duration::from_millis(20),
        deadline: Duration::from_secs(30),
        outage: None,
    };

    /// The time to live of the entries.
    pub const TTL: Duration = TTL;

    /// Simulates the trace with these options.
    ///
    /// Two calls read the same keys at the same times. The jitter of the lives is drawn anew, so that the figures
    /// differ by as much as chance allows.
    ///
    /// # Panics
    ///
    /// If the cache cannot be built.
    pub fn simulate(self, options: Options) -> Report {
        // All tasks that can run do so before the simulation continues: with a shorter interval, only some of them would.
        let runtime = Builder::new_current_thread().event_interval(u32::MAX).build();
        runtime.expect("a runtime").block_on(async { Simulation::new(self, options).await.run().await })
    }

    /// The state of the store at this time since the start of the counting.
    fn condition(&self, now: Duration) -> Condition {
        match self.outage {
            Some(Outage { begins, lasts, hangs }) if now >= begins && now < begins + lasts => {
                if hangs {
                    Condition::Hangs
                } else {
                    Condition::Refuses
                }
            }
            _ => Condition::Up,
        }
    }
}

type Read = Pin<Box<dyn Future<Output = Result<Duration, RateError>> + Send>>;

struct Simulation {
    trace: Trace,
    clock: ManualClock,
    cache: Cache,
    store: Arc<SlowStore>,
    reads: CachingRateStore<SlowStore>,
    popularity: Popularity,
    tally: Arc<Mutex<Tally>>,
    /// When the counting begins.
    origin: Duration,
}

impl Simulation {
    async fn new(trace: Trace, options: Options) -> Self {
        let clock = ManualClock::new();
        let remote = MemoryRemote::with_clock(clock.clone());
        let cache = Cache::builder().clock(clock.clone()).remote(remote).load_deadline(trace.deadline).build();
        let cache = cache.expect("a shared tier in memory needs no settings");
        let store = Arc::new(SlowStore::new(&clock, trace.store_takes));
        let reads = CachingRateStore::builder(Arc::clone(&store), &cache).rate(options).build();
        assert!(cache.connected(Duration::from_secs(1)).await, "a shared tier in memory is reachable");
        Self {
            popularity: Popularity::zipf(trace.keys, trace.exponent, trace.seed),
            tally: Arc::default(),
            origin: clock.elapsed() + trace.warm_up,
            trace,
            clock,
            cache,
            store,
            reads,
        }
    }

    async fn run(mut self) -> Report {
        self.read_until(self.origin).await;
        self.tally = Arc::default();
        let before = self.cache.stats();
        self.read_until(self.origin + self.trace.length).await;
        // Each read in progress has a handle.
        while Arc::strong_count(&self.tally) > 1 {
            self.advance().await;
        }
        let counted = self.cache.stats().since(&before).total();
        lock(&self.tally).report(self.trace.length, counted.stale_hits + counted.stale_if_error)
    }

    /// Begins one read at each step of the clock.
    async fn read_until(&mut self, end: Duration) {
        while self.clock.elapsed() < end {
            self.advance().await;
            self.begin_read().await;
            settle().await;
            lock(&self.tally).loads(self.now(), self.store.take_calls());
        }
    }

    /// Advances the clock by one step.
    async fn advance(&self) {
        self.clock.advance(self.trace.interval);
        self.store.set(self.trace.condition(self.now()));
        self.store.answer();
        settle().await;
    }

    /// The time since the start of the counting.
    fn now(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.origin)
    }

    /// Begins a read. Only one that has to wait becomes a task.
    async fn begin_read(&mut self) {
        let (reads, key) = (self.reads.clone(), self.popularity.draw());
        let mut read: Read = Box::pin(async move { reads.rate(key).await });
        let began = self.clock.elapsed();
        let first = poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await;
        let (clock, tally, origin) = (self.clock.clone(), Arc::clone(&self.tally), self.origin);
        let ended = move |result: Result<Duration, RateError>| {
            let now = clock.elapsed();
            let result = result.map(|loaded| now.saturating_sub(loaded));
            lock(&tally).read(&Ended { latency: now.saturating_sub(began), now: now.saturating_sub(origin), result });
        };
        match first {
            Poll::Ready(result) => ended(result),
            Poll::Pending => drop(tokio::spawn(async move { ended(read.await) })),
        }
    }
}

/// Runs the tasks that can run, and those that they wake.
async fn settle() {
    yield_now().await;
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
