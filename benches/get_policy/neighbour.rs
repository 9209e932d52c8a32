//! Another program on the machine, which keeps the last-level cache full of its own data.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use cache_benches::Pinned;

/// The size of a last-level cache if the system does not report it.
const LARGE: usize = 64 << 20;
const LINE: usize = 64;

/// A thread that walks through a buffer until it is dropped.
#[derive(Debug)]
pub(crate) struct Neighbour {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Neighbour {
    /// Starts the thread on this processor.
    pub(crate) fn on(core: usize) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let _pinned = Pinned::to(core);
            let mut buffer = vec![0_u8; last_level() / 4 * 5];
            while !until.load(Ordering::Relaxed) {
                buffer.iter_mut().step_by(LINE).for_each(|byte| *byte = byte.wrapping_add(1));
                black_box(&mut buffer);
            }
        });
        Self { is_over, thread: Some(thread) }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it only writes to its own buffer");
        }
    }
}

/// The size of the last-level cache in bytes.
fn last_level() -> usize {
    let size = std::fs::read_to_string("/sys/devices/system/cpu/cpu0/cache/index3/size").unwrap_or_default();
    let kilobytes = size.trim().strip_suffix('K').and_then(|number| number.parse::<usize>().ok());
    kilobytes.map_or(LARGE, |kilobytes| kilobytes << 10)
}
