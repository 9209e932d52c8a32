//! Collects and observes session tokens.
//!
//! The writes of a request are collected in a task-local value, so no handle passes through the code of the service. A
//! task that the request spawns has none: its writes are not covered.

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

/// Adds a write of these scopes to the tracked work, if any. `delivered` is whether the shared tier has executed it.
pub(crate) fn note(cache: &Cache, scopes: &[Scope], delivered: bool) {
    let (process, coherence) = (&cache.0.process, &cache.0.coherence);
    let noted = WRITTEN.try_with(|written| {
        let at = coherence.connection().map_or(0, |connection| connection.server_now(process.clock.now()));
        let token = SessionToken::of(scopes.iter().map(Scope::hash), at, !delivered);
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
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// use std::time::Duration;
    /// use cache_core::{Cache, ReadPolicy};
    ///
    /// let cache = Cache::single_instance();
    /// let squares = cache.region::<u64, u64>("demo", "square", ReadPolicy::new(Duration::from_secs(60)));
    /// let ((), token) = cache.track(squares.invalidate(squares.scope(&&3))).await;
    /// assert!(!token.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, `work` is dropped with it, and there is no token of the writes that it has made.
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
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::{Cache, SessionToken};
    ///
    /// /// Called with the header of each request, before it reads.
    /// fn begin_request(cache: &Cache, header: Option<&str>) {
    ///     let token = header.and_then(|text| text.parse::<SessionToken>().ok());
    ///     if token.is_some_and(|token| !cache.observe(&token)) {
    ///         // The writer is cut off from the shared tier: its writes may show later.
    ///     }
    /// }
    /// # begin_request(&Cache::pass_through(), Some("1.0.1.2a"));
    /// ```
    pub fn observe(&self, token: &SessionToken) -> bool {
        if self.is_over(token) {
            return true;
        }
        let freshness = &self.0.coherence.freshness;
        match &token.scopes {
            Written::Scopes(scopes) => scopes.iter().for_each(|scope| freshness.advance_any(ScopeHash(*scope))),
            Written::Everything => freshness.flush(),
        }
        !token.undelivered
    }

    /// Whether no local hit can be from before the writes of this token any more.
    fn is_over(&self, token: &SessionToken) -> bool {
        let (process, coherence) = (&self.0.process, &self.0.coherence);
        let age = |now: u64| u128::from(now.saturating_sub(token.at));
        // The additional lease covers the two estimates of the server's clock.
        let span = (process.settings.lease + process.settings.lease.max(process.settings.degraded_ttl)).as_millis();
        token.at > 0
            && !token.undelivered
            && coherence.connection().is_some_and(|connection| age(connection.server_now(process.clock.now())) > span)
    }
}
