//! The cache of a process.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::coherence::{Link, LinkState, supervise};
use crate::config::{CacheBuilder, Settings};
use crate::engine::{CHECKS_AT_ONCE, Permit, Permits, Region, RegionSpec};
use crate::error::Error;
use crate::key::KeyPart;
use crate::observability::{Backend, Counters, Health, Occupied, Publisher, Registry, Stats};
use crate::ownership::{Claims, Kind, Mixups, Namespace, Place};
use crate::policy::ReadPolicy;
use crate::runtime::{Clock, Moment, Tasks};
use crate::tier::remote::Remote;
use crate::transparent::TransparentCache;
use crate::value::Cacheable;

/// How often a wait for the connection checks the background task.
const REVIVE: Duration = Duration::from_millis(100);

/// The cache of a process. Cheap to clone.
///
/// All constructors return the same type, and it never returns an error of Redis: while the shared tier is unreachable,
/// reads go to the store.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_core::Error> {
/// use cache_core::{Backend, Cache};
///
/// let cache = Cache::builder().redis("redis://127.0.0.1:6379").build()?; // connects in the background
/// assert_eq!(cache.backend(), Backend::Redis);
/// cache.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Cache(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) backend: Backend,
    pub(crate) link: Arc<Link>,
    /// The shared tier that the supervisor connects to.
    remote: Option<Remote>,
    pub(crate) registry: Arc<Registry>,
    /// The keys in use, with the decorator or region that uses each.
    pub(crate) claims: Arc<Claims>,
    pub(crate) mixups: Mixups,
    pub(crate) tasks: Tasks,
    /// Limits concurrent loads while the shared tier is unreachable, and for a while afterwards.
    pub(crate) direct_loads: Permits,
    /// Limits the concurrent checks of the verifier.
    pub(crate) checks: Arc<Semaphore>,
    /// Whether a task of this cache publishes its metrics.
    publishes: Arc<AtomicBool>,
}

/// Clears the flag when the publishing task ends.
struct Publishing(Arc<AtomicBool>);

impl Drop for Publishing {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Inner {
    fn publisher(&self) -> Publisher {
        Publisher { link: Arc::clone(&self.link), registry: Arc::clone(&self.registry) }
    }
}

/// Shows the state without scope names, since they contain keys.
impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = &self.0.link;
        f.debug_struct("Cache")
            .field("backend", &self.0.backend)
            .field("instance", &link.instance)
            .field("state", &link.state())
            .field("journal", &link.journal.len())
            .finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.link.supervision.shut_down();
        self.tasks.stop();
        leave_behind(&self.link);
        // The connection holds the link for its bus messages: this breaks the cycle.
        drop(self.link.shut());
        self.publisher().publish();
    }
}

/// Removes this instance from the member list.
///
/// Otherwise the other members would wait for it after the next outage. Without a runtime no task can run; they then
/// detect the missing heartbeats.
fn leave_behind(link: &Arc<Link>) {
    // The explorer of interleavings drops its runtime outside of a run; tasks must not use its primitives then.
    if cfg!(all(test, shuttle)) {
        return;
    }
    if let (Some(leaving), Ok(runtime)) = (link.leaving(), tokio::runtime::Handle::try_current()) {
        runtime.spawn(async move { leaving.await.close() });
    }
}

impl Cache {
    /// Builds a cache from the environment, with the variables in [`CacheBuilder::from_env`].
    ///
    /// With no address, or with the switch off, the cache is a pass-through: reads go to the store, and writes
    /// invalidate nothing on other instances.
    ///
    /// # Errors
    ///
    /// Returns an error if a value does not parse; the message names the variable and the expected form, and never
    /// contains a secret. It also does if there is an address and no Tokio runtime.
    pub fn from_env() -> Result<Self, Error> {
        CacheBuilder::from_env()?.build()
    }

    /// Returns a builder.
    pub fn builder() -> CacheBuilder {
        CacheBuilder::new()
    }

    /// Creates a cache that stores nothing: every read is a miss, every write a no-op.
    pub fn pass_through() -> Self {
        Self::assemble(Backend::PassThrough, Settings::default(), Clock::default())
    }

    /// Creates a cache with only a local tier, for a service with a single process.
    ///
    /// A second process would not receive the invalidations of the first.
    pub fn single_instance() -> Self {
        Self::single_instance_at(Clock::default())
    }

    /// Like [`single_instance`](Self::single_instance), with this clock.
    #[cfg(feature = "testing")]
    pub fn single_instance_with_clock(clock: impl Into<Clock>) -> Self {
        Self::single_instance_at(clock.into())
    }

    fn single_instance_at(clock: Clock) -> Self {
        tracing::info!("the cache is in this process only: no other instance may write to the same stores");
        let cache = Self::assemble(Backend::SingleInstance, Settings::default(), clock);
        cache.0.link.gate.trust_until(Moment::NEVER);
        cache
    }

    pub(crate) fn with_remote(remote: Remote, settings: Settings, clock: Clock) -> Result<Self, Error> {
        tokio::runtime::Handle::try_current().map_err(|_| Error::no_runtime())?;
        let backend = remote.0.backend();
        let cache = Self::with(Some(remote), backend, settings, clock);
        cache.0.link.supervision.start();
        cache.supervise();
        Ok(cache)
    }

    fn supervise(&self) {
        if let Some(Remote(remote)) = &self.0.remote {
            self.0.tasks.spawn_daemon(supervise(Arc::clone(&self.0.link), Arc::clone(remote)));
        }
    }

    /// Restarts the supervisor if it has ended.
    ///
    /// Its runtime may end before the cache, for example if several tests share a cache in a `static`.
    #[inline]
    pub(crate) fn revive(&self) {
        if self.0.link.supervision.has_ended() {
            self.restart();
        }
    }

    #[cold]
    fn restart(&self) {
        let link = &self.0.link;
        if Tasks::can_spawn() && link.supervision.restart(link.clock.now()) {
            tracing::warn!(
                instance = link.instance,
                "the background task of the cache had ended, and starts again on this runtime"
            );
            link.cut_off.reopen(link.clock.now());
            self.supervise();
            self.publish_from_now_on();
        }
    }

    pub(crate) fn assemble(backend: Backend, settings: Settings, clock: Clock) -> Self {
        Self::with(None, backend, settings, clock)
    }

    fn with(remote: Option<Remote>, backend: Backend, settings: Settings, clock: Clock) -> Self {
        let direct_loads = Permits::new(settings.max_concurrent_loads);
        let link = Arc::new(Link::new(clock, settings, backend));
        let (registry, claims, mixups, tasks) = (Arc::default(), Arc::default(), Mixups::default(), Tasks::default());
        let checks = Arc::new(Semaphore::new(CHECKS_AT_ONCE));
        let publishes = Arc::new(AtomicBool::new(false));
        Self(Arc::new(Inner {
            backend,
            link,
            remote,
            registry,
            claims,
            mixups,
            tasks,
            direct_loads,
            checks,
            publishes,
        }))
    }

    /// Adds the counters of a region to the statistics of this cache.
    pub(crate) fn register(&self, counters: Arc<Counters>, region: Weak<dyn Occupied>) {
        self.0.registry.register(counters, region);
        self.publish_from_now_on();
    }

    /// Starts the task that publishes metrics.
    ///
    /// If the cache was built outside of a runtime, the task starts with the first region that is built inside of one.
    fn publish_from_now_on(&self) {
        let may_start = cfg!(feature = "metrics") && tokio::runtime::Handle::try_current().is_ok();
        if may_start && !self.0.publishes.swap(true, Ordering::Relaxed) {
            let (publisher, publishing) = (self.0.publisher(), Publishing(Arc::clone(&self.0.publishes)));
            self.0.tasks.spawn_daemon(async move {
                let _publishing = publishing;
                publisher.run().await;
            });
        }
    }

    /// Publishes the metrics immediately. The cache's task publishes them every second.
    ///
    /// Call it in a handler that renders metrics. The [table](crate::docs::metrics) lists all of them. A cache and
    /// decorators that were built outside of a Tokio runtime have no such task: there, only this method publishes.
    #[cfg(feature = "metrics")]
    pub fn publish_metrics(&self) {
        self.0.publisher().publish();
    }

    /// Returns the tiers of this cache.
    pub fn backend(&self) -> Backend {
        self.0.backend
    }

    /// Returns the statistics so far, per store and method.
    pub fn stats(&self) -> Stats {
        self.0.registry.read()
    }

    /// Returns the current health, without I/O.
    #[expect(clippy::unused_async, reason = "part of the agreed interface; a later version may ask the server")]
    pub async fn health(&self) -> Health {
        Health::of(&self.0.link)
    }

    /// Waits until the shared tier may be used, or until `limit` has passed.
    ///
    /// It returns whether the shared tier may be used.
    ///
    /// Returns `true` at once for a cache without a shared tier. Waiting is optional: until then reads go to the store.
    /// A service may wait before it accepts traffic, so that its first requests are not all misses. Build the
    /// decorators before: the cache subscribes to the invalidations of each.
    ///
    /// If the background task of the cache has ended with its runtime or by a panic, this restarts it.
    pub async fn connected(&self, limit: Duration) -> bool {
        let link = &self.0.link;
        let usable = async {
            loop {
                let usable = link.usable.notified();
                tokio::pin!(usable);
                usable.as_mut().enable();
                self.revive();
                if link.is_usable() {
                    return;
                }
                // After a panic the background task is not restarted at once.
                link.clock.timeout(REVIVE, usable).await;
            }
        };
        !self.has_remote() || link.clock.timeout(limit, usable).await.is_some()
    }

    /// Returns how many invalidations this instance has received over the bus.
    #[cfg(feature = "testing")]
    pub fn invalidations_heard(&self) -> u64 {
        self.0.link.invalidations.load(crate::runtime::sync::atomic::Ordering::Acquire)
    }

    /// Acquires a permit to call the store, to be held until the call ends.
    ///
    /// While the number of concurrent calls is limited, it waits for a permit, or until `urgent` resolves: then a call
    /// that holds a permit waits for this one.
    pub(crate) async fn permit(&self, degraded: bool, urgent: impl Future<Output = ()>) -> Option<Permit<'_>> {
        let (link, direct_loads) = (&self.0.link, &self.0.direct_loads);
        if !degraded && !link.recovery.is_under_way(link.clock.now()) {
            return None;
        }
        if let Some(permit) = direct_loads.try_acquire(&link.clock) {
            return Some(permit);
        }
        link.recovery.is_crowded(link.clock.now());
        tokio::select! {
            permit = direct_loads.acquire(&link.clock) => permit,
            () = urgent => None,
        }
    }

    pub(crate) fn has_remote(&self) -> bool {
        self.0.backend.has_remote()
    }

    /// Shuts the cache down.
    ///
    /// It waits for the loads, fills and releases in progress, leaves the members and disconnects from the shared tier.
    /// It does not wait for a write whose call of the store is in progress, or for a load that runs in its caller
    /// (`load = inline`, or a load for a single caller).
    ///
    /// Afterwards reads go to the store. In a cache with a shared tier at most
    /// [`max_concurrent_loads`](CacheBuilder::max_concurrent_loads) of them run at a time, and the local tier keeps what they
    /// load for [`degraded_ttl`](CacheBuilder::degraded_ttl). Writes return without being announced: other instances
    /// may read old values until their time to live ends, so stop writing before. Invalidations that are pending when
    /// it ends are lost. It cannot be undone.
    ///
    /// It returns within [`shutdown_timeout`](CacheBuilder::shutdown_timeout), 10 s by default, plus at most two
    /// seconds. Loads that are still running continue, and their callers receive the results.
    pub async fn shutdown(&self) {
        let link = &self.0.link;
        // The heartbeats continue until the work is done: without them its releases would not be sent.
        let limit = link.settings.shutdown_timeout;
        if link.clock.timeout(limit, self.0.tasks.wait()).await.is_none() {
            tracing::warn!(
                instance = link.instance,
                ?limit,
                "the shutdown of the cache does not wait any longer for its loads"
            );
        }
        link.supervision.shut_down();
        self.0.tasks.stop();
        // They end at once, unless a runtime that they run on is blocked.
        let _ = link.clock.timeout(link.settings.last_step(), self.0.tasks.wait_for_daemons()).await;
        // A heartbeat after this would make the instance a member again.
        link.leave().await;
        if let Some(live) = link.shut() {
            // A load that continues may hold it for long.
            live.session.close();
        }
        link.set_state(LinkState::ShutDown);
        self.0.publisher().publish();
    }

    /// Creates a typed region for values without an annotated trait.
    ///
    /// The generated decorators use the same regions.
    ///
    /// `namespace` and `entity` become the beginning of every key, so they must be unique among regions, and must not
    /// change: use lower-case words, the namespace with colons between them. A [`Namespace`] takes a partition as well.
    ///
    /// # Panics
    ///
    /// If a decorator, a [`TransparentCache`] or a region with other types already uses these keys in this cache.
    /// [`try_region`](Self::try_region) returns an error instead. The same region may be created any number of times.
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
        crate::macro_support::built(self.try_region(namespace, entity, policy))
    }

    /// Like [`region`](Self::region), but returns an error if the keys are in use.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if a decorator, a [`TransparentCache`] or a region with other types already
    /// uses these keys in this cache.
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
        let namespace = namespace.into();
        let spec = RegionSpec::by_hand(&namespace, entity);
        let place = Place::of_region::<K, R>(self, Kind::Region, namespace, entity)?;
        Ok(Region::by_hand(self, &place, spec, policy))
    }

    /// Creates a cache for ad-hoc values under text keys, shared between instances.
    ///
    /// # Panics
    ///
    /// If a decorator, a region or a `TransparentCache` of another type already uses these keys in this cache.
    /// [`try_transparent`](Self::try_transparent) returns an error instead.
    #[track_caller]
    pub fn transparent<T>(&self, namespace: impl Into<Namespace>, entity: &'static str) -> TransparentCache<T>
    where
        T: Cacheable,
    {
        crate::macro_support::built(self.try_transparent(namespace, entity))
    }

    /// Like [`transparent`](Self::transparent), but returns an error if the keys are in use.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if a decorator, a region or a `TransparentCache` of another type already
    /// uses these keys in this cache.
    pub fn try_transparent<T>(
        &self,
        namespace: impl Into<Namespace>,
        entity: &'static str,
    ) -> Result<TransparentCache<T>, Error>
    where
        T: Cacheable,
    {
        TransparentCache::new(self, namespace.into(), entity)
    }
}
