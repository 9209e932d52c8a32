//! The trace of one call: the steps of the engine, for tests.
//!
//! The engine records the steps of a call in a task-local value, which exists only inside of [`trace`]. So a trace
//! concerns one call even while others run, a production build has no such code, and a call that is not traced records
//! nothing.

use std::cell::Cell;
use std::future::Future;

pub use crate::single_flight::Source;

/// The trace of a decorator's call, besides its result.
///
/// Fields that do not concern the call stay `None`: a read has a [`source`](Self::source), a write has
/// [`announced`](Self::announced) and [`released`](Self::released).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CallTrace {
    /// The source of the value.
    ///
    /// For a read of many keys it is that of the last one: see [`only_source`](Self::only_source).
    pub source: Option<Source>,
    /// The sources of all keys, by their number.
    answered_by: [bool; Source::COUNT],
    /// Whether the value, of many keys any value, was found for another caller, whose look-up this one followed.
    pub joined: bool,
    /// Whether the shared tier had a write's locks before the store was called.
    ///
    /// If `false`, the write could not be announced, and its scopes are in the invalidation journal.
    pub announced: Option<bool>,
    /// Whether the shared tier had confirmed a write's release before the write returned.
    ///
    /// It is `None` in mode [`Fast`](crate::Mode::Fast), which does not wait for the release.
    pub released: Option<bool>,
}

impl CallTrace {
    /// Returns the source of every key of a read, if all of them have the same one.
    pub fn only_source(&self) -> Option<Source> {
        let sources = self.answered_by.iter().filter(|answered| **answered).count();
        self.source.filter(|_| sources == 1)
    }

    /// Records that a key was answered.
    pub(crate) fn answer(&mut self, source: Source) {
        self.source = Some(source);
        self.answered_by[source as usize] = true;
    }
}

tokio::task_local! {
    static TRACE: Cell<CallTrace>;
}

/// Runs a call, and returns its trace as well.
///
/// The trace covers what happens in the caller's task. Several calls inside of one `trace` share it, and the last one
/// wins.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::time::Duration;
/// use cache_core::testing::{Source, trace};
/// use cache_core::{Cache, Error, ReadPolicy};
///
/// let cache = Cache::single_instance();
/// let squares = cache.region::<u64, u64>("demo", "square", ReadPolicy::new(Duration::from_secs(60)));
/// let read = || squares.get_or_load(&3, || async { Ok::<_, Error>(9) });
/// let (_, first) = trace(read()).await;
/// let (_, second) = trace(read()).await;
/// assert_eq!((first.source, second.source), (Some(Source::Store), Some(Source::Local)));
/// # }
/// ```
pub async fn trace<T>(call: impl Future<Output = T>) -> (T, CallTrace) {
    let trace = Cell::default();
    TRACE.scope(trace, async { (call.await, TRACE.with(Cell::get)) }).await
}

/// Returns, during a write, whether the shared tier has its locks. It is for stores in tests.
///
/// A store calls it inside of its write method, to check that the lock precedes the commit. It is `None` outside of a
/// traced write.
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
