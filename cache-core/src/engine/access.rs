//! How a read uses the cache: in the usual way, past the tiers, or from the tiers alone.
//!
//! A read in the usual way asks the tiers, and otherwise the store. The access is a property of the handle of a region,
//! so that `fresh` and its like return a decorator of the same type over other handles, and need no code of their own.

use futures_util::future::BoxFuture;
use smallvec::smallvec;

use super::batch_map::{BatchMap, Slot};
use super::read::{Pairs, distinct};
use super::region::Region;
use super::shared::{Accepted, Few, LookUp};
use super::trace;
use super::user_code::guarded;
use crate::error::Error;
use crate::key::{CacheKey, KeyPart};
use crate::observability::Counters;
use crate::value::Cacheable;

/// How the reads of a handle use the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Access {
    /// The tiers answer, or else the store. This is how a decorator reads.
    #[default]
    Usual,
    /// The store answers, and the value replaces that of both tiers.
    ///
    /// The fence of a usual read protects it: a value that was loaded before a write is not stored after it. If the
    /// value must not be cached (`cache_if`, `ttl_from`, `expires_at`, or an absence without `negative_ttl`), the entry is
    /// invalidated instead.
    /// Local tiers of other instances keep their entries for their time to live.
    ///
    /// Fresh reads of one key share a load that begins after all of them. They wait for a look-up of the key that is in
    /// progress, and do not take its outcome. A usual read that arrives meanwhile may take that of the fresh one.
    Fresh,
    /// The store answers. Neither tier is read or filled, and no caller shares the call.
    Uncached,
    /// The tiers answer. The store is never called, and a load in progress is not waited for.
    CachedOnly,
    /// As in the usual way, with a [`CacheInfo`](crate::CacheInfo) of each answer.
    Informed,
}

/// An error type that can report a miss of [`Access::CachedOnly`], since it can be made from an error of the cache.
///
/// The lifetime has no meaning. A bound that is quantified over it is checked where a generated function is called, and
/// not where it is defined.
#[diagnostic::on_unimplemented(
    message = "`cached_only` is no store here, since `{Self}` cannot report a miss",
    label = "this store would have no return value for a miss",
    note = "the trait of the store has no return value for an entry that no tier has, except an error from `cache_core::Error`",
    note = "implement `From<cache_core::Error>` for the error type, or call the methods of `cached_only()` itself, which return an `Option`"
)]
pub trait ReportsMiss<'a> {}

#[diagnostic::do_not_recommend]
impl<E: From<Error>> ReportsMiss<'_> for E {}

/// Reads from the tiers alone.
impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Returns the value if a tier has it, and `visible` accepts it.
    #[doc(hidden)]
    pub fn cached_only<'a>(
        &'a self,
        key: K,
        visible: impl Fn(&K, &R) -> bool + Send + Sync + 'a,
    ) -> BoxFuture<'a, Option<R>> {
        Box::pin(async move {
            let (_, value) = self.look_only(smallvec![key], visible).await?.pop()?;
            Some(value)
        })
    }

    /// Returns the values of many keys, if the tiers have all of them.
    #[doc(hidden)]
    pub fn cached_only_many<'a, T, M>(
        &'a self,
        mut keys: Vec<K>,
        part: fn(&K) -> &T,
        visible: impl Fn(&K, &R) -> bool + Send + Sync + 'a,
    ) -> BoxFuture<'a, Option<M>>
    where
        T: Clone + 'a,
        M: BatchMap<T>,
        R: Slot<M::Value>,
    {
        Box::pin(async move {
            let mut found = Pairs::new();
            while !keys.is_empty() {
                let (first, later) = distinct(keys);
                found.extend(self.look_only(first.into(), &visible).await?);
                keys = later;
            }
            let pairs = found.into_iter().filter_map(|(key, value)| Some((part(&key).clone(), value.into_found()?)));
            Some(M::from_pairs(pairs))
        })
    }

    /// Returns the values of keys that all differ, if the tiers have all of them.
    ///
    /// It is no part of a flight: the flights of a key end with a load.
    pub(super) async fn look_only(
        &self,
        keys: Few<K>,
        visible: impl Fn(&K, &R) -> bool + Send + Sync,
    ) -> Option<Pairs<K, R>> {
        let (method, inner) = (self.method(), &*self.inner);
        if !method.policy.enabled || !keys.iter().all(CacheKey::is_usable) {
            return None;
        }
        method.cache.revive();
        let visible =
            |key: &K, value: &R| guarded(method.name(), "visible_if", || visible(key, value)).unwrap_or(false);
        let (wanted, mut found, mut queries, mut open) = (keys.len(), Pairs::new(), Few::new(), Few::new());
        for key in keys {
            if let Some(hit) = inner.local.find_owned(&key).filter(|hit| visible(&key, &hit.value)) {
                found.push((key, inner.local.count(hit)));
            } else {
                queries.push(inner.shared.query(self.entry_keys(&key), Accepted::Entry(None)));
                open.push(key);
            }
        }
        let answers = inner.shared.look_up(queries, || ()).await;
        for (key, (_, answer)) in open.into_iter().zip(answers) {
            let LookUp::Hit { found: hit, snapshot, ends, .. } = answer else { continue };
            trace::answered(hit.source);
            inner.local.keep_copy(&key, &hit.value, snapshot, ends);
            if visible(&key, &hit.value) {
                found.push((key, hit.value));
            }
        }
        Counters::add_many(&method.counters.misses, wanted - found.len());
        (found.len() == wanted).then_some(found)
    }
}
