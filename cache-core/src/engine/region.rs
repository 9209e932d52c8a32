//! A region: the typed cache of one read method.
//!
//! A [`Region`] joins the parts of the engine for one method: what answers locally, the flights, the shared tier, and
//! the method's names and policy. It is the interface of the engine for generated code, and for programs that cache a
//! function without a trait. The order of the steps of a read is in `read`, and that of a write in `write`.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};

use futures_util::future::BoxFuture;
use smallvec::smallvec;

use super::access::Access;
use super::announce;
use super::batch_map::{BatchMap, Slot};
use super::entry_keys::EntryKeys;
use super::load::{Call, Load, MakeLoad, OfOne, of_many};
use super::local::{Age, Local, LocalHit, LocalRead, Revisit, Work};
use super::method::Method;
use super::read::Reading;
use super::read_options::{LoadErrors, Presence, ReadOptions};
use super::shared::SharedEntries;
use super::tags::{Tags, TagsOf};
use super::user_code::guarded;
use super::verify::Sampling;
use crate::cache::Cache;
use crate::error::{Error, built};
use crate::freshness::MethodEntries;
use crate::key::{CacheKey, KeyPart, KeyText, Lookup, prefix_scope};
use crate::observability::{Counters, Occupancy, Occupied};
use crate::ownership::{Claim, Kind, Namespace, Place};
use crate::policy::ReadPolicy;
use crate::protocol::{Backend, Protection, Scope};
use crate::single_flight::Flights;
use crate::tier::local::LocalTier;
use crate::value::Cacheable;

/// The names of a region, and the format of its entries.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct RegionSpec {
    pub(super) store: &'static str,
    pub(super) method: &'static str,
    entity: &'static str,
    version: u32,
    fingerprint: u64,
    pub(super) prefixes: &'static [usize],
}

impl RegionSpec {
    /// Creates the spec of a method of a store, whose keys contain `entity` after the namespace.
    pub const fn new(store: &'static str, method: &'static str, entity: &'static str) -> Self {
        Self { store, method, entity, version: 0, fingerprint: 0, prefixes: &[] }
    }

    /// Sets the version of the entries. Entries of another version are misses.
    pub const fn version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    /// Sets the fingerprint of the value type. Entries of a value type with another fingerprint are misses.
    pub const fn fingerprint(self, fingerprint: u64) -> Self {
        Self { fingerprint, ..self }
    }

    /// Sets the lengths of the key prefixes that can be invalidated as a group. Only the first four are used.
    pub const fn prefixes(self, prefixes: &'static [usize]) -> Self {
        Self { prefixes, ..self }
    }

    /// The hash of the fingerprint, the version and the type of the values.
    fn hash<R>(&self) -> u64 {
        let text = format!("{:x} {} {}", self.fingerprint, self.version, std::any::type_name::<R>());
        xxhash_rust::xxh3::xxh3_64(text.as_bytes())
    }
}

/// The properties of a new region.
struct Parts<K, R> {
    spec: RegionSpec,
    policy: ReadPolicy,
    presence: Presence<R>,
    tags: Tags<K, R>,
}

/// Out of line: a hit should not carry the allocation.
#[cold]
fn revisit<R>(value: R, work: Work) -> LocalRead<R> {
    LocalRead::Revisit(Box::new(Revisit { value, work }))
}

/// The typed cache of one read method, from its key `K` to its result `R`.
///
/// Cheap to clone. A local hit allocates nothing and waits for nothing. A decorator has one region for each read
/// method; [`Cache::region`] creates one without a decorator, for a function whose results are worth keeping.
///
/// A write of the data behind a region must invalidate it: with [`invalidate`](Self::invalidate) after the write, or
/// with a [`WriteGuard`](crate::WriteGuard) around it, which also prevents a read in progress from storing the old
/// value.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_core::Error> {
/// use std::time::Duration;
/// use cache_core::{Cache, Error, ReadPolicy, Region};
///
/// async fn slow_square(n: u64) -> Result<u64, Error> {
///     Ok(n * n)
/// }
///
/// let cache = Cache::single_instance();
/// let squares: Region<u64, u64> = cache.region("demo", "square", ReadPolicy::new(Duration::from_secs(60)));
/// assert_eq!(squares.get_or_load(&3, || slow_square(3)).await?, 9); // calls the function
/// assert_eq!(squares.get_or_load(&3, || slow_square(3)).await?, 9); // a local hit
/// assert_eq!(cache.stats().total().loads, 1);
/// # Ok(())
/// # }
/// ```
pub struct Region<K, R> {
    pub(super) inner: Arc<Inner<K, R>>,
    /// How the reads of this handle use the cache.
    pub(super) access: Access,
}

pub(super) struct Inner<K, R> {
    method: Arc<Method<R>>,
    /// Adds the tags of a key.
    of_key: Option<TagsOf<K>>,
    pub(super) local: Local<K, R>,
    pub(super) flights: Arc<Flights<K, R>>,
    pub(super) shared: SharedEntries<R>,
    pub(super) sampling: Sampling,
    /// Reserves the keys of a region without a decorator. A decorator has its own claim.
    _claim: Option<Claim>,
}

impl<K, R> Clone for Region<K, R> {
    fn clone(&self) -> Self {
        self.reading(self.access)
    }
}

impl<K, R> fmt::Debug for Region<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region")
            .field("key", &self.inner.method.name())
            .field("policy", &self.inner.method.policy)
            .finish_non_exhaustive()
    }
}

impl<K, R> Region<K, R> {
    /// Returns another handle of this region, whose reads use the cache in this way.
    #[doc(hidden)]
    #[must_use]
    pub fn reading(&self, access: Access) -> Self {
        Self { inner: Arc::clone(&self.inner), access }
    }

    pub(super) fn method(&self) -> &Method<R> {
        &self.inner.method
    }

    /// Returns the Redis keys of an entry.
    pub(super) fn entry_keys(&self, key: &K) -> EntryKeys
    where
        K: KeyPart,
    {
        self.inner.method.keys(key, self.inner.of_key)
    }

    /// Identifies this region within the process.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }
}

/// Construction.
impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Creates a region of this cache.
    ///
    /// Two regions with the same keys share their entries in the shared tier.
    #[doc(hidden)]
    pub fn new(cache: &Cache, place: &Place, spec: RegionSpec, policy: ReadPolicy, presence: Presence<R>) -> Self {
        Self::tagged(cache, place, spec, policy, presence, Tags::new(Vec::new()))
    }

    /// Creates a region whose entries carry tags.
    #[doc(hidden)]
    pub fn tagged(
        cache: &Cache,
        place: &Place,
        spec: RegionSpec,
        policy: ReadPolicy,
        presence: Presence<R>,
        tags: Tags<K, R>,
    ) -> Self {
        Self::assemble(cache, place, Parts { spec, policy, presence, tags }, Sampling::of(cache), None)
    }

    /// Creates a region without a decorator.
    ///
    /// `kind` is [`Kind::Transparent`] for a region without a store, whose hits cannot be checked.
    pub(crate) fn without_decorator(
        cache: &Cache,
        kind: Kind,
        namespace: Namespace,
        entity: &'static str,
        policy: ReadPolicy,
    ) -> Result<Self, Error> {
        let spec = RegionSpec::new(namespace.text, entity, entity);
        let place = Place::of_region::<K, R>(&cache.0.ownership, kind, namespace, entity)?;
        let sampling = if kind == Kind::Transparent { Sampling::default() } else { Sampling::of(cache) };
        let parts = Parts { spec, policy, presence: Presence::ALWAYS, tags: Tags::new(Vec::new()) };
        Ok(Self::assemble(cache, &place, parts, sampling, Some(place.claim())))
    }

    fn assemble(
        cache: &Cache,
        place: &Place,
        Parts { spec, policy, presence, tags }: Parts<K, R>,
        sampling: Sampling,
        claim: Option<Claim>,
    ) -> Self {
        let of_key = tags.of_key.map(|(_, of_key)| of_key);
        let method = Method::new(cache, &spec, policy, presence, place.head(spec.entity), tags);
        let tier = match cache.backend() {
            Backend::PassThrough => None,
            _ => LocalTier::new(&method.policy, method.wholes(), method.stamped()).map(Arc::new),
        };
        let method = Arc::new(method.with_entries(tier.clone().map(|tier| tier as Arc<dyn MethodEntries>)));
        let namespace = method.coherence().join(method.head.bus_namespace());
        let (source, hash) = (place.source(), place.method_hash(spec.method));
        let inner = Arc::new(Inner {
            local: Local::new(&method, tier),
            flights: Flights::new(method.protects(Protection::NextFlight)),
            shared: SharedEntries::new(&method, namespace, source, hash, spec.hash::<R>()),
            method,
            of_key,
            sampling,
            _claim: claim,
        });
        let occupied: Weak<Inner<K, R>> = Arc::downgrade(&inner);
        cache.register(Arc::clone(&inner.method.counters), occupied);
        Self { inner, access: Access::Usual }
    }
}

/// Keys, scopes and contents.
impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Returns the number of keys that are being looked up or loaded at this moment.
    ///
    /// It counts keys and not callers: callers of one key share a look-up.
    pub fn in_flight(&self) -> usize {
        self.inner.flights.len()
    }

    /// The name of [`in_flight`](Self::in_flight) in programs that were written before it was renamed.
    #[doc(hidden)]
    pub fn flights(&self) -> usize {
        self.in_flight()
    }

    /// Returns the number of local entries, including outdated ones that are not evicted yet.
    pub fn local_entries(&self) -> u64 {
        self.inner.local.len()
    }

    /// Returns the weight in bytes of the local entries, including outdated ones that are not evicted yet.
    ///
    /// `None` if the local tier is bounded by the number of entries, or off. See
    /// [`local_capacity_bytes`](ReadPolicy::local_capacity_bytes).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// # use std::time::Duration;
    /// # use cache_core::{Cache, Error, ReadPolicy};
    /// # let cache = Cache::single_instance();
    /// let policy = ReadPolicy::new(Duration::from_secs(60)).local_capacity_bytes(64 << 20);
    /// let texts = cache.region::<u64, String>("demo", "text", policy);
    /// texts.get_or_load(&1, || async { Ok::<_, Error>("x".repeat(1000)) }).await?;
    /// assert_eq!(texts.local_weight(), Some(1131)); // with the length in MessagePack, and 128 bytes for the entry
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_weight(&self) -> Option<u64> {
        self.inner.local.weight()
    }

    /// Returns the owned form of a borrowed key, as [`get_or_load`](Self::get_or_load) takes it.
    pub fn key<L: Lookup<K>>(&self, key: &L) -> K {
        key.to_key()
    }

    /// Returns the scope of one entry, for [`invalidate`](Self::invalidate) or a [`WriteGuard`](crate::WriteGuard).
    pub fn scope<L: Lookup<K>>(&self, key: &L) -> Scope {
        KeyText::of(&self.method().head, key).own.of_mode(self.method().policy.mode)
    }

    /// Returns the scope of every entry whose key begins with these parts.
    ///
    /// Only the prefixes that the annotation of the method names have a scope, and the empty one, `&()`, which is the
    /// whole method. A region without an annotation has the latter only.
    pub fn scope_prefix<P: CacheKey>(&self, parts: &P) -> Scope {
        prefix_scope(&self.method().head, |out| parts.write_key(out)).of_mode(self.method().policy.mode)
    }

    /// Invalidates a scope on every instance.
    ///
    /// It takes one round trip, however many entries the scope has. A read that starts after this returns, and is
    /// answered by the shared tier or the store, returns no older value. The local tiers of other instances follow when
    /// the bus delivers the invalidation, at the latest when their lease ends. In mode [`Strict`](crate::Mode::Strict)
    /// this call returns only after that.
    ///
    /// While the shared tier is unreachable, the scope is journaled, and delivered on reconnection.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// # use std::time::Duration;
    /// # use cache_core::{Cache, Error, ReadPolicy};
    /// # let cache = Cache::single_instance();
    /// let squares = cache.region::<u64, u64>("demo", "square", ReadPolicy::new(Duration::from_secs(60)));
    /// squares.get_or_load(&3, || async { Ok::<_, Error>(9) }).await?;
    /// squares.invalidate(squares.scope(&&3)).await;
    /// assert_eq!(squares.peek(&&3), None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancellation
    ///
    /// If the call is dropped after its first poll, a task completes the invalidation.
    pub async fn invalidate(&self, scope: Scope) {
        Counters::add(&self.method().counters.invalidations);
        announce::invalidate(&self.method().cache, vec![scope]).await;
    }

    /// Returns the value, if the local tier may answer. Does not count a hit.
    ///
    /// It does no I/O. `None` means that the local tier has no current entry, and not that there is no value.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// # use std::time::Duration;
    /// # use cache_core::{Cache, Error, ReadPolicy};
    /// # let cache = Cache::single_instance();
    /// let names = cache.region::<String, String>("demo", "name", ReadPolicy::new(Duration::from_secs(60)));
    /// assert_eq!(names.peek(&"ada"), None); // a key is looked up by a borrowed form: no copy
    /// names.get_or_load(&"ada".to_owned(), || async { Ok::<_, Error>("Ada".to_owned()) }).await?;
    /// assert_eq!(names.peek(&"ada").as_deref(), Some("Ada"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn peek<L: Lookup<K>>(&self, key: &L) -> Option<R> {
        let local = &self.inner.local;
        local.find(key).or_else(|| local.find_otherwise(key)).map(|hit| hit.value)
    }
}

/// Reads.
impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Returns the value from the local tier, the shared tier, or `load`.
    ///
    /// The load runs in a task of its own, once for all callers that wait for the key. An error is never cached: each
    /// caller that waits receives a clone of it, and the next call loads again.
    ///
    /// A value is stored only if no write of the key has begun since the look-up. Its staleness is that of the region's
    /// [`Mode`](crate::Mode).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// # use std::time::Duration;
    /// # use cache_core::{Cache, Error, ReadPolicy};
    /// # let cache = Cache::single_instance();
    /// let squares = cache.region::<u64, u64>("demo", "square", ReadPolicy::new(Duration::from_secs(60)));
    /// let load = |n: u64| move || async move { Ok::<_, Error>(n * n) };
    /// let (one, two) = tokio::join!(squares.get_or_load(&3, load(3)), squares.get_or_load(&3, load(3)));
    /// assert_eq!((one?, two?), (9, 9));
    /// assert_eq!(cache.stats().total().loads, 1); // one load for both callers
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the error of `load`, or the error of this crate if the load panics, exceeds its deadline, or reads its
    /// own key recursively.
    ///
    /// # Cancellation
    ///
    /// If a caller is dropped, the load continues, and its value is stored.
    pub async fn get_or_load<E, F, Fut>(&self, key: &K, load: F) -> Result<R, E>
    where
        E: Clone + From<Error> + Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        match self.local(&key) {
            LocalRead::Fresh(value) => Ok(value),
            local => {
                let errors = LoadErrors::new(Some(E::clone), Some(E::from));
                self.read(key.clone(), local, ReadOptions::new(errors), load).await
            }
        }
    }

    /// Returns what the local tier answers. Counts a hit.
    #[doc(hidden)]
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "otherwise the boxed future of a `dyn` read makes a call of it")]
    pub fn local<L: Lookup<K>>(&self, key: &L) -> LocalRead<R> {
        if self.access != Access::Usual {
            return LocalRead::Miss;
        }
        match self.inner.local.find(key) {
            Some(hit) => self.hit(hit),
            None => self.local_otherwise(key, |_| true),
        }
    }

    /// Returns what the local tier answers, if `visible` accepts it. Counts a hit.
    #[doc(hidden)]
    #[inline]
    pub fn local_if<L: Lookup<K>>(&self, key: &L, visible: impl FnOnce(&R) -> bool) -> LocalRead<R> {
        if self.access != Access::Usual {
            return LocalRead::Miss;
        }
        let visible = |value: &R| guarded(self.method().name(), "visible_if", || visible(value)).unwrap_or(false);
        let Some(hit) = self.inner.local.find(key) else { return self.local_otherwise(key, visible) };
        if visible(&hit.value) { self.hit(hit) } else { LocalRead::Miss }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as for `local`, which it ends")]
    fn hit(&self, hit: LocalHit<R>) -> LocalRead<R> {
        let age = hit.age;
        let value = self.inner.local.count(hit);
        if age != Age::Young {
            return revisit(value, Work::Refresh);
        }
        if self.inner.sampling.is_due() { revisit(value, Work::Verify) } else { LocalRead::Fresh(value) }
    }

    #[cold]
    fn local_otherwise<L: Lookup<K>>(&self, key: &L, visible: impl FnOnce(&R) -> bool) -> LocalRead<R> {
        match self.inner.local.find_otherwise(key).filter(|hit| visible(&hit.value)) {
            Some(hit) => self.hit(hit),
            None => LocalRead::Miss,
        }
    }

    /// Completes a read after [`local`](Self::local), with the load in a task.
    #[doc(hidden)]
    pub fn read<'a, E, F, Fut>(
        &'a self,
        key: K,
        local: LocalRead<R>,
        options: ReadOptions<'a, K, R, E>,
        load: F,
    ) -> BoxFuture<'a, Result<R, E>>
    where
        E: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        Box::pin(self.read_in_task(key, local, options, load))
    }

    /// Completes a read after [`local`](Self::local), with the load in this call.
    ///
    /// If the call is dropped, a caller that waits for the key starts over with a load of its own.
    #[doc(hidden)]
    pub fn read_inline<'a, E, F, Fut>(
        &'a self,
        key: K,
        local: LocalRead<R>,
        options: ReadOptions<'a, K, R, E>,
        load: F,
    ) -> BoxFuture<'a, Result<R, E>>
    where
        E: Send + 'static,
        F: FnOnce() -> Fut + Send + 'a,
        Fut: Future<Output = Result<R, E>> + Send + 'a,
    {
        Box::pin(self.read_in_call(key, local, options, load))
    }

    pub(super) async fn read_in_task<'a, E, F, Fut>(
        &'a self,
        key: K,
        local: LocalRead<R>,
        options: ReadOptions<'a, K, R, E>,
        load: F,
    ) -> Result<R, E>
    where
        E: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        let load = OfOne::new(load);
        self.read_one(key, local, options, &|| Load::InTask(Arc::new(load.take().into_call()))).await
    }

    pub(super) async fn read_in_call<'a, E, F, Fut>(
        &'a self,
        key: K,
        local: LocalRead<R>,
        options: ReadOptions<'a, K, R, E>,
        load: F,
    ) -> Result<R, E>
    where
        E: Send + 'static,
        F: FnOnce() -> Fut + Send + 'a,
        Fut: Future<Output = Result<R, E>> + Send + 'a,
    {
        let load = OfOne::new(load);
        self.read_one(key, local, options, &|| Load::Inline(Box::new(load.take().into_call()))).await
    }

    async fn read_one<'a, E: Send + 'static>(
        &'a self,
        key: K,
        local: LocalRead<R>,
        options: ReadOptions<'a, K, R, E>,
        load: &MakeLoad<'_, 'a, K, R, E>,
    ) -> Result<R, E> {
        let reading = Reading { region: self, options, load };
        match local {
            LocalRead::Fresh(value) => Ok(value),
            LocalRead::Revisit(hit) => {
                let Revisit { value, work } = *hit;
                reading.revisit(&key, &value, work);
                Ok(value)
            }
            LocalRead::Miss => {
                let pair = reading.read(smallvec![key]).await?.pop();
                let (_, value) = pair.expect("a read of one key ends with its value or with an error");
                Ok(value)
            }
        }
    }

    /// Returns the values of many keys from the local tier, the shared tier, or `load`.
    ///
    /// The keys differ in one part, which `part` returns; the result maps that part to the value. Keys may occur more
    /// than once. `load` receives the parts that no tier could answer, each once, usually in one call. There is more
    /// than one call only if another read of the same keys is in progress. It runs in a task of its own.
    ///
    /// A key that is missing in the result of `load` is absent: if the region's values are optional, the absence is
    /// cached like that of a single read.
    #[doc(hidden)]
    pub fn read_many<'a, T, M, E, F, Fut>(
        &'a self,
        keys: Vec<K>,
        part: fn(&K) -> &T,
        options: ReadOptions<'a, K, R, E>,
        load: F,
    ) -> BoxFuture<'a, Result<M, E>>
    where
        T: Clone + Eq + std::hash::Hash + Send + Sync + 'static,
        M: BatchMap<T> + 'a,
        R: Slot<M::Value>,
        E: Send + 'static,
        F: Fn(Vec<T>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<M, E>> + Send + 'static,
    {
        Box::pin(self.read_all_of(keys, part, options, load))
    }

    pub(super) async fn read_all_of<'a, T, M, E, F, Fut>(
        &'a self,
        keys: Vec<K>,
        part: fn(&K) -> &T,
        options: ReadOptions<'a, K, R, E>,
        load: F,
    ) -> Result<M, E>
    where
        T: Clone + Eq + std::hash::Hash + Send + Sync + 'static,
        M: BatchMap<T>,
        R: Slot<M::Value>,
        E: Send + 'static,
        F: Fn(Vec<T>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<M, E>> + Send + 'static,
    {
        let call: Arc<Call<'static, K, R, E>> = Arc::new(of_many(part, load));
        let reading = Reading { region: self, options, load: &|| Load::InTask(Arc::clone(&call)) };
        let found = reading.read_all(keys).await?;
        let pairs = found.into_iter().filter_map(|(key, value)| Some((part(&key).clone(), value.into_found()?)));
        Ok(M::from_pairs(pairs))
    }
}

impl<K: KeyPart, R: Cacheable> Occupied for Inner<K, R> {
    fn occupancy(&self) -> Occupancy {
        Occupancy { entries: self.local.len(), weight: self.local.weight(), in_flight: self.flights.len() }
    }
}

impl Cache {
    /// Creates a typed region for values without an annotated trait.
    ///
    /// The generated decorators use the same regions.
    ///
    /// `namespace` and `entity` become the beginning of every key, so they must be unique among regions, and must not
    /// change: use lower-case words, the namespace with colons between them. A [`Namespace`] takes a partition as well.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use cache_core::{Cache, ReadPolicy};
    ///
    /// let cache = Cache::single_instance();
    /// let squares = cache.region::<u64, u64>("demo:math", "square", ReadPolicy::new(Duration::from_secs(60)));
    /// let nine = squares.get_or_load(&3, || async { Ok::<_, cache_core::Error>(9) }).await;
    /// assert_eq!(nine.unwrap(), 9);
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If a decorator, a [`TransparentCache`](crate::TransparentCache) or a region with other types already uses these
    /// keys in this cache. [`try_region`](Self::try_region) returns an error instead. The same region may be created
    /// any number of times.
    #[track_caller]
    pub fn region<K, R>(
        &self,
        namespace: impl Into<Namespace>,
        entity: &'static str,
        policy: ReadPolicy,
    ) -> Region<K, R>
    where
        K: KeyPart,
        R: Cacheable,
    {
        built(self.try_region(namespace, entity, policy))
    }

    /// Like [`region`](Self::region), but returns an error if the keys are in use.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::{Cache, ReadPolicy};
    ///
    /// let (cache, policy) = (Cache::single_instance(), ReadPolicy::new(Duration::from_secs(60)));
    /// let squares = cache.try_region::<u64, u64>("demo", "square", policy)?;
    /// assert!(cache.try_region::<u64, String>("demo", "square", policy).is_err()); // other types
    /// # drop(squares);
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if a decorator, a [`TransparentCache`](crate::TransparentCache) or a region
    /// with other types already uses these keys in this cache.
    pub fn try_region<K, R>(
        &self,
        namespace: impl Into<Namespace>,
        entity: &'static str,
        policy: ReadPolicy,
    ) -> Result<Region<K, R>, Error>
    where
        K: KeyPart,
        R: Cacheable,
    {
        Region::without_decorator(self, Kind::Region, namespace.into(), entity, policy)
    }
}
