//! Reads whose callers receive a [`CacheInfo`] with each answer.
//!
//! The order of the steps is that of any other read. A handle with [`Access::Informed`] does not answer from the local
//! tier at once, so that a usual hit has nothing to check: it comes here, and looks there first.

use std::time::Duration;

use super::access::Access;
use super::local::{Age, End};
use super::read::{Pairs, Reading};
use super::shared::Few;
use crate::cache_info::{CacheInfo, inform};
use crate::key::KeyPart;
use crate::single_flight::{Found, Source};
use crate::value::Cacheable;

impl<K: KeyPart, R: Cacheable, E: Send + 'static> Reading<'_, '_, K, R, E> {
    fn informs(&self) -> bool {
        self.region.access == Access::Informed
    }

    /// Takes the values of the local tier, and returns the keys that it does not answer.
    pub(super) fn informed_hits(&self, keys: Few<K>, found: &mut Pairs<K, R>) -> Few<K> {
        let (local, mut missing, mut due) = (&self.region.inner.local, Few::new(), Vec::new());
        for key in keys {
            let hit = local.find_with_end(&key).filter(|(hit, _)| self.is_visible(&key, &hit.value));
            let Some((hit, end)) = hit else {
                missing.push(key);
                continue;
            };
            let (source, age) = (hit.source(), hit.age);
            let value = local.count(hit);
            inform(self.aged(CacheInfo::of(source), &value, Some(end), age));
            if age == Age::Young {
                self.sample(&key, &value);
            } else {
                due.push(key.clone());
            }
            found.push((key, value));
        }
        self.refresh(due);
        missing
    }

    /// Informs about a value that this call has found in a tier.
    pub(super) fn inform_of_found(&self, found: &Found<R>, key: &K, end: Option<End>, age: Age) {
        if !self.informs() {
            return;
        }
        let own = found.fence.as_ref().and_then(|fence| fence.generations.first());
        let generation = own.map(|(_, generation)| String::from_utf8_lossy(generation.as_bytes()).into_owned());
        let info = CacheInfo { generation, ..CacheInfo::of(found.source) };
        inform(self.aged(info, &found.value, end.or_else(|| self.end(key)), age));
    }

    /// Informs about a value that another caller has found.
    pub(super) fn inform_of_joined(&self, source: Source, key: &K, value: &R) {
        if !self.informs() {
            return;
        }
        let hit = self.region.inner.local.find_with_end(key);
        let (age, end) = hit.map_or((Age::Young, None), |(hit, end)| (hit.age, Some(end)));
        inform(self.aged(CacheInfo { collapsed: true, ..CacheInfo::of(source) }, value, end, age));
    }

    /// Informs about the values of a load, or those that answer in place of them.
    pub(super) fn inform_of_loaded(&self, source: Source, values: &Pairs<K, R>) {
        if !self.informs() {
            return;
        }
        if source == Source::Store {
            // Also if the store has none of the values.
            inform(CacheInfo::of_store());
        }
        for (key, value) in values {
            inform(self.aged(CacheInfo::of(source), value, self.end(key), Age::Young));
        }
    }

    /// Informs about a call of the store that the cache has no part in.
    pub(super) fn inform_of_call(&self) {
        if self.informs() {
            inform(CacheInfo::of_store());
        }
    }

    fn end(&self, key: &K) -> Option<End> {
        Some(self.region.inner.local.find_with_end(key)?.1)
    }

    fn aged(&self, info: CacheInfo, value: &R, end: Option<End>, age: Age) -> CacheInfo {
        let method = self.region.method();
        let now = method.process().clock.now();
        let info = CacheInfo { stale: info.stale || age == Age::Stale, due: age != Age::Young, ..info };
        match end {
            Some(End::OfLife(life)) => info.with_life(method.longest_life(value), life.since(now), now.since(life)),
            Some(End::OfEntry(end)) => {
                CacheInfo { age: info.age.filter(Duration::is_zero), expires_in: Some(end.since(now)), ..info }
            }
            None => info,
        }
    }
}
