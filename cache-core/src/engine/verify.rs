//! The verifier: re-reads a sample of hits from the store, and reports how stale they were.
//!
//! It finds writes that bypass the decorators. The caller of a hit never waits for it, and it never changes an entry:
//! what it finds is counted.

use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::load::Call;
use super::region::Region;
use crate::cache::Cache;
use crate::key::KeyPart;
use crate::observability::Check;
use crate::runtime::{Stopwatch, random};
use crate::value::Cacheable;

/// The longest time for which a stale value is watched.
const WATCH: Duration = Duration::from_mins(1);
/// The first pause between two looks: short, so that one hop of the bus is measurable.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(100);

/// How many hits are checked: about one in this many, or none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sampling(Option<NonZeroU32>);

impl Sampling {
    pub(super) fn of(cache: &Cache) -> Self {
        Self(cache.0.process.settings.verify_one_in)
    }

    /// Whether this hit is checked. Draws no random number if sampling is off.
    #[inline]
    pub(super) fn is_due(self) -> bool {
        self.0.is_some_and(is_drawn)
    }
}

/// Out of line: most caches sample nothing, and their hits should not carry the random number generator.
#[cold]
fn is_drawn(hits: NonZeroU32) -> bool {
    random::one_in(hits)
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Checks a hit against the store, in a task of its own.
    ///
    /// It does nothing while the local tier is not trusted: the store is busy enough then, and degraded hits are stale
    /// by design.
    pub(super) fn verify<E: 'static>(&self, key: &K, seen: &R, load: &Arc<Call<'static, K, R, E>>) {
        let method = self.method();
        let is_trusted = method.coherence().freshness.is_trusted(method.process().clock.now());
        if !is_trusted || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        // Before the copies: most hits of a large batch find no permit.
        let Ok(permit) = Arc::clone(&method.cache.0.checks).try_acquire_owned() else { return };
        let Some(seen) = method.copy(seen) else { return };
        let (region, key, load) = (self.clone(), key.clone(), Arc::clone(load));
        method.process().tasks.spawn_daemon(async move {
            let check = region.check(&key, &seen, &*load).await;
            region.method().counters.checked(check);
            drop(permit);
        });
    }

    async fn check<E>(&self, key: &K, seen: &R, load: &Call<'static, K, R, E>) -> Check {
        let began = self.method().process().clock.stopwatch();
        let (Some(current), Some(seen)) = (self.confirm(key, load).await, self.encoded(seen)) else {
            return Check::Failed;
        };
        // A row that a batch no longer returns differs from every value.
        let Some(current) = current else { return self.watch(key, &seen, &began).await };
        match self.encoded(&current) {
            None => Check::Failed,
            Some(current) if current == seen => Check::Equal,
            Some(_) => self.watch(key, &seen, &began).await,
        }
    }

    /// Returns what the store has for the key now, or `None` if the load fails.
    async fn confirm<E>(&self, key: &K, load: &Call<'static, K, R, E>) -> Option<Option<R>> {
        let method = self.method();
        let asked = AssertUnwindSafe(async { load(vec![key.clone()]).await }).catch_unwind();
        method.process().clock.timeout(method.load_deadline, asked).await?.ok()?.ok()?.pop()
    }

    /// Encodes a value as the shared tier would: a type need not implement `PartialEq`.
    fn encoded(&self, value: &R) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.method().policy.codec.encode(value, &mut bytes).ok()?;
        Some(bytes)
    }

    /// Waits until the local tier no longer returns the stale value.
    async fn watch(&self, key: &K, seen: &[u8], began: &Stopwatch) -> Check {
        let mut pause = FIRST_PAUSE;
        if !self.still_answers(key, seen) {
            return Check::Raced;
        }
        while self.still_answers(key, seen) && began.elapsed() < WATCH {
            self.method().process().clock.sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
        Check::Stale(began.elapsed())
    }

    fn still_answers(&self, key: &K, seen: &[u8]) -> bool {
        let answer = self.inner.local.find_owned(key).and_then(|hit| self.encoded(&hit.value));
        answer.is_some_and(|answer| answer == seen)
    }
}
