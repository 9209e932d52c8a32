//! Explores small scenarios of the real code under every order of their steps, or many: `scripts/interleavings`.
//!
//! [shuttle](https://docs.rs/shuttle) runs a scenario repeatedly and decides at each lock and atomic which thread
//! continues. If a scenario is small, every order is tried. Otherwise orders are sampled in two ways: at random, and by
//! priorities that change at a few points (S. Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees
//! of Finding Bugs"). A task that never ends is detected as a deadlock. Atomics are sequentially consistent here: the
//! effects of weaker orderings are not explored.
//!
//! A scenario returns an observation, and a test checks the observations of all orders. Its control runs the same
//! scenario with the protection disabled, and must observe the error.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// The number of orders that are sampled in each of the two ways.
const DRAWN: usize = 5_000;
/// The number of points at which priorities change. Most bugs need two or three.
const DEPTH: usize = 3;
/// The most orders to try: a scenario that exceeds it is too large.
const MOST: usize = 2_000_000;
/// The stack size: the read path has deep futures.
const STACK: usize = 1 << 20;
/// A fixed seed, for the same orders in every run.
const SEED: u64 = 0x5eed;

/// The observations, with the number of orders of each.
pub(crate) type Seen<O> = BTreeMap<O, usize>;

/// Runs the scenario in every order, and returns all its observations.
pub(crate) fn every_order<O: Ord + Debug + Send + 'static>(
    name: &str,
    scenario: impl Fn() -> O + Send + Sync + 'static,
) -> Seen<O> {
    let seen = Arc::new(Mutex::new(Seen::new()));
    let orders = run(DfsScheduler::new(Some(MOST), false), &seen, Arc::new(scenario));
    assert!(orders < MOST, "{name} has too many orders to try each");
    report(name, "every one of", orders, &seen)
}

/// Runs the scenario in many orders, and returns its observations.
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
    // The write path checks for a runtime, although its tasks run in the explorer.
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
