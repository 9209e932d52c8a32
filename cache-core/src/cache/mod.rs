//! The cache of a process: its parts, its background tasks, and its end.
//!
//! A [`Cache`] owns the state that all decorators of a process share: the link to the shared tier, the permits for
//! loads, the names in use, and the counters. It decides nothing about single reads and writes: `engine` does that with
//! this state.
//!
//! Invariant: a cache with a shared tier has at most one supervisor task. It ends with [`Cache::shutdown`], with the
//! last clone of the cache, or with its runtime; after the last of these the next call on another runtime starts it
//! again.

mod permits;

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

pub(crate) use self::permits::Permit;
use self::permits::Permits;
use crate::coherence::{Coherence, LinkState, supervise};
use crate::config::Settings;
use crate::error::Error;
use crate::health::{Health, Publisher};
use crate::observability::{Counters, Occupied, Registry, Stats};
use crate::ownership::Ownership;
use crate::process::Process;
use crate::protocol::Backend;
use crate::runtime::{Clock, Moment, Tasks};
use crate::tier::shared::Remote;

/// The number of concurrent checks of the verifier. Beyond it a sampled hit is not checked, so that no caller waits for
/// the verifier, and the store has little extra load.
const CHECKS_AT_ONCE: usize = 4;

/// How often a wait for the connection checks the background task.
const REVIVE: Duration = Duration::from_millis(100);

/// The cache of a process. Cheap to clone.
///
/// Build one for each process and give clones to the decorators. All constructors return the same type, and it never
/// returns an error of Redis: while the shared tier is unreachable, reads go to the store.
///
/// | constructor | tiers | for |
/// | --- | --- | --- |
/// | [`builder`](Self::builder), [`from_env`](Self::from_env) | local and shared | a service with several instances |
/// | [`single_instance`](Self::single_instance) | local | a service with exactly one process |
/// | [`pass_through`](Self::pass_through) | none | tests, or caching disabled |
///
/// When the last clone is dropped, decorators included, the background tasks end and the instance leaves the members.
/// Call [`shutdown`](Self::shutdown) before, so that releases in progress are sent first.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "redis")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_core::Error> {
/// use cache_core::{Backend, Cache};
///
/// let cache = Cache::builder().redis("redis://127.0.0.1:6379").build()?; // connects in the background
/// assert_eq!(cache.backend(), Backend::Redis);
/// cache.shutdown().await;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "redis"))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Cache(pub(crate) Arc<Inner>);

/// The state that all clones of a [`Cache`] share.
pub(crate) struct Inner {
    pub(crate) process: Arc<Process>,
    pub(crate) coherence: Arc<Coherence>,
    /// The shared tier that the supervisor connects to.
    remote: Option<Remote>,
    registry: Arc<Registry>,
    /// The keys in use, with the decorator or region that uses each.
    pub(crate) ownership: Ownership,
    /// Limits concurrent loads while the shared tier is unreachable, and for a while afterwards.
    permits: Permits,
    /// Limits the concurrent refreshes.
    pub(crate) refreshes: Arc<Semaphore>,
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
        Publisher { coherence: Arc::clone(&self.coherence), registry: Arc::clone(&self.registry) }
    }
}

/// Shows the state without scope names, since they contain keys.
impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { process, coherence, .. } = &*self.0;
        f.debug_struct("Cache")
            .field("backend", &process.backend)
            .field("instance", &process.instance)
            .field("state", &coherence.link.state())
            .field("journal", &coherence.journal.len())
            .finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.coherence.supervision.shut_down();
        self.process.tasks.stop();
        leave_behind(&self.coherence);
        // The connection holds this state for its bus messages: this breaks the cycle.
        drop(self.coherence.shut());
        self.publisher().publish();
    }
}

/// Removes this instance from the member list.
///
/// Otherwise the other members would wait for it after the next outage. Without a runtime no task can run; they then
/// detect the missing heartbeats.
fn leave_behind(coherence: &Coherence) {
    // The explorer of interleavings drops its runtime outside of a run; tasks must not use its primitives then.
    if cfg!(all(test, shuttle)) {
        return;
    }
    if let (Some(leaving), Ok(runtime)) = (coherence.leaving(), tokio::runtime::Handle::try_current()) {
        runtime.spawn(async move { leaving.await.close() });
    }
}

impl Cache {
    /// Creates a cache that stores nothing: every read is a miss, every write a no-op.
    ///
    /// The decorators work as usual, and concurrent reads of one key share a load. Writes invalidate nothing on other
    /// instances, so do not mix it with instances that cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::{Backend, Cache};
    ///
    /// let cache = Cache::pass_through(); // needs no Tokio runtime
    /// assert_eq!(cache.backend(), Backend::PassThrough);
    /// ```
    pub fn pass_through() -> Self {
        Self::assemble(Backend::PassThrough, Settings::default(), Clock::default())
    }

    /// Creates a cache with only a local tier, for a service with a single process.
    ///
    /// A second process would not receive the invalidations of the first: it returns old values until their time to
    /// live ends. It is built with the default settings, and needs no Tokio runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// use std::time::Duration;
    /// use cache_core::{Cache, ReadPolicy};
    ///
    /// let cache = Cache::single_instance();
    /// let squares = cache.region::<u64, u64>("demo", "square", ReadPolicy::new(Duration::from_secs(60)));
    /// assert_eq!(squares.get_or_load(&3, || async { Ok::<_, cache_core::Error>(9) }).await?, 9);
    /// assert_eq!(squares.peek(&&3), Some(9));
    /// # Ok(())
    /// # }
    /// ```
    pub fn single_instance() -> Self {
        Self::single_instance_at(Clock::default())
    }

    pub(crate) fn single_instance_at(clock: Clock) -> Self {
        tracing::info!("the cache is in this process only: no other instance may write to the same stores");
        let cache = Self::assemble(Backend::SingleInstance, Settings::default(), clock);
        cache.0.coherence.freshness.trust_until(Moment::NEVER);
        cache
    }

    /// Creates a cache with a shared tier, and starts its background task.
    ///
    /// # Errors
    ///
    /// [`NoRuntime`](crate::ErrorKind::NoRuntime) outside of a Tokio runtime.
    pub(crate) fn with_remote(remote: Remote, settings: Settings, clock: Clock) -> Result<Self, Error> {
        tokio::runtime::Handle::try_current().map_err(|_| Error::no_runtime())?;
        let backend = remote.0.backend();
        let cache = Self::with(Some(remote), backend, settings, clock);
        cache.0.coherence.supervision.start();
        cache.supervise();
        Ok(cache)
    }

    /// Starts the task that connects to the shared tier, if there is one.
    fn supervise(&self) {
        if let Some(Remote(remote)) = &self.0.remote {
            self.0.process.tasks.spawn_daemon(supervise(Arc::clone(&self.0.coherence), Arc::clone(remote)));
        }
    }

    /// Restarts the supervisor if it has ended.
    ///
    /// Its runtime may end before the cache, for example if several tests share a cache in a `static`.
    #[inline]
    pub(crate) fn revive(&self) {
        if self.0.coherence.supervision.has_ended() {
            self.restart();
        }
    }

    #[cold]
    fn restart(&self) {
        let Inner { process, coherence, .. } = &*self.0;
        if Tasks::can_spawn() && coherence.supervision.restart(process.clock.now()) {
            tracing::warn!(
                instance = process.instance,
                "the background task of the cache had ended, and starts again on this runtime"
            );
            coherence.cut_off.reopen(process.clock.now());
            self.supervise();
            self.publish_from_now_on();
        }
    }

    /// Creates a cache without a shared tier.
    pub(crate) fn assemble(backend: Backend, settings: Settings, clock: Clock) -> Self {
        Self::with(None, backend, settings, clock)
    }

    fn with(remote: Option<Remote>, backend: Backend, settings: Settings, clock: Clock) -> Self {
        let permits = Permits::new(settings.max_concurrent_loads);
        let refreshes = Arc::new(Semaphore::new(settings.refreshes.min(Semaphore::MAX_PERMITS)));
        let ownership = Ownership::new(settings.key_prefix.clone(), backend.has_remote());
        let process = Arc::new(Process::new(clock, settings, backend));
        Self(Arc::new(Inner {
            coherence: Arc::new(Coherence::new(Arc::clone(&process))),
            process,
            remote,
            registry: Arc::default(),
            ownership,
            permits,
            refreshes,
            checks: Arc::new(Semaphore::new(CHECKS_AT_ONCE)),
            publishes: Arc::new(AtomicBool::new(false)),
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
            self.0.process.tasks.spawn_daemon(async move {
                let _publishing = publishing;
                publisher.run().await;
            });
        }
    }

    /// Publishes the metrics immediately. The cache's task publishes them every second.
    ///
    /// Call it in a handler that renders metrics. The [table](crate::docs::metrics) lists all of them. A cache and
    /// decorators that were built outside of a Tokio runtime have no such task: there, only this method publishes.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Cache;
    ///
    /// fn render(cache: &Cache) -> String {
    ///     cache.publish_metrics();
    ///     // … the text of the exporter, such as `PrometheusHandle::render` …
    ///     String::new()
    /// }
    /// # render(&Cache::pass_through());
    /// ```
    #[cfg(feature = "metrics")]
    pub fn publish_metrics(&self) {
        self.0.publisher().publish();
    }

    /// Returns the tiers of this cache.
    ///
    /// It is fixed when the cache is built, and does not depend on whether the shared tier is reachable: see
    /// [`health`](Self::health).
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::{Backend, Cache};
    ///
    /// assert_eq!(Cache::single_instance().backend(), Backend::SingleInstance);
    /// ```
    pub fn backend(&self) -> Backend {
        self.0.process.backend
    }

    /// Returns the statistics so far, per store and method.
    ///
    /// It adds up counters and does no I/O. The counters of one call change one after another, so a snapshot that is
    /// taken while calls are in progress may have some of them and not others. Statistics of dropped decorators remain.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// use std::time::Duration;
    /// use cache_core::{Cache, ReadPolicy};
    ///
    /// let cache = Cache::single_instance();
    /// let squares = cache.region::<u64, u64>("demo", "square", ReadPolicy::new(Duration::from_secs(60)));
    /// for _ in 0..2 {
    ///     squares.get_or_load(&3, || async { Ok::<_, cache_core::Error>(9) }).await?;
    /// }
    /// let counted = cache.stats().method("demo", "square");
    /// assert_eq!((counted.loads, counted.local_hits), (1, 1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn stats(&self) -> Stats {
        self.0.registry.read()
    }

    /// Returns the current health, without I/O.
    ///
    /// Each field is a snapshot. [`Health`] prints as one line for a log and serialises for an endpoint.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use cache_core::{Cache, Status};
    ///
    /// let health = Cache::single_instance().health().await;
    /// assert_eq!(health.status, Status::Healthy);
    /// println!("{health}");
    /// # }
    /// ```
    #[expect(clippy::unused_async, reason = "part of the agreed interface; a later version may ask the server")]
    pub async fn health(&self) -> Health {
        Health::of(&self.0.coherence)
    }

    /// Waits until the shared tier may be used, or until `limit` has passed.
    ///
    /// It returns whether the shared tier may be used. For a cache without a shared tier that is `true` at once.
    /// Waiting is optional: until then reads go to the store. A service may wait before it accepts traffic, so that its
    /// first requests are not all misses.
    ///
    /// Build the decorators before you call it. A cache subscribes to the invalidations of the stores that it knows,
    /// and a decorator with a new namespace makes it subscribe again: a service that waits first, and builds its
    /// decorators afterwards, starts with misses after all.
    ///
    /// If the background task of the cache has ended with its runtime or by a panic, this restarts it.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// use std::time::Duration;
    /// use cache_core::{Cache, MemoryRemote, ReadPolicy};
    ///
    /// let cache = Cache::builder().remote(MemoryRemote::new()).build()?;
    /// let squares = cache.region::<u64, u64>("demo", "square", ReadPolicy::new(Duration::from_secs(60))); // first
    /// if !cache.connected(Duration::from_secs(5)).await {
    ///     eprintln!("starting without the shared tier: {}", cache.health().await);
    /// }
    /// # let _ = squares;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancellation
    ///
    /// Dropping the future only ends the wait. The connection does not depend on it.
    pub async fn connected(&self, limit: Duration) -> bool {
        let Inner { process, coherence, .. } = &*self.0;
        let usable = async {
            loop {
                let usable = coherence.signals.usable.notified();
                tokio::pin!(usable);
                usable.as_mut().enable();
                self.revive();
                if coherence.is_usable() {
                    return;
                }
                // After a panic the background task is not restarted at once.
                process.clock.timeout(REVIVE, usable).await;
            }
        };
        !self.has_remote() || process.clock.timeout(limit, usable).await.is_some()
    }

    /// Acquires a permit to call the store, to be held until the call ends.
    ///
    /// While the number of concurrent calls is limited, it waits for a permit, or until `urgent` resolves: then a call
    /// that holds a permit waits for this one.
    pub(crate) async fn permit(&self, degraded: bool, urgent: impl Future<Output = ()>) -> Option<Permit<'_>> {
        let Inner { process, coherence, permits, .. } = &*self.0;
        let clock = &process.clock;
        if !degraded && !coherence.herd_guard.is_active(clock.now()) {
            return None;
        }
        if let Some(permit) = permits.try_acquire(clock) {
            return Some(permit);
        }
        coherence.herd_guard.extend(clock.now());
        tokio::select! {
            permit = permits.acquire(clock) => permit,
            () = urgent => None,
        }
    }

    /// Whether this cache has a shared tier, reachable or not.
    pub(crate) fn has_remote(&self) -> bool {
        self.0.process.backend.has_remote()
    }

    /// Shuts the cache down.
    ///
    /// It waits for the loads, fills and releases in progress, leaves the members and disconnects from the shared tier.
    /// It does not wait for a write whose call of the store is in progress, or for a load that runs in its caller
    /// (`load = inline`, or a load for a single caller).
    ///
    /// Afterwards reads go to the store. In a cache with a shared tier at most
    /// [`max_concurrent_loads`](crate::CacheBuilder::max_concurrent_loads) of them run at a time, and the local tier
    /// keeps what they load for [`degraded_ttl`](crate::CacheBuilder::degraded_ttl). Writes return without being
    /// announced: other instances may read old values until their time to live ends, so stop writing before.
    /// Invalidations that are pending when it ends are lost. It cannot be undone.
    ///
    /// It returns within [`shutdown_timeout`](crate::CacheBuilder::shutdown_timeout), 10 s by default, plus at most two
    /// seconds. Loads that are still running continue, and their callers receive the results.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// use cache_core::{Cache, LinkStatus, MemoryRemote};
    ///
    /// let cache = Cache::builder().remote(MemoryRemote::new()).build()?;
    /// // … serve requests until the signal, then stop accepting them …
    /// cache.shutdown().await;
    /// assert_eq!(cache.health().await.link, LinkStatus::ShutDown);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the steps that it has reached remain done, and the cache may remain connected. Call it
    /// again to complete the shutdown.
    pub async fn shutdown(&self) {
        let Inner { process, coherence, .. } = &*self.0;
        // The heartbeats continue until the work is done: without them its releases would not be sent.
        let limit = process.settings.shutdown_timeout;
        if process.clock.timeout(limit, process.tasks.wait()).await.is_none() {
            tracing::warn!(
                instance = process.instance,
                ?limit,
                "the shutdown of the cache does not wait any longer for its loads"
            );
        }
        coherence.supervision.shut_down();
        process.tasks.stop();
        // They end at once, unless a runtime that they run on is blocked.
        let _ = process.clock.timeout(process.settings.last_step(), process.tasks.wait_for_daemons()).await;
        // A heartbeat after this would make the instance a member again.
        coherence.leave().await;
        if let Some(connection) = coherence.shut() {
            // A load that continues may hold it for long.
            connection.tier.close();
        }
        coherence.link.set_state(LinkState::ShutDown);
        self.0.publisher().publish();
    }
}
