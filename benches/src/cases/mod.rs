//! The cases whose instructions, allocations and futures the gates count.
//!
//! A case is prepared once, and then does the same operation any number of times. The programs `hits` and `memory` run
//! the same cases: the first one under an instruction counter, the second one with an allocator that counts.

mod local;
mod peers;
mod shared;

use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use cache_core::{Cache, MemoryRemote};
use stores::TenantId;
use tokio::runtime::Runtime;

use crate::{TENANTS, Tenants};

/// For what does not depend on their number.
const FEW: usize = 100;
/// Enough to leave the second level of a processor's cache, and few enough for a fill under an instruction counter.
const SOME: usize = 2_000;

/// Longer than any run, also one under an instruction counter.
const LEASE: Duration = Duration::from_hours(1);
/// The limit on the time until a tier in the same process answers.
const TIME_TO_CONNECT: Duration = Duration::from_mins(1);
/// Longer than a read waits under an instruction counter.
const PATIENCE: Duration = Duration::from_mins(1);

/// A case: its name, and what it does.
#[derive(Debug)]
pub struct Case {
    /// The name on the command line and in benches/gates.txt.
    pub name: &'static str,
    /// The number of tenants that it is counted with.
    pub tenants: usize,
    prepare: fn(&Stage) -> Work,
}

impl Case {
    /// Creates everything that the operation needs, such as a cache with every tenant in it.
    pub fn prepare(&self, stage: &Stage) -> Work {
        (self.prepare)(stage)
    }

    /// The case of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|case| case.name == name)
    }
}

/// Every case. The first one is the loop around the others, whose cost is subtracted from theirs.
pub const ALL: [Case; 15] = [
    Case { name: "empty", tenants: FEW, prepare: peers::empty },
    Case { name: "hit", tenants: TENANTS, prepare: local::inherent },
    Case { name: "hit-dyn", tenants: TENANTS, prepare: local::dynamic },
    Case { name: "hit-leased", tenants: TENANTS, prepare: local::leased },
    Case { name: "hit-leased-dyn", tenants: TENANTS, prepare: local::leased_dynamic },
    Case { name: "hit-negative", tenants: TENANTS, prepare: local::negative },
    Case { name: "hit-visible", tenants: TENANTS, prepare: local::visible },
    Case { name: "batch-100", tenants: TENANTS, prepare: local::batch },
    Case { name: "key-text", tenants: FEW, prepare: shared::key_text },
    Case { name: "seal", tenants: FEW, prepare: shared::seal },
    Case { name: "open", tenants: FEW, prepare: shared::open },
    Case { name: "shared-look-up", tenants: SOME, prepare: shared::look_up },
    Case { name: "quick_cache", tenants: TENANTS, prepare: peers::quick_by_tenant },
    Case { name: "moka", tenants: TENANTS, prepare: peers::moka_by_text },
    Case { name: "hand-written-dyn", tenants: TENANTS, prepare: peers::hand_written },
];

/// What every case begins with: the tenants, and a runtime on this thread.
#[derive(Debug)]
pub struct Stage {
    runtime: Rc<Runtime>,
    tenants: Tenants,
}

impl Stage {
    /// Creates a stage with this number of tenants.
    ///
    /// # Panics
    ///
    /// If the system has no room for a runtime.
    pub fn new(tenants: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { runtime: Rc::new(runtime), tenants: Tenants::new(tenants) }
    }

    /// The runtime, in which the cases have to be prepared and run.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    fn order(&self) -> Vec<TenantId> {
        self.tenants.order().to_vec()
    }

    /// A cache with a shared tier in this process.
    fn linked() -> Cache {
        let cache = Cache::builder().remote(MemoryRemote::new()).lease(LEASE).read_timeout(PATIENCE);
        cache.build().expect("settings in range")
    }

    fn connect(&self, cache: &Cache) {
        assert!(self.runtime.block_on(cache.connected(TIME_TO_CONNECT)), "a tier in this process answers");
    }
}

/// A prepared case.
pub struct Work {
    run: Box<dyn FnMut(usize)>,
    loads: Box<dyn Fn() -> u64>,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}

impl Work {
    /// The operation on one tenant after another, in an endless circle.
    fn of<T>(order: Vec<TenantId>, mut operation: impl FnMut(TenantId) -> T + 'static) -> Self {
        let mut at = 0;
        let run = move |count| {
            for _ in 0..count {
                black_box(operation(black_box(order[at])));
                at = if at + 1 == order.len() { 0 } else { at + 1 };
            }
        };
        Self { run: Box::new(run), loads: Box::new(|| 0) }
    }

    /// The number of loads is that of this cache.
    fn counting(self, cache: &Cache) -> Self {
        let cache = cache.clone();
        Self { loads: Box::new(move || cache.stats().total().loads), ..self }
    }

    /// Does the operation this many times.
    #[inline]
    pub fn run(&mut self, count: usize) {
        (self.run)(count);
    }

    /// The number of times that the store was asked; a hit never asks it.
    pub fn loads(&self) -> u64 {
        (self.loads)()
    }
}
