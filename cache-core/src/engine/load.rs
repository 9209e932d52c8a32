//! Calls of the store, and what follows from their outcomes.
//!
//! A load runs in a task of its own unless its arguments cannot be owned, so that a dropped caller does not take the
//! value from its followers. It ends its flights before it fills the shared tier: no caller waits for a fill.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, select_all};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::announce;
use super::batch_map::{BatchMap, Slot};
use super::entry_keys::EntryKeys;
use super::method::Method;
use super::nesting::Frame;
use super::previous::Previous;
use super::read_options::{CacheIf, LoadErrors, panicked};
use super::refresh::Wanted;
use super::region::Region;
use super::shared::{Encoded, Few, FillPermit, FillTarget, Loaded, SharedFill};
use crate::error::Error;
use crate::key::KeyPart;
use crate::observability::{CallSpan, Counters};
use crate::protocol::{Fence, Protection, Scope};
use crate::single_flight::{FlightOutcome, Found, Lead, Outcome, Source, Stage};
use crate::value::Cacheable;

/// The values of some keys, in the order of the keys; `None` for those that the store does not have.
pub(super) type Values<R> = Vec<Option<R>>;

pub(super) type Call<'a, K, R, E> = dyn Fn(Vec<K>) -> BoxFuture<'a, Result<Values<R>, E>> + Send + Sync + 'a;

/// The store's method behind a read, for one key or many.
pub(super) enum Load<'a, K, R, E> {
    /// It can run in a task, and continues if its caller is dropped.
    InTask(Arc<Call<'static, K, R, E>>),
    /// It borrows from its caller.
    Inline(Box<Call<'a, K, R, E>>),
}

/// Makes the load of a read, which needs it at most once if it is a read of one key.
pub(super) type MakeLoad<'l, 'a, K, R, E> = dyn Fn() -> Load<'a, K, R, E> + Send + Sync + 'l;

impl<'a, K, R, E> Load<'a, K, R, E> {
    pub(super) fn call(&self, keys: Vec<K>) -> BoxFuture<'a, Result<Values<R>, E>> {
        match self {
            Self::InTask(call) => call(keys),
            Self::Inline(call) => call(keys),
        }
    }
}

/// The store's method over one key, which a read calls at most once.
///
/// A read of one key calls the store as the leader of its flight, for itself if no other result is usable, or to check a
/// hit. Each of these ends the read.
pub(super) struct OfOne<F>(Mutex<Option<F>>);

impl<F> OfOne<F> {
    pub(super) fn new(load: F) -> Self {
        Self(Mutex::new(Some(load)))
    }

    /// Returns the method, which replaces this one.
    pub(super) fn take(&self) -> Self {
        Self(Mutex::new(self.taken()))
    }

    fn taken(&self) -> Option<F> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn into_call<'a, K, R, E, Fut>(
        self,
    ) -> impl Fn(Vec<K>) -> BoxFuture<'a, Result<Values<R>, E>> + Send + Sync + 'a
    where
        F: FnOnce() -> Fut + Send + 'a,
        Fut: Future<Output = Result<R, E>> + Send + 'a,
    {
        move |_| {
            let load = self.taken();
            Box::pin(async move {
                let load = load.expect("a read of one key calls the store at most once");
                let value = load().await?;
                Ok(vec![Some(value)])
            })
        }
    }
}

/// The store's method over many keys, which differ in one part.
pub(super) fn of_many<K, R, E, T, M, F, Fut>(
    part: fn(&K) -> &T,
    load: F,
) -> impl Fn(Vec<K>) -> BoxFuture<'static, Result<Values<R>, E>> + Send + Sync + 'static
where
    K: KeyPart,
    R: Slot<M::Value>,
    T: Clone + Eq + Hash + Send + Sync + 'static,
    M: BatchMap<T>,
    F: Fn(Vec<T>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<M, E>> + Send + 'static,
{
    let load = Arc::new(load);
    move |keys| {
        let load = Arc::clone(&load);
        Box::pin(async move {
            let parts = keys.iter().map(|key| part(key).clone()).collect();
            let mut found: HashMap<T, M::Value, RandomState> = load(parts).await?.into_pairs().collect();
            Ok(keys.iter().map(|key| R::of_found(found.remove(part(key)))).collect())
        })
    }
}

/// What limits a call of the store, and relates it to other loads.
pub(super) struct CallLimits<U> {
    /// Whether the number of concurrent calls is bounded.
    pub(super) degraded: bool,
    pub(super) frame: Arc<Frame>,
    /// Resolves when another load waits for this one.
    pub(super) urgent: U,
}

impl<R> Method<R> {
    /// Calls the store, with limited concurrency while the shared tier is unreachable or recovering.
    pub(super) async fn call_store<T, E, Fut>(
        &self,
        limits: CallLimits<impl Future<Output = ()>>,
        errors: LoadErrors<E>,
        call: impl FnOnce() -> Fut,
    ) -> Outcome<T, E>
    where
        E: Send + 'static,
        Fut: Future<Output = Result<T, E>> + Unpin,
    {
        Counters::add(&self.counters.loads);
        let span = CallSpan::load(&self.counters);
        let (clock, deadline) = (&self.process().clock, self.load_deadline);
        let called = async {
            // Even if the load has no deadline, the wait for a permit has one.
            let _permit = if limits.frame.is_nested() {
                None
            } else {
                clock.timeout(deadline, self.cache.permit(limits.degraded, limits.urgent)).await.flatten()
            };
            // The future is created inside: a store may panic before it returns one.
            AssertUnwindSafe(limits.frame.scope(async { span.around(call()).await })).catch_unwind().await
        };
        let in_time = async {
            if errors.can_report_a_deadline() { clock.timeout(deadline, called).await } else { Some(called.await) }
        };
        let outcome = match self.counters.meter.load.of(clock, in_time).await {
            Some(Ok(Ok(value))) => {
                Counters::add(&self.counters.loaded);
                return Outcome::Found(value);
            }
            Some(Ok(Err(error))) => {
                span.failed("failed");
                Outcome::Failed(error)
            }
            Some(Err(panic)) => {
                span.failed("panicked");
                panicked(self.name(), panic)
            }
            None => {
                span.failed("timed_out");
                Outcome::Broken(Error::load_timed_out(self.name(), deadline).into())
            }
        };
        Counters::add(&self.counters.load_errors);
        outcome
    }
}

/// A flight whose value no tier has.
pub(super) struct Missing<K: KeyPart, R: Clone> {
    pub(super) key: K,
    pub(super) keys: EntryKeys,
    pub(super) lead: Lead<K, R>,
    pub(super) permit: FillPermit,
    /// An expired value that may answer in place of an error of the store, or of a load that takes long.
    pub(super) expired: Option<R>,
}

/// The result of a load, for the call that leads it.
pub(super) struct Answer<R, E> {
    pub(super) ending: Ending<R, E>,
    /// Expired values of all its keys, which may answer in place of an error or of its end.
    pub(super) instead: Option<Vec<R>>,
}

impl<R, E> Answer<R, E> {
    fn of(outcome: Outcome<Values<R>, E>) -> Self {
        Self { ending: Ending::Now(outcome), instead: None }
    }
}

/// How a load ended, or will end.
pub(super) enum Ending<R, E> {
    Now(Outcome<Values<R>, E>),
    /// It takes longer than the soft timeout, and continues.
    Later(oneshot::Receiver<Outcome<Values<R>, E>>),
}

impl<R, E> Ending<R, E> {
    pub(super) async fn outcome(self) -> Outcome<Values<R>, E> {
        match self {
            Self::Now(outcome) => outcome,
            Self::Later(outcome) => outcome.await.unwrap_or(Outcome::Abandoned),
        }
    }
}

/// How the callers' wait for a call of the store ended.
enum Waited<R, E> {
    Ended(Outcome<Values<R>, E>),
    /// At the soft timeout, with an expired value for each key, and a turn to continue in the background.
    Slow(Vec<R>, OwnedSemaphorePermit),
    /// At the deadline, which the method cannot report as an error.
    Late,
}

/// The load of missing keys in one call of the store.
pub(super) struct Job<K: KeyPart, R: Clone, E> {
    pub(super) region: Region<K, R>,
    pub(super) missing: Vec<Missing<K, R>>,
    pub(super) errors: LoadErrors<E>,
    pub(super) cache_if: Option<CacheIf<R>>,
    pub(super) previous: Option<Previous<R>>,
}

impl<K: KeyPart, R: Cacheable, E: Send + 'static> Job<K, R, E> {
    /// Loads the keys; returns the values in their order.
    pub(super) async fn run(self, load: Load<'_, K, R, E>) -> Answer<R, E> {
        match load {
            Load::InTask(call) if self.region.method().protects(Protection::LoadTask) => self.run_in_task(call).await,
            load => self.run_inline(&load).await,
        }
    }

    /// Loads in a task, which ends the flights even if the caller is dropped.
    async fn run_in_task(self, call: Arc<Call<'static, K, R, E>>) -> Answer<R, E> {
        self.begins(Stage::LoadingInTask);
        let (send, answer) = oneshot::channel();
        let (region, frame) = (self.region.clone(), self.frame());
        let tasks = region.method().process().tasks.clone();
        tasks.spawn(async move {
            let soft_timeout = region.method().soft_timeout();
            let reply = |answer| {
                // The caller may have been dropped; the flights have ended for their followers.
                let _ = send.send(answer);
            };
            let encoded = self.perform(frame, soft_timeout, |keys| call(keys), reply).await;
            region.inner.shared.store(encoded).await;
        });
        answer.await.unwrap_or(Answer::of(Outcome::Abandoned))
    }

    async fn run_inline(self, load: &Load<'_, K, R, E>) -> Answer<R, E> {
        self.begins(Stage::LoadingInline);
        let (region, frame) = (self.region.clone(), self.frame());
        let mut answer = None;
        let encoded = self.perform(frame, None, |keys| load.call(keys), |done| answer = Some(done)).await;
        region.clone().method().process().tasks.spawn(async move { region.inner.shared.store(encoded).await });
        answer.unwrap_or(Answer::of(Outcome::Abandoned))
    }

    fn begins(&self, stage: Stage) {
        self.missing.iter().for_each(|one| one.lead.loads(stage));
    }

    /// Creates the frame of this load, inside the current load if there is one.
    fn frame(&self) -> Arc<Frame> {
        let (keys, flights) = self.missing.iter().map(|one| (one.key.clone(), one.lead.id())).unzip();
        Frame::new(self.region.address(), keys, flights)
    }

    /// Calls the store, ends the flights, replies, and returns the entries for the shared tier.
    async fn perform<Fut>(
        self,
        frame: Arc<Frame>,
        soft_timeout: Option<Duration>,
        call: impl FnOnce(Vec<K>) -> Fut,
        reply: impl FnOnce(Answer<R, E>),
    ) -> Vec<Encoded>
    where
        Fut: Future<Output = Result<Values<R>, E>> + Unpin,
    {
        let Self { region, mut missing, errors, cache_if, previous } = self;
        if let (Some(previous), [one]) = (&previous, &missing[..]) {
            previous.set(one.expired(&region));
        }
        let cache_if = cache_if.as_ref();
        let degraded = missing.iter().any(|one| one.permit.target.is_degraded());
        let keys = missing.iter().map(|one| one.key.clone()).collect();
        let urgent = select_all(missing.iter().map(|one| Box::pin(one.lead.urgent()))).map(drop);
        let limits = CallLimits { degraded, frame, urgent };
        let mut calling = pin!(region.method().call_store(limits, errors, || call(keys)));
        let outcome = match region.wait_for_call(calling.as_mut(), soft_timeout, &missing).await {
            Waited::Ended(outcome) => outcome,
            Waited::Slow(expired, _turn) => {
                let wanted = region.end_with_expired(missing, &expired);
                let (send, ended) = oneshot::channel();
                reply(Answer { ending: Ending::Later(ended), instead: Some(expired) });
                // Boxed: this is rare, and would enlarge the future of every load.
                let outcome = Box::pin(region.load_behind(calling, wanted, errors, cache_if, &send)).await;
                // The caller waits for it if it may not see the expired values.
                let _ = outcome.map(|outcome| send.send(outcome));
                return Vec::new();
            }
            Waited::Late => {
                // The caller waits for the store itself. The key is free again.
                Counters::add_many(&region.method().counters.bypasses, missing.len());
                end_late(region.method(), missing);
                reply(Answer::of(calling.await));
                return Vec::new();
            }
        };
        if matches!(outcome, Outcome::Found(_)) {
            region.method().revalidated(previous.as_ref());
            region.method().refreshes.works();
        }
        let Outcome::Found(values) = &outcome else {
            let instead = region.expired_instead(&outcome, errors, &missing);
            let shared = errors.share(region.method().name(), &outcome);
            for (at, one) in missing.into_iter().enumerate() {
                one.lead.finish(match &instead {
                    Some(values) => flight_outcome(region.method(), &values[at], Source::Expired, None),
                    None => shared.clone(),
                });
            }
            reply(Answer { ending: Ending::Now(outcome), instead });
            return Vec::new();
        };
        if region.method().has_value_tags() {
            // Boxed: most methods have none, and it would enlarge the future of every load.
            Box::pin(tag(&region, &mut missing, values)).await;
        }
        let settled: Few<_> =
            missing.into_iter().zip(values).map(|(one, value)| one.settle(&region, value.as_ref(), cache_if)).collect();
        let older = region.not_replaced(&settled);
        if !older.is_empty() {
            // Boxed: this is rare, and would enlarge the future of every load.
            Box::pin(announce::invalidate(&region.method().cache, older)).await;
        }
        // Every flight ends before the first entry is encoded, which takes longer.
        let loaded: Few<_> = settled.into_iter().filter_map(Settled::end).collect();
        let encoded = loaded.into_iter().filter_map(|(fill, value)| region.inner.shared.encode(fill, value)).collect();
        reply(Answer::of(outcome));
        encoded
    }
}

/// Adds the tags that the values determine to the permits of their fills.
async fn tag<K: KeyPart, R: Cacheable>(region: &Region<K, R>, missing: &mut [Missing<K, R>], values: &Values<R>) {
    let loaded = missing.iter_mut().zip(values).filter_map(|(one, value)| {
        let Missing { keys, permit, .. } = one;
        Some(Loaded { keys, permit, value: value.as_ref()? })
    });
    region.inner.shared.tag(loaded.collect()).await;
}

/// Waiting for a call of the store, and what happens to one that takes long.
impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Waits for a call as long as the callers of these keys do.
    async fn wait_for_call<E: Send + 'static>(
        &self,
        mut calling: Pin<&mut impl Future<Output = Outcome<Values<R>, E>>>,
        soft_timeout: Option<Duration>,
        missing: &[Missing<K, R>],
    ) -> Waited<R, E> {
        if let Some(limit) = soft_timeout {
            if let Some(outcome) = self.method().process().clock.timeout(limit, calling.as_mut()).await {
                return Waited::Ended(outcome);
            }
            if let Some(expired) = self.expired(missing) {
                match Arc::clone(&self.method().cache.0.refreshes).try_acquire_owned() {
                    Ok(turn) => return Waited::Slow(expired, turn),
                    Err(_) => Counters::add_many(&self.method().counters.refreshes_skipped, missing.len()),
                }
            }
        }
        self.in_time(calling).await.map_or(Waited::Late, Waited::Ended)
    }

    /// Ends the flights of a load that continues, and returns the keys whose values are still wanted.
    fn end_with_expired(&self, missing: Vec<Missing<K, R>>, expired: &[R]) -> Vec<Wanted<K>> {
        let method = self.method();
        // Before the flights end: their next callers must not call a slow store as well.
        method.refreshes.outage(method.process().clock.now());
        let end = |(Missing { key, keys, lead, permit, .. }, value): (Missing<K, R>, &R)| {
            lead.finish(flight_outcome(method, value, Source::Expired, None));
            Wanted { key, keys, permit, running: None }
        };
        missing.into_iter().zip(expired).map(end).collect()
    }

    /// Waits for a call whose callers have an answer, and stores its values like those of a refresh.
    ///
    /// Returns its outcome, unless it exceeds its deadline and no caller waits for it.
    async fn load_behind<E: Send + 'static>(
        &self,
        mut calling: Pin<&mut impl Future<Output = Outcome<Values<R>, E>>>,
        wanted: Vec<Wanted<K>>,
        errors: LoadErrors<E>,
        cache_if: Option<&CacheIf<R>>,
        caller: &oneshot::Sender<Outcome<Values<R>, E>>,
    ) -> Option<Outcome<Values<R>, E>> {
        let method = self.method();
        let clock = &method.process().clock;
        let outcome = match clock.timeout(method.load_deadline, calling.as_mut()).await {
            // The error type cannot report an exceeded deadline: the caller waits for the store.
            None if !caller.is_closed() => Some(calling.await),
            outcome => outcome,
        };
        match &outcome {
            Some(Outcome::Found(values)) => self.replace(wanted, values, cache_if).await,
            Some(failed) if !errors.is_outage(method.name(), failed) => {}
            _ => method.refreshes.outage(clock.now()),
        }
        outcome
    }

    /// Waits for a call; returns `None` after the deadline if the method cannot report that as an error.
    async fn in_time<T, E: Send + 'static>(
        &self,
        calling: impl Future<Output = Outcome<T, E>>,
    ) -> Option<Outcome<T, E>> {
        if !LoadErrors::<E>::is_infallible() {
            return Some(calling.await);
        }
        let process = self.method().process();
        process.clock.timeout(self.method().load_deadline, calling).await
    }
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Returns the expired values of all these keys, if they may answer in place of the outcome of their load.
    fn expired_instead<E: Send + 'static>(
        &self,
        outcome: &Outcome<Values<R>, E>,
        errors: LoadErrors<E>,
        missing: &[Missing<K, R>],
    ) -> Option<Vec<R>> {
        let method = self.method();
        if method.policy.stale_if_error.is_zero() || !errors.is_outage(method.name(), outcome) {
            return None;
        }
        method.refreshes.outage(method.process().clock.now());
        self.expired(missing)
    }

    /// Returns the expired values of all these keys, if each has one that may answer.
    fn expired(&self, missing: &[Missing<K, R>]) -> Option<Vec<R>> {
        missing.iter().map(|one| one.expired(self)).collect()
    }
}

/// Ends the flights of a load that exceeds its deadline.
fn end_late<K: KeyPart, R: Cacheable>(method: &Method<R>, missing: Vec<Missing<K, R>>) {
    let error = Error::load_timed_out(method.name(), method.load_deadline);
    for one in missing {
        one.lead.finish(Outcome::Broken(error.clone().into()));
    }
}

/// A flight whose value was loaded, and is in the local tier.
struct Settled<'v, K: KeyPart, R: Clone> {
    lead: Lead<K, R>,
    outcome: FlightOutcome<R>,
    keys: EntryKeys,
    /// The value for the shared tier, if it may be cached.
    fill: Option<(FillPermit, Duration, &'v R)>,
}

impl<'v, K: KeyPart, R: Cacheable> Settled<'v, K, R> {
    /// Whether a fresh read found what must not be cached, so that it does not replace an older value.
    fn leaves_an_older_value(&self) -> bool {
        let is_kept = |(permit, ..): &(FillPermit, Duration, &R)| !matches!(permit.target, FillTarget::Nothing);
        self.lead.is_fresh() && !self.fill.as_ref().is_some_and(is_kept)
    }

    /// Ends the flight, and returns the fill of the shared tier.
    fn end(self) -> Option<(SharedFill, &'v R)> {
        let Self { lead, outcome, keys, fill } = self;
        lead.finish(outcome);
        let (permit, lifetime, value) = fill?;
        Some((SharedFill { keys, permit, lifetime }, value))
    }
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Returns the scopes of entries whose fresh values do not replace them.
    fn not_replaced(&self, settled: &[Settled<'_, K, R>]) -> Vec<Scope> {
        let mode = self.method().policy.mode;
        let older = settled.iter().filter(|one| one.leaves_an_older_value());
        older.map(|one| one.keys.scopes[0].clone().of_mode(mode)).collect()
    }
}

impl<K: KeyPart, R: Cacheable> Missing<K, R> {
    /// Returns the expired value of the key, unless it was invalidated during the load, or a caller wants a fresh one.
    fn expired(&self, region: &Region<K, R>) -> Option<R> {
        if self.lead.is_fresh() {
            return None;
        }
        match self.permit.target {
            FillTarget::Local(_) => region.inner.local.find_expired(&self.key),
            // The look-up has compared it with the generations, which the local tier does not know.
            _ if region.inner.local.has_not_seen(&self.permit) => region.method().copy(self.expired.as_ref()?),
            _ => None,
        }
    }

    /// Stores the value in the local tier. A batch may have none for its key.
    fn settle<'v>(
        self,
        region: &Region<K, R>,
        value: Option<&'v R>,
        cache_if: Option<&CacheIf<R>>,
    ) -> Settled<'v, K, R> {
        let (Self { key, keys, lead, permit, .. }, method) = (self, region.method());
        // The followers start over.
        let Some(value) = value else { return Settled { lead, outcome: Outcome::Abandoned, keys, fill: None } };
        if permit.target.is_bypass() {
            Counters::add(&method.counters.bypasses);
        }
        let lifetime = method.lifetime(value, cache_if, &permit);
        if let Some(lifetime) = lifetime {
            region.inner.local.fill(key, value, &permit, lifetime);
        }
        // A value that must not be cached must not be passed to a later flight either.
        let fence = lifetime.and_then(|_| permit.target.fence());
        let outcome = flight_outcome(method, value, Source::Store, fence);
        Settled { lead, outcome, keys, fill: lifetime.map(|lifetime| (permit, lifetime, value)) }
    }
}

/// The outcome of a flight with a copy of this value.
pub(super) fn flight_outcome<R: Cacheable>(
    method: &Method<R>,
    value: &R,
    source: Source,
    fence: Option<Arc<Fence>>,
) -> FlightOutcome<R> {
    match method.copy(value) {
        Some(value) => Outcome::Found(Found { value, source, fence }),
        None => Outcome::Broken(Error::load_panicked(method.name(), "the value cannot be cloned").into()),
    }
}
