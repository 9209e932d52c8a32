//! Who collects a token, and who observes it.

use std::cell::RefCell;
use std::future::Future;

use super::SessionToken;
use super::token::Written;
use crate::cache::Cache;
use crate::coherence::{Scope, ScopeHash};

tokio::task_local! {
    /// What the work that is tracked has written so far.
    static WRITTEN: RefCell<SessionToken>;
}

/// The writes of these scopes belong to whoever tracks them, if somebody does. `heard` tells whether the shared tier knows.
pub(crate) fn note(cache: &Cache, scopes: &[Scope], heard: bool) {
    let link = &cache.0.link;
    let noted = WRITTEN.try_with(|written| {
        let at = link.open().map_or(0, |live| live.server_now(link.clock.now()));
        let token = SessionToken::of(scopes.iter().map(Scope::hash), at, !heard);
        written.borrow_mut().merge(&token);
    });
    // An error means that nobody does.
    let _ = noted;
}

impl Cache {
    /// Runs `work`, and tells what it wrote through the decorators of this cache.
    ///
    /// Writes of tasks that `work` starts are not in the token, and neither are writes that failed. When this is used
    /// inside of tracked work, the outer token has the writes too.
    pub async fn track<T>(&self, work: impl Future<Output = T>) -> (T, SessionToken) {
        let tracked = async {
            let answer = work.await;
            (answer, WRITTEN.with(RefCell::take))
        };
        let (answer, token) = WRITTEN.scope(RefCell::default(), tracked).await;
        // An error means that this is the outermost.
        let _ = WRITTEN.try_with(|outer| outer.borrow_mut().merge(&token));
        (answer, token)
    }

    /// Makes every read on this instance that starts after this call show the writes that `token` names.
    ///
    /// It asks nobody and returns at once: what the local tier holds of the token's scopes is forgotten, so that the next
    /// read of each goes to the shared tier or the store. A token that is older than anything that the local tier may answer
    /// with is ignored; its age is told by the clock of the shared tier's server.
    ///
    /// `false` means that it cannot be promised: the instance that wrote could not tell the shared tier, and until it can,
    /// or until the entry's time to live is over, a shared hit may be older.
    pub fn observe(&self, token: &SessionToken) -> bool {
        if self.is_over(token) {
            return true;
        }
        let gate = &self.0.link.gate;
        match &token.scopes {
            Written::Scopes(scopes) => scopes.iter().for_each(|scope| gate.advance_hash(ScopeHash(*scope))),
            Written::Everything => gate.flush(),
        }
        !token.unheard
    }

    fn is_over(&self, token: &SessionToken) -> bool {
        let link = &self.0.link;
        let age = |now: u64| u128::from(now.saturating_sub(token.at));
        // The lease once more is for the two estimates of the server's clock.
        let span = (link.settings.lease + link.settings.lease.max(link.settings.degraded_ttl)).as_millis();
        token.at > 0 && !token.unheard && link.open().is_some_and(|live| age(live.server_now(link.clock.now())) > span)
    }
}
