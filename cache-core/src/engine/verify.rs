//! The verifier: re-reads a sample of hits from the store, and reports how stale they were.

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

/// The number of concurrent checks of a cache. Beyond it a sampled hit is not checked, so that no caller waits for the
/// verifier, and the store has little extra load.
pub(crate) const CHECKS_AT_ONCE: usize = 4;

/// The longest time for which a stale value is watched.
const WATCH: Duration = Duration::from_mins(1);
/// The first pause between two looks: short, so that one hop of the bus is measurable.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(100);

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Whether this read is sampled. Draws no random number if sampling is off.
    ///
    /// The local tier does not answer a sampled read. It follows the path of a miss up to
    /// [`drawn_hit`](Self::drawn_hit), which provides what a call of the store needs.
    #[inline]
    pub(super) fn is_drawn(&self) -> bool {
        self.0.verify_one_in.is_some_and(drawn)
    }

    /// Returns the hit that the local tier would have returned.
    pub(super) fn drawn_hit<E>(&self, key: &K, terms: &Terms<'_, R, E>) -> Option<R> {
        self.0.verify_one_in?;
        let hit = self.find_owned(key).filter(|hit| terms.may_see(self.0.head.text(), &hit.value))?;
        self.count(&hit);
        Some(hit.value)
    }

    /// Checks a hit against the store, in a task of its own.
    ///
    /// It does nothing while the local tier is not trusted: the store is busy enough then, and degraded hits are stale
    /// by design.
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

    /// Returns the store's value, or `None` if the load fails.
    async fn confirm<E, F, Fut>(&self, load: F) -> Option<R>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<R, E>>,
    {
        let link = &self.0.link;
        let asked = AssertUnwindSafe(async { load().await }).catch_unwind();
        link.clock.timeout(link.settings.load_deadline, asked).await?.ok()?.ok()
    }

    /// Encodes a value as the shared tier would: a type need not implement `PartialEq`.
    fn encoded(&self, value: &R) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.0.policy.codec.encode(value, &mut bytes).ok()?;
        Some(bytes)
    }

    /// Waits until the local tier no longer returns the stale value.
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

/// Out of line: most caches sample nothing, and their hits should not carry the random number generator.
#[cold]
fn drawn(hits: NonZeroU32) -> bool {
    chance::one_in(hits)
}
