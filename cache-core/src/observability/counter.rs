//! A counter for the hit path.
//!
//! Every local hit increments it, from all threads. Each thread has a slot of its own on a separate cache line, so that
//! threads do not contend, and a reader adds the slots up.

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of slots that belong to one thread each. Further threads share the last slot.
const OWNED: usize = 63;

/// Counts hits and absent hits, in a slot and cache line per thread.
///
/// The owner of a slot adds with a plain load and store, and threads do not contend for the line.
#[derive(Debug)]
pub(crate) struct Sharded {
    slots: Box<[Slot; OWNED + 1]>,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Slot {
    counts: [AtomicU64; 2],
}

impl Sharded {
    pub(crate) fn new() -> Self {
        Self { slots: Box::new(std::array::from_fn(|_| Slot::default())) }
    }

    /// Adds one to the first count, or to the second one if `second` is true.
    #[inline]
    pub(crate) fn add(&self, second: bool) {
        let slot = SLOT.get();
        if slot < OWNED {
            let count = &self.slots[slot].counts[usize::from(second)];
            count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        } else {
            self.add_slowly(second);
        }
    }

    #[cold]
    fn add_slowly(&self, second: bool) {
        if SLOT.get() == UNASSIGNED {
            LEASE.with(|lease| SLOT.set(lease.0));
        }
        let slot = SLOT.get().min(OWNED);
        self.slots[slot].counts[usize::from(second)].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns both counts.
    pub(crate) fn totals(&self) -> [u64; 2] {
        let total = |at: usize| self.slots.iter().map(|slot| slot.counts[at].load(Ordering::Relaxed)).sum();
        [total(0), total(1)]
    }
}

const UNASSIGNED: usize = usize::MAX;

thread_local! {
    /// The slot of this thread. It has no destructor, so that reading it is a plain load.
    static SLOT: Cell<usize> = const { Cell::new(UNASSIGNED) };
    /// Returns the slot when the thread ends.
    static LEASE: Lease = Lease::take();
}

static FREE: Mutex<FreeSlots> = Mutex::new(FreeSlots { next: 0, returned: Vec::new() });

struct FreeSlots {
    next: usize,
    returned: Vec<usize>,
}

struct Lease(usize);

impl Lease {
    fn take() -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = free.returned.pop() {
            return Self(slot);
        }
        let slot = free.next.min(OWNED);
        free.next = slot + 1;
        Self(slot)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A hit in a destructor that runs after this one must not use a slot that has a new owner.
        SLOT.set(OWNED);
        if self.0 < OWNED {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).returned.push(self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn nothing_is_lost_with_more_threads_than_slots() {
        let counter = Arc::new(Sharded::new());
        let threads: Vec<_> = (0..100)
            .map(|_| {
                let counter = Arc::clone(&counter);
                std::thread::spawn(move || (0..1000).for_each(|n| counter.add(n % 4 == 0)))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(counter.totals(), [75_000, 25_000]);
    }
}
