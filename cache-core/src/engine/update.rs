//! Write-through: a write that stores its value in the cache.
//!
//! The entry of an update is locked like any other target of its write. Its value is stored under the generation that the
//! write's own release has created, and under those of the wider scopes as of before the call. It is the newest value of
//! the entry if no other change has overlapped the write: then no other writer can have written after this one and
//! finished before it. The shared tier marks a lock that was overlapped, and replies to the release with a generation
//! only if there is no mark. In a single instance the number of writes in progress and the local sequence of the entry
//! show the same.
//!
//! Invariant: an update only ever adds an entry. Without a permit, a generation or a value the write is one that
//! invalidates.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::entry_keys::EntryKeys;
use super::method::Method;
use super::read_options::CacheIf;
use super::region::Region;
use super::shared::{Loaded, SharedFill, WritePermit};
use super::user_code::guarded;
use crate::key::{KeyPart, Lookup};
use crate::observability::Counters;
use crate::protocol::{Generation, Protection, Scope};
use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};
use crate::value::Cacheable;

/// An entry that a write stores, without its types.
pub(super) trait StoredEntry: fmt::Debug + Send + Sync {
    /// The scope of the entry, which the write locks.
    fn scope(&self) -> &Scope;

    /// Reads what the value is stored under, before the store is called and after the local entry was invalidated.
    fn prepare(&self) -> BoxFuture<'_, ()>;

    /// Notes that the release begins: what is invalidated from now on prevents the local entry.
    fn release_begins(&self);

    /// Stores the value in both tiers, under the generation that the release has created.
    ///
    /// There is no generation in a single instance, and none if another change overlapped the write.
    fn store(&self, generation: Option<Generation>) -> BoxFuture<'_, ()>;
}

/// An update of any read method, for [`WriteGuard::begin_updating`](super::WriteGuard::begin_updating).
#[derive(Debug, Clone)]
pub struct AnyUpdate(pub(super) Arc<dyn StoredEntry>);

/// The entry that a write stores its value in.
pub struct Update<K: KeyPart, R: Cacheable> {
    region: Region<K, R>,
    scope: Scope,
    state: Mutex<State<K, R>>,
}

struct State<K, R> {
    /// Taken by the preparation, which returns it, and by the fill.
    entry: Option<(K, EntryKeys)>,
    permit: Option<WritePermit>,
    value: Option<R>,
    cache_if: Option<CacheIf<R>>,
}

/// Everything that a fill needs.
struct Written<K, R> {
    key: K,
    keys: EntryKeys,
    permit: WritePermit,
    value: R,
    cache_if: Option<CacheIf<R>>,
}

impl<K: KeyPart, R: Cacheable> fmt::Debug for Update<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Prepares an update of the entry with this key by a write.
    #[doc(hidden)]
    pub fn update<L: Lookup<K>>(&self, key: &L) -> Update<K, R> {
        let key = key.to_key();
        let keys = self.entry_keys(&key);
        let scope = keys.scopes[0].clone().of_mode(self.method().policy.mode);
        let state = State { entry: Some((key, keys)), permit: None, value: None, cache_if: None };
        Update { region: self.clone(), scope, state: Mutex::new(state) }
    }
}

impl<K: KeyPart, R: Cacheable> Update<K, R> {
    /// Returns the scope of the entry, which the write has to lock.
    pub fn scope(&self) -> Scope {
        self.scope.clone()
    }

    /// Returns this update without its types.
    pub fn any(self: &Arc<Self>) -> AnyUpdate {
        AnyUpdate(Arc::clone(self) as Arc<dyn StoredEntry>)
    }

    /// Decides which values are cached.
    #[must_use]
    pub fn cache_if(self, cache_if: impl Fn(&R) -> bool + Send + Sync + 'static) -> Self {
        self.lock().cache_if = Some(Arc::new(cache_if));
        self
    }

    /// Sets the value that the call has written. If the expression panics, the entry is only invalidated.
    pub fn set(&self, value: impl FnOnce() -> R) {
        self.set_if(|| Some(value()));
    }

    /// Like [`set`](Self::set), for a write that stores a value under a condition. Without one the entry is only
    /// invalidated.
    pub fn set_if(&self, value: impl FnOnce() -> Option<R>) {
        let value = guarded(self.method().name(), "updates", value).flatten();
        self.lock().value = value;
    }

    fn method(&self) -> &Method<R> {
        self.region.method()
    }

    fn lock(&self) -> MutexGuard<'_, State<K, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is needed to store the value, if there is all of it.
    fn take(&self) -> Option<Written<K, R>> {
        let (entry, permit, value, cache_if) = {
            let mut state = self.lock();
            (state.entry.take(), state.permit.take(), state.value.take(), state.cache_if.take())
        };
        let ((key, keys), permit, value) = (entry?, permit?, value?);
        Some(Written { key, keys, permit, value, cache_if })
    }

    async fn store_now(&self, generation: Option<Generation>) -> Option<()> {
        let Written { key, mut keys, permit, value, cache_if } = self.take()?;
        let (method, region) = (self.method(), &self.region.inner);
        let generation = match generation {
            None if !method.protects(Protection::UpdateOverlap) => region.shared.own_generation(&keys).await,
            generation => generation,
        };
        let mut permit = permit.for_fill(&keys, generation)?;
        let lifetime = method.lifetime(&value, cache_if.as_ref(), &permit)?;
        if method.has_value_tags() {
            region.shared.tag(vec![Loaded { keys: &mut keys, permit: &mut permit, value: &value }]).await;
        }
        if permit.target.is_bypass() {
            return None;
        }
        region.local.fill(key, &value, &permit, lifetime);
        if let Some(entry) = region.shared.encode(SharedFill { keys, permit, lifetime }, &value) {
            region.shared.store(vec![entry]).await;
        }
        Counters::add(&method.counters.updates);
        Some(())
    }
}

impl<K: KeyPart, R: Cacheable> StoredEntry for Update<K, R> {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn prepare(&self) -> BoxFuture<'_, ()> {
        async move {
            let Some((key, keys)) = self.lock().entry.take() else { return };
            let is_cached = self.method().policy.enabled && key.is_usable();
            let permit = if is_cached { self.region.inner.shared.write_permit(&keys).await } else { None };
            let mut state = self.lock();
            state.entry = Some((key, keys));
            state.permit = permit;
        }
        .boxed()
    }

    fn release_begins(&self) {
        let (coherence, protects) = (self.method().coherence(), self.method().protects(Protection::UpdateOverlap));
        let mut state = self.lock();
        let permit = state.permit.take().and_then(|permit| permit.at_release(&coherence.freshness, protects));
        // A write of this instance that could not be announced has left no mark. Asked after the snapshot is taken: one
        // that comes later journals first and advances the sequence then. Not whether the scopes are held: in mode fast
        // this write holds them itself.
        let is_announced = |keys: &EntryKeys| !coherence.journal.is_due(&keys.scopes);
        let is_stored = state.entry.as_ref().is_some_and(|(_, keys)| is_announced(keys));
        state.permit = permit.filter(|_| is_stored);
    }

    fn store(&self, generation: Option<Generation>) -> BoxFuture<'_, ()> {
        self.store_now(generation).map(drop).boxed()
    }
}
