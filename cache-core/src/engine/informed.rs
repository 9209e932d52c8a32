//! Reads whose callers learn where the values came from.
//!
//! The order of the steps is that of any other read. A handle with [`Access::Informed`] does not answer from the local
//! tier at once, so that a usual hit has nothing to ask: it comes here, and looks there first.

use super::access::Access;
use super::local::{Age, Ends};
use super::read::{Pairs, Reading};
use super::shared::Few;
use crate::cache_info::{CacheInfo, inform};
use crate::key::KeyPart;
use crate::protocol::Fence;
use crate::runtime::Moment;
use crate::single_flight::Source;
use crate::value::Cacheable;

impl<K: KeyPart, R: Cacheable, E: Send + 'static> Reading<'_, '_, K, R, E> {
    /// Takes the values of the local tier, and returns the keys that it does not answer.
    pub(super) fn informed_hits(&self, keys: Few<K>, found: &mut Pairs<K, R>) -> Few<K> {
        let (local, mut missing, mut due) = (&self.region.inner.local, Few::new(), Vec::new());
        for key in keys {
            let hit = local.find_with_life(&key).filter(|(hit, _)| self.is_visible(&key, &hit.value));
            let Some((hit, life)) = hit else {
                missing.push(key);
                continue;
            };
            let (source, age) = (hit.source(), hit.age);
            let value = local.count(hit);
            self.inform_of(source, &value, life, age);
            if age != Age::Young {
                due.push(key.clone());
            }
            found.push((key, value));
        }
        self.refresh(due);
        missing
    }

    /// Informs about a value of the shared tier.
    pub(super) fn inform_of_entry(&self, value: &R, ends: Ends, age: Age, fence: Option<&Fence>) {
        if self.region.access != Access::Informed {
            return;
        }
        let own = fence.and_then(|fence| fence.generations.first());
        let generation = own.map(|(_, generation)| String::from_utf8_lossy(generation.as_bytes()).into_owned());
        let info = CacheInfo { generation, ..CacheInfo::of(Source::Shared) };
        inform(self.aged(info, value, Some(ends.life), age));
    }

    /// Informs about a value of any other source.
    pub(super) fn inform_of(&self, source: Source, value: &R, life: Option<Moment>, age: Age) {
        if self.region.access == Access::Informed {
            inform(self.aged(CacheInfo::of(source), value, life, age));
        }
    }

    /// Informs about a value that another caller has found.
    pub(super) fn inform_of_joined(&self, source: Source, key: &K, value: &R) {
        if self.region.access == Access::Informed {
            let info = CacheInfo { collapsed: true, ..CacheInfo::of(source) };
            inform(self.aged(info, value, self.life(key), Age::Young));
        }
    }

    /// Informs about values that this call has loaded, or that answer in place of them.
    pub(super) fn inform_of_loaded(&self, source: Source, values: &Pairs<K, R>) {
        if self.region.access != Access::Informed {
            return;
        }
        for (key, value) in values {
            inform(self.aged(CacheInfo::of(source), value, self.life(key), Age::Young));
        }
    }

    /// The end of the life of a local entry.
    fn life(&self, key: &K) -> Option<Moment> {
        self.region.inner.local.find_with_life(key)?.1
    }

    fn aged(&self, info: CacheInfo, value: &R, life: Option<Moment>, age: Age) -> CacheInfo {
        let method = self.region.method();
        let now = method.process().clock.now();
        let info = CacheInfo { stale: info.stale || age == Age::Stale, refreshing: age != Age::Young, ..info };
        match life {
            Some(life) => info.with_life(method.longest_life(value), life.since(now), now.since(life)),
            None => info,
        }
    }
}
