//! Pins a thread to a processor.

/// Keeps the creating thread on one processor until it is dropped, if the system allows it.
///
/// Two busy threads on one processor measure the scheduler, and a round trip takes three times as long if every wake-up
/// crosses processors. Threads and processes that are started meanwhile inherit the placement and keep it.
///
/// Create the measured objects first: some libraries adapt to the number of processors that they may use.
#[derive(Debug)]
#[must_use = "the placement ends with it"]
pub struct Pinned(#[cfg(target_os = "linux")] Option<rustix::thread::CpuSet>);

#[cfg(target_os = "linux")]
impl Pinned {
    /// Moves the calling thread to this processor.
    pub fn to(core: usize) -> Self {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let mut one = CpuSet::new();
        one.set(core);
        let before = sched_getaffinity(None).ok();
        Self(before.filter(|_| sched_setaffinity(None, &one).is_ok()))
    }

    /// Whether the system pinned the thread.
    pub fn is_fixed(&self) -> bool {
        self.0.is_some()
    }
}

#[cfg(target_os = "linux")]
impl Drop for Pinned {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // The thread was allowed there before; if it no longer is, its placement does not change.
            let _ = rustix::thread::sched_setaffinity(None, before);
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Pinned {
    /// Does nothing: this system does not support pinning.
    pub fn to(_: usize) -> Self {
        Self()
    }

    /// Whether the system pinned the thread.
    pub fn is_fixed(&self) -> bool {
        false
    }
}
