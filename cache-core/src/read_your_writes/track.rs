//! Collects and observes session tokens.

use std::cell::RefCell;
use std::future::Future;

use super::SessionToken;
use super::token::Written;
use crate::cache::Cache;
use crate::protocol::{Scope, ScopeHash};

tokio::task_local! {
    /// The writes of the tracked work so far.
    static WRITTEN: RefCell<SessionToken>;
}

/// Adds a write of these scopes to the tracked work, if any. `heard` is whether the shared tier has executed it.
pub(crate) fn note(cache: &Cache, scopes: &[Scope], heard: bool) {
    let (process, coherence) = (&cache.0.process, &cache.0.coherence);
    let noted = WRITTEN.try_with(|written| {
        let at = coherence.connection().map_or(0, |connection| connection.server_now(process.clock.now()));
        let token = SessionToken::of(scopes.iter().map(Scope::hash), at, !heard);
        written.borrow_mut().merge(&token);
    });
    // Fails if the work is not tracked.
    let _ = noted;
}

impl Cache {
    /// Runs `work`, and returns a token of its writes through the decorators of this cache.
    ///
    /// The token does not cover writes of tasks that `work` spawns, or writes that failed. If this is called inside of
    /// tracked work, the outer token includes the writes too.
    pub async fn track<T>(&self, work: impl Future<Output = T>) -> (T, SessionToken) {
        let tracked = async {
            let answer = work.await;
            (answer, WRITTEN.with(RefCell::take))
        };
        let (answer, token) = WRITTEN.scope(RefCell::default(), tracked).await;
        // Fails if this is the outermost call.
        let _ = WRITTEN.try_with(|outer| outer.borrow_mut().merge(&token));
        (answer, token)
    }

    /// Makes every later read on this instance reflect the writes in `token`.
    ///
    /// It does no I/O and returns at once. It invalidates the local entries of the token's scopes, so that the next
    /// read of each goes to the shared tier or the store. A token that is older than any local hit can be is ignored;
    /// its age is measured by the clock of the shared tier's server.
    ///
    /// It returns `false` if it cannot guarantee this: the instance that wrote could not invalidate the scopes in the
    /// shared tier. Until it can, or until the entry's time to live ends, a shared hit may be older.
    pub fn observe(&self, token: &SessionToken) -> bool {
        if self.is_over(token) {
            return true;
        }
        let freshness = &self.0.coherence.freshness;
        match &token.scopes {
            Written::Scopes(scopes) => scopes.iter().for_each(|scope| freshness.advance_hash(ScopeHash(*scope))),
            Written::Everything => freshness.flush(),
        }
        !token.unheard
    }

    fn is_over(&self, token: &SessionToken) -> bool {
        let (process, coherence) = (&self.0.process, &self.0.coherence);
        let age = |now: u64| u128::from(now.saturating_sub(token.at));
        // The additional lease covers the two estimates of the server's clock.
        let span = (process.settings.lease + process.settings.lease.max(process.settings.degraded_ttl)).as_millis();
        token.at > 0
            && !token.unheard
            && coherence.connection().is_some_and(|connection| age(connection.server_now(process.clock.now())) > span)
    }
}
