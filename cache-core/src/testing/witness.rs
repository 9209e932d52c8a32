//! What the engine did for one call.

use std::cell::Cell;
use std::future::Future;

pub use crate::flight::Source;

/// What a call of a decorator came to, beside its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Account {
    /// What answered a read of one key.
    pub source: Option<Source>,
    /// Whether the answer was found for another caller, whose look-up this one waited for.
    pub joined: bool,
    /// Whether the shared tier had a write's locks before the store was called.
    pub announced: Option<bool>,
    /// Whether the shared tier had answered a write's release before the write returned.
    pub released: Option<bool>,
}

tokio::task_local! {
    static ACCOUNT: Cell<Account>;
}

/// Makes a call and says what the engine did for it.
///
/// It tells of what is done in the caller's task. Reads of many keys are not told of.
pub async fn witness<T>(call: impl Future<Output = T>) -> (T, Account) {
    let account = Cell::default();
    ACCOUNT.scope(account, async { (call.await, ACCOUNT.with(Cell::get)) }).await
}

/// Within a write, for a store that wants to know: whether the shared tier has its locks.
pub fn announced() -> Option<bool> {
    ACCOUNT.try_with(|account| account.get().announced).ok().flatten()
}

/// Adds to the account of the call that is under way, if anybody asked for one.
pub(crate) fn note(add: impl FnOnce(&mut Account)) {
    // Without a witness there is nothing to add to.
    let _ = ACCOUNT.try_with(|account| {
        let mut noted = account.get();
        add(&mut noted);
        account.set(noted);
    });
}
