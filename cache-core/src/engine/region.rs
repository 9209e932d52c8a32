//! A region: the typed cache of one read method.

use std::fmt;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::{Arc, Weak};

use futures_util::future::BoxFuture;

use super::entry_size::EntrySize;
use super::load::{InTask, Inline};
use super::names::Names;
use super::news;
use super::terms::{LoadErrors, Presence, Terms};
use crate::cache::Cache;
use crate::coherence::{Link, MAX_SCOPES, Scope};
use crate::error::Error;
use crate::flight::Flights;
use crate::key::{CacheKey, Head, KeyPart, KeyText, Lookup, prefix_scope};
use crate::observability::{Backend, Counters, Occupancy, Occupied};
use crate::ownership::{Claim, Namespace, Place};
use crate::policy::ReadPolicy;
use crate::tier::local::LocalTier;
use crate::value::Cacheable;

/// The names of a region, and the format of its entries.
#[derive(Debug, Clone, Copy)]
pub struct RegionSpec {
    /// The store in statistics, such as `PolicyStore`.
    pub store: &'static str,
    /// The method in statistics, such as `get_policy`.
    pub method: &'static str,
    /// The part of every key after the namespace, such as `policy`.
    pub entity: &'static str,
    /// Entries of another version are misses.
    pub version: u32,
    /// Entries of a value type with another fingerprint are misses.
    pub fingerprint: u64,
    /// The lengths of the key prefixes that can be invalidated as a group. Only the first six are used.
    pub prefixes: &'static [usize],
}

impl RegionSpec {
    /// The spec of a region without a trait.
    pub(crate) fn by_hand(namespace: &Namespace, entity: &'static str) -> Self {
        Self { store: namespace.text, method: entity, entity, version: 0, fingerprint: 0, prefixes: &[] }
    }
}

/// The typed cache of one read method, from its key `K` to its result `R`.
///
/// Cheap to clone. A local hit allocates nothing and waits for nothing.
pub struct Region<K, R>(pub(super) Arc<Inner<K, R>>);

pub(super) struct Inner<K, R> {
    pub(super) cache: Cache,
    pub(super) link: Arc<Link>,
    pub(super) spec: RegionSpec,
    pub(super) policy: ReadPolicy,
    pub(super) presence: Presence<R>,
    /// The verifier checks about one in this many hits.
    pub(super) verify_one_in: Option<NonZeroU32>,
    pub(super) local: LocalTier<K, R>,
    pub(super) flights: Arc<Flights<K, R>>,
    pub(super) counters: Arc<Counters>,
    pub(super) entry_size: EntrySize,
    /// The beginning of every key.
    pub(super) head: Head,
    /// The index of its bus namespace among those of the cache.
    pub(super) namespace: usize,
    /// The identity of the store's database; 0 if unknown.
    pub(super) source: u128,
    /// The hash of trait and method.
    pub(super) method: u64,
    /// Reserves the keys of a region without a decorator. A decorator has its own claim.
    _claim: Option<Claim>,
    /// The scope of every entry.
    whole: Scope,
    pub(super) fingerprint: u64,
}

impl<K, R> Clone for Region<K, R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, R> fmt::Debug for Region<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region")
            .field("key", &self.0.head.text())
            .field("policy", &self.0.policy)
            .finish_non_exhaustive()
    }
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Creates a region of this cache.
    ///
    /// Two regions with the same keys share their entries in the shared tier.
    pub fn new(cache: &Cache, place: &Place, spec: RegionSpec, policy: ReadPolicy, presence: Presence<R>) -> Self {
        let checks = cache.0.link.settings.verify_one_in;
        Self::verified(cache, place, spec, policy, presence, checks, None)
    }

    /// Creates a region without a decorator.
    pub(crate) fn by_hand(cache: &Cache, place: &Place, spec: RegionSpec, policy: ReadPolicy) -> Self {
        let checks = cache.0.link.settings.verify_one_in;
        Self::verified(cache, place, spec, policy, Presence::ALWAYS, checks, Some(place.claim()))
    }

    /// Creates a region without a store, whose hits cannot be checked.
    pub(crate) fn without_store(cache: &Cache, place: &Place, spec: RegionSpec, policy: ReadPolicy) -> Self {
        Self::verified(cache, place, spec, policy, Presence::ALWAYS, None, Some(place.claim()))
    }

    fn verified(
        cache: &Cache,
        place: &Place,
        spec: RegionSpec,
        policy: ReadPolicy,
        presence: Presence<R>,
        verify_one_in: Option<NonZeroU32>,
        claim: Option<Claim>,
    ) -> Self {
        let counters = Arc::new(Counters::new(spec.store, spec.method, cache.backend()));
        let head = place.head(spec.entity);
        let namespace = cache.0.link.join(head.bus_namespace());
        let local = match cache.backend() {
            Backend::PassThrough => LocalTier::off(),
            _ => LocalTier::new(&policy),
        };
        let inner = Arc::new(Inner {
            cache: cache.clone(),
            link: Arc::clone(&cache.0.link),
            policy,
            presence,
            verify_one_in,
            local,
            flights: flights(cache),
            counters: Arc::clone(&counters),
            entry_size: EntrySize::default(),
            whole: prefix_scope(&head, |_| ()),
            head,
            namespace,
            source: place.source(),
            method: place.method_hash(spec.method),
            _claim: claim,
            fingerprint: fingerprint::<R>(&spec),
            spec,
        });
        let occupied: Weak<Inner<K, R>> = Arc::downgrade(&inner);
        cache.register(counters, occupied);
        Self(inner)
    }

    /// Identifies this region within the process.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Returns the number of keys that are being looked up or loaded.
    pub fn flights(&self) -> usize {
        self.0.flights.len()
    }

    /// Returns the owned form of a borrowed key.
    pub fn key<L: Lookup<K>>(&self, key: &L) -> K {
        key.to_key()
    }

    /// Returns the scope of one entry.
    pub fn scope<L: Lookup<K>>(&self, key: &L) -> Scope {
        KeyText::of(&self.0.head, key).own.of_mode(self.0.policy.mode)
    }

    /// Returns the scope of every entry whose key begins with these parts.
    ///
    /// Only the prefix lengths in [`RegionSpec::prefixes`] have a scope.
    pub fn scope_prefix<P: CacheKey>(&self, parts: &P) -> Scope {
        prefix_scope(&self.0.head, |out| parts.write_key(out)).of_mode(self.0.policy.mode)
    }

    /// Invalidates a scope on every instance.
    ///
    /// It takes one round trip, however many entries the scope has. A read that starts after this returns, and is
    /// answered by the shared tier or the store, returns no older value. The local tiers of other instances follow when
    /// the bus delivers the invalidation, at the latest when their lease ends. In mode [`Strict`](crate::Mode::Strict)
    /// this call returns only after that. If the call is dropped after its first poll, a task completes the
    /// invalidation.
    pub async fn invalidate(&self, scope: Scope) {
        Counters::add(&self.0.counters.invalidations);
        news::invalidate(&self.0.cache, vec![scope]).await;
    }
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Returns the value from the local tier, the shared tier, or `load`.
    ///
    /// The load runs in a task of its own, once for all callers that wait for the key. It continues if a caller is
    /// dropped. An error is never cached.
    ///
    /// # Errors
    ///
    /// Returns the error of `load`, or the error of this crate if the load panics, exceeds its deadline, or reads its
    /// own key recursively.
    pub async fn get_or_load<E, F, Fut>(&self, key: &K, load: F) -> Result<R, E>
    where
        E: Clone + From<Error> + Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        if let Some(hit) = self.local(&key) {
            return Ok(hit);
        }
        let errors = LoadErrors::new(Some(E::clone), Some(E::from));
        self.read(key.clone(), Terms::new(errors), load).await
    }

    /// Completes a read that the local tier did not answer, with the load in a task.
    pub fn read<'a, E, F, Fut>(&'a self, key: K, terms: Terms<'a, R, E>, load: F) -> BoxFuture<'a, Result<R, E>>
    where
        E: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        Box::pin(self.read_with(key, terms, InTask(load)))
    }

    /// Completes a read that the local tier did not answer, with the load in this call.
    ///
    /// If the call is dropped, a caller that waits for the key starts over with a load of its own.
    pub fn read_inline<'a, E, F, Fut>(&'a self, key: K, terms: Terms<'a, R, E>, load: F) -> BoxFuture<'a, Result<R, E>>
    where
        E: Send + 'static,
        F: FnOnce() -> Fut + Send + 'a,
        Fut: Future<Output = Result<R, E>> + Send + 'a,
    {
        Box::pin(self.read_with(key, terms, Inline(load)))
    }

    pub(super) fn names(&self, key: &K) -> Names {
        let inner = &*self.0;
        let prefixes = inner.spec.prefixes.iter().take(MAX_SCOPES - 2);
        let prefixes = prefixes.map(|width| prefix_scope(&inner.head, |out| key.write_first(*width, out)));
        Names::new(KeyText::of(&inner.head, key), std::iter::once(inner.whole.clone()).chain(prefixes))
    }
}

impl<K: KeyPart, R: Cacheable> Occupied for Inner<K, R> {
    fn occupancy(&self) -> Occupancy {
        Occupancy { entries: self.local.len(), flights: self.flights.len() }
    }
}

#[cfg(not(feature = "testing"))]
fn flights<K: KeyPart, R: Clone>(_: &Cache) -> Arc<Flights<K, R>> {
    Flights::new()
}

#[cfg(feature = "testing")]
fn flights<K: KeyPart, R: Clone>(cache: &Cache) -> Arc<Flights<K, R>> {
    match cache.0.link.settings.weakness {
        crate::testing::Weakness::JoinAnyFlight => Flights::weakened(),
        _ => Flights::new(),
    }
}

fn fingerprint<R>(spec: &RegionSpec) -> u64 {
    let text = format!("{:x} {} {}", spec.fingerprint, spec.version, std::any::type_name::<R>());
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}
