//! The verifier: re-reads a sample of hits from the store, and reports how stale it found them.

use std::future::Future;
use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::region::Region;
use super::terms::Terms;
use crate::key::KeyPart;
use crate::observability::Check;
use crate::runtime::{Stopwatch, chance};
use crate::value::Cacheable;

/// How many checks of a cache are under way at once. A hit that is drawn while there are as many is not checked: nobody
/// waits for the verifier, and the store hardly notices it.
pub(crate) const CHECKS_AT_ONCE: usize = 4;

/// How long a stale value is watched at most.
const WATCH: Duration = Duration::from_mins(1);
/// The pauses between two looks at a stale value: short while it is fresh, so that a hop of the bus is measured.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(100);

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Whether a read of this moment is one of those whose hit is checked. No random number is drawn where none is.
    ///
    /// The local tier does not answer such a read: it goes the way of a miss up to [`drawn_hit`](Self::drawn_hit), since
    /// that brings what a call of the store needs.
    #[inline]
    pub(super) fn is_drawn(&self) -> bool {
        self.0.verify_one_in.is_some_and(drawn)
    }

    /// What the local tier would have answered.
    pub(super) fn drawn_hit<E>(&self, key: &K, terms: &Terms<'_, R, E>) -> Option<R> {
        self.0.verify_one_in?;
        let hit = self.find_owned(key).filter(|hit| terms.may_see(self.0.head.text(), &hit.value))?;
        self.count(&hit);
        Some(hit.value)
    }

    /// Asks the store for what a hit answered, in a task of its own.
    ///
    /// Not while the local tier is out of trust: then the store has enough to do, and what is answered is old by design.
    pub(super) fn verify<E, F, Fut>(&self, key: K, seen: R, load: F)
    where
        E: 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        let link = &self.0.link;
        let may_ask = link.gate.is_trusted(link.clock.now()) && tokio::runtime::Handle::try_current().is_ok();
        let Ok(permit) = Arc::clone(&self.0.cache.0.checks).try_acquire_owned() else { return };
        if may_ask {
            let region = self.clone();
            self.0.cache.0.tasks.spawn_daemon(async move {
                let check = region.check(&key, &seen, load).await;
                region.0.counters.checked(check);
                drop(permit);
            });
        }
    }

    async fn check<E, F, Fut>(&self, key: &K, seen: &R, load: F) -> Check
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<R, E>>,
    {
        let began = self.0.link.clock.stopwatch();
        let Some(current) = self.confirm(load).await.and_then(|value| self.encoded(&value)) else {
            return Check::Failed;
        };
        match self.encoded(seen) {
            None => Check::Failed,
            Some(seen) if seen == current => Check::Equal,
            Some(seen) => self.watch(key, &seen, &began).await,
        }
    }

    /// The store's answer. Errors are for those who asked for the value, and not for the verifier.
    async fn confirm<E, F, Fut>(&self, load: F) -> Option<R>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<R, E>>,
    {
        let link = &self.0.link;
        let asked = AssertUnwindSafe(async { load().await }).catch_unwind();
        link.clock.timeout(link.settings.load_deadline, asked).await?.ok()?.ok()
    }

    /// Values are compared by what the shared tier would hold: a type need not be comparable.
    fn encoded(&self, value: &R) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.0.policy.codec.encode(value, &mut bytes).ok()?;
        Some(bytes)
    }

    /// Looks until the local tier has stopped to answer what the store did not say any more.
    async fn watch(&self, key: &K, seen: &[u8], began: &Stopwatch) -> Check {
        let mut pause = FIRST_PAUSE;
        if !self.still_answers(key, seen) {
            return Check::Gone;
        }
        while self.still_answers(key, seen) && began.elapsed() < WATCH {
            self.0.link.clock.sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
        Check::Stale(began.elapsed())
    }

    fn still_answers(&self, key: &K, seen: &[u8]) -> bool {
        let answer = self.find_owned(key).and_then(|hit| self.encoded(&hit.value));
        answer.is_some_and(|answer| answer == seen)
    }
}

/// Out of line: most caches check nothing, and their hits should not carry a random number generator along.
#[cold]
fn drawn(hits: NonZeroU32) -> bool {
    chance::one_in(hits)
}
