//! The trace of what the engine did for one call, for tests.

use std::cell::Cell;
use std::future::Future;

pub use crate::single_flight::Source;

/// The trace of a decorator's call, besides its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CallTrace {
    /// The source of the value; of a read of many keys, that of the last one.
    pub source: Option<Source>,
    /// Whether the value was found for another caller, whose look-up this one followed.
    pub joined: bool,
    /// Whether the shared tier had a write's locks before the store was called.
    pub announced: Option<bool>,
    /// Whether the shared tier had confirmed a write's release before the write returned.
    pub released: Option<bool>,
}

tokio::task_local! {
    static TRACE: Cell<CallTrace>;
}

/// Runs a call, and returns its trace as well.
///
/// The trace covers what happens in the caller's task.
pub async fn trace<T>(call: impl Future<Output = T>) -> (T, CallTrace) {
    let trace = Cell::default();
    TRACE.scope(trace, async { (call.await, TRACE.with(Cell::get)) }).await
}

/// Returns, during a write, whether the shared tier has its locks. It is for stores in tests.
pub fn announced() -> Option<bool> {
    TRACE.try_with(|trace| trace.get().announced).ok().flatten()
}

/// Adds to the trace of the current call, if it is traced.
pub(crate) fn record(add: impl FnOnce(&mut CallTrace)) {
    // Fails if the call is not traced.
    let _ = TRACE.try_with(|trace| {
        let mut recorded = trace.get();
        add(&mut recorded);
        trace.set(recorded);
    });
}
