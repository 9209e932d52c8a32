//! A processor of one's own.

/// Keeps the calling thread on one processor, where the system lets it: two busy threads on one processor measure the
/// scheduler. Threads that are started later inherit the placement. Returns whether it worked.
#[cfg(target_os = "linux")]
pub fn pin_to_core(core: usize) -> bool {
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    rustix::thread::sched_setaffinity(None, &set).is_ok()
}

/// Does nothing: this system has no way to ask for it.
#[cfg(not(target_os = "linux"))]
pub fn pin_to_core(_: usize) -> bool {
    false
}
