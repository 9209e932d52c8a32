//! Small scenarios of the real code under every order of its steps, or very many: `scripts/interleavings`.
//!
//! [shuttle](https://docs.rs/shuttle) runs a scenario again and again and decides at each lock and atomic who goes on.
//! Where a scenario is small, every order is tried; else orders are drawn in two ways, at random and by priorities that
//! change at a few points (S. Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs").
//! A task that waits for ever is found as a deadlock. Atomics are sequentially consistent here: what a weaker order allows
//! is not explored.
//!
//! A scenario returns what it saw, and a test judges all that was seen. Its control runs the same scenario with the
//! protection taken out, and has to see what must not be.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// How many orders are drawn in each of the two ways.
const DRAWN: usize = 5_000;
/// At how many points priorities change. Most bugs need two or three.
const DEPTH: usize = 3;
/// Where to give up trying every order: such a scenario is too large for it.
const MOST: usize = 2_000_000;
/// The read path has deep futures.
const STACK: usize = 1 << 18;
/// The same orders in every run.
const SEED: u64 = 0x5eed;

/// What was seen, and in how many orders.
pub(crate) type Seen<O> = BTreeMap<O, usize>;

/// Everything that the scenario can see: runs it in every order.
pub(crate) fn every_order<O: Ord + Debug + Send + 'static>(
    name: &str,
    scenario: impl Fn() -> O + Send + Sync + 'static,
) -> Seen<O> {
    let seen = Arc::new(Mutex::new(Seen::new()));
    let orders = run(DfsScheduler::new(Some(MOST), false), &seen, Arc::new(scenario));
    assert!(orders < MOST, "{name} has too many orders to try each");
    report(name, "every one of", orders, &seen)
}

/// What the scenario sees in many orders.
pub(crate) fn many_orders<O: Ord + Debug + Send + 'static>(
    name: &str,
    scenario: impl Fn() -> O + Send + Sync + 'static,
) -> Seen<O> {
    let seen = Arc::new(Mutex::new(Seen::new()));
    let scenario = Arc::new(scenario);
    let random = run(RandomScheduler::new_from_seed(SEED, DRAWN), &seen, Arc::clone(&scenario));
    let by_priority = run(PctScheduler::new_from_seed(SEED, DEPTH, DRAWN), &seen, scenario);
    report(name, "some", random + by_priority, &seen)
}

fn run<O: Ord + Send + 'static>(
    scheduler: impl Scheduler + 'static,
    seen: &Arc<Mutex<Seen<O>>>,
    scenario: Arc<impl Fn() -> O + Send + Sync + 'static>,
) -> usize {
    // The write path asks whether there is a runtime; its tasks are the explorer's all the same.
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _entered = runtime.enter();
    let seen = Arc::clone(seen);
    let mut config = Config::new();
    config.stack_size = STACK;
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(move || {
        let outcome = scenario();
        *seen.lock().unwrap_or_else(PoisonError::into_inner).entry(outcome).or_default() += 1;
    })
}

fn report<O: Ord + Debug>(name: &str, which: &str, orders: usize, seen: &Mutex<Seen<O>>) -> Seen<O> {
    let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    println!("{name}: {which} {orders} orders, seen {seen:?}");
    seen
}
