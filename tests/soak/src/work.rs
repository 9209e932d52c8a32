//! What the callers do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::options::Options;
use crate::rows::{CachingRows, Generated};

const CALLERS: u64 = 64;
/// The number of keys that a caller reads again and again.
const HOT: u64 = 512;
/// One operation in this many is a write of a hot key, and one of the whole method.
const WRITES: u64 = 1_000;
const GROUP_WRITES: u64 = 1_000_000;
/// A local hit never waits: a caller lets others run after this many operations.
const TURN: u64 = 256;

/// One half of the operations.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    operations: u64,
    /// The first cold key of this half, and their number.
    first: u64,
    keys: u64,
    limit: Duration,
    seed: u64,
}

impl Work {
    pub(crate) fn of_half(options: &Options, half: u64) -> Self {
        let keys = options.keys / 2;
        Self {
            operations: options.operations / 2,
            first: half * keys,
            keys,
            limit: options.limit / 2,
            seed: options.seed + half * CALLERS,
        }
    }

    /// Returns the number of operations that were done in the time.
    pub(crate) async fn run(&self, store: &Arc<CachingRows<Generated>>) -> u64 {
        let (done, end) = (Arc::new(AtomicU64::new(0)), Instant::now() + self.limit);
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            callers.spawn(self.clone().call(caller, Arc::clone(store), Arc::clone(&done), end));
        }
        callers.join_all().await;
        done.load(Ordering::Relaxed)
    }

    async fn call(self, caller: u64, store: Arc<CachingRows<Generated>>, done: Arc<AtomicU64>, end: Instant) {
        let mut random = Random(self.seed + caller);
        let (operations, keys) = (self.operations / CALLERS, self.keys / CALLERS);
        let mut cold = self.first + caller * keys;
        for operation in 0..operations {
            let hot = random.below(HOT);
            let outcome = if random.below(GROUP_WRITES) == 0 {
                store.set_all().await
            } else if random.below(WRITES) == 0 {
                store.set_row(hot).await
            } else if random.below(operations) < keys {
                cold += 1;
                store.row(cold).await.map(|row| assert!(row.is_none_or(|row| row.id == cold)))
            } else {
                store.row(hot).await.map(|row| assert!(row.is_none_or(|row| row.id == hot)))
            };
            outcome.expect("the store does not fail, and no fault of Redis reaches a caller");
            if operation.is_multiple_of(TURN) {
                done.fetch_add(TURN.min(operations - operation), Ordering::Relaxed);
                if Instant::now() > end {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
    }
}

/// `SplitMix64` (G. Steele, D. Lea, C. Flood).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % bound.max(1)
    }
}
