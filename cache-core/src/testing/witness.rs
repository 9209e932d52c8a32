//! Traces what the engine did for one call.

use std::cell::Cell;
use std::future::Future;

pub use crate::flight::Source;

/// The trace of a decorator's call, besides its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Account {
    /// The source of the value, for a read of one key.
    pub source: Option<Source>,
    /// Whether the value was found for another caller, whose look-up this one followed.
    pub joined: bool,
    /// Whether the shared tier had a write's locks before the store was called.
    pub announced: Option<bool>,
    /// Whether the shared tier had confirmed a write's release before the write returned.
    pub released: Option<bool>,
}

tokio::task_local! {
    static ACCOUNT: Cell<Account>;
}

/// Runs a call, and returns its trace as well.
///
/// The trace covers what happens in the caller's task. It does not cover reads of many keys.
pub async fn witness<T>(call: impl Future<Output = T>) -> (T, Account) {
    let account = Cell::default();
    ACCOUNT.scope(account, async { (call.await, ACCOUNT.with(Cell::get)) }).await
}

/// Returns, during a write, whether the shared tier has its locks. It is for stores in tests.
pub fn announced() -> Option<bool> {
    ACCOUNT.try_with(|account| account.get().announced).ok().flatten()
}

/// Adds to the trace of the current call, if it is traced.
pub(crate) fn note(add: impl FnOnce(&mut Account)) {
    // Fails if the call is not traced.
    let _ = ACCOUNT.try_with(|account| {
        let mut noted = account.get();
        add(&mut noted);
        account.set(noted);
    });
}
