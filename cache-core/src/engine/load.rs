//! Calls of the store, and the use of their results.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::fill::LateFill;
use super::lookup::{Keep, Ticket};
use super::names::Names;
use super::nesting::Frame;
use super::region::Region;
use super::terms::{CacheIf, LoadErrors};
use super::user_code::{guarded, panic_text};
use crate::error::Error;
use crate::flight::{Found, Landing, Lead, Source, Stage};
use crate::key::KeyPart;
use crate::observability::Counters;
use crate::policy::lifetime;
use crate::runtime::{Clock, chance};
use crate::value::Cacheable;

/// The store call of one read, for a miss in the tiers.
pub(super) trait Load<R, E>: Send {
    /// Calls the store in place, for this caller only.
    fn direct(self) -> impl Future<Output = Result<R, E>> + Send;

    /// Checks a hit against the store, unless the call borrows from its caller.
    fn verify<K: KeyPart>(self, region: &Region<K, R>, key: K, seen: R)
    where
        R: Cacheable,
        E: Send + 'static;

    /// Calls the store and ends the flight.
    fn fly<K>(self, job: Job<K, R, E>) -> impl Future<Output = Result<R, E>> + Send
    where
        K: KeyPart,
        R: Cacheable,
        E: Send + 'static;
}

/// A load that can run in a task, and continues if its caller is dropped.
pub(super) struct InTask<F>(pub(super) F);

/// A load that borrows from its caller.
pub(super) struct Inline<F>(pub(super) F);

impl<R, E, F, Fut> Load<R, E> for InTask<F>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
{
    async fn direct(self) -> Result<R, E> {
        (self.0)().await
    }

    fn verify<K: KeyPart>(self, region: &Region<K, R>, key: K, seen: R)
    where
        R: Cacheable,
        E: Send + 'static,
    {
        region.verify(key, seen, self.0);
    }

    async fn fly<K>(self, job: Job<K, R, E>) -> Result<R, E>
    where
        K: KeyPart,
        R: Cacheable,
        E: Send + 'static,
    {
        #[cfg(feature = "testing")]
        if job.flying.region.0.link.settings.weakness == crate::testing::Weakness::LoadInCaller {
            return Inline(self.0).fly(job).await;
        }
        job.flying.lead.loads(Stage::LoadingInTask);
        let (tell, told) = oneshot::channel();
        let (region, errors) = (job.flying.region.clone(), job.errors);
        let filling = region.clone();
        region.0.cache.0.tasks.spawn(async move {
            let (answer, fill) = job.perform(self.0).await;
            // The caller may have been dropped; the flight has ended for its followers.
            let _ = tell.send(answer);
            fill.store(&filling).await;
        });
        region.told_by_task(told, errors).await.unwrap()
    }
}

impl<R, E, F, Fut> Load<R, E> for Inline<F>
where
    F: FnOnce() -> Fut + Send,
    Fut: Future<Output = Result<R, E>> + Send,
{
    async fn direct(self) -> Result<R, E> {
        (self.0)().await
    }

    fn verify<K: KeyPart>(self, _: &Region<K, R>, _: K, _: R)
    where
        R: Cacheable,
        E: Send + 'static,
    {
    }

    async fn fly<K>(self, job: Job<K, R, E>) -> Result<R, E>
    where
        K: KeyPart,
        R: Cacheable,
        E: Send + 'static,
    {
        job.flying.lead.loads(Stage::LoadingInline);
        let region = job.flying.region.clone();
        let (answer, fill) = job.perform(self.0).await;
        region.clone().0.cache.0.tasks.spawn(async move { fill.store(&region).await });
        answer.unwrap()
    }
}

/// The reason why a load returned no value.
pub(super) enum Fall<E> {
    Error(E),
    Panicked(Box<dyn Any + Send>),
    TimedOut(Duration),
}

/// The outcome for the caller that requested the load.
pub(super) enum Answer<R, E> {
    Returned(Result<R, E>),
    /// The store panicked and its error type cannot report that: the panic continues in the caller.
    Panic(Box<dyn Any + Send>),
}

impl<R, E> Answer<R, E> {
    pub(super) fn unwrap(self) -> Result<R, E> {
        match self {
            Self::Returned(result) => result,
            Self::Panic(panic) => resume_unwind(panic),
        }
    }
}

/// A flight whose value is being loaded.
pub(super) struct Flying<K, R>
where
    K: KeyPart,
    R: Clone,
{
    pub(super) region: Region<K, R>,
    pub(super) key: K,
    pub(super) names: Names,
    pub(super) lead: Lead<K, R>,
    pub(super) ticket: Ticket,
    pub(super) cacheable: Option<CacheIf<R>>,
}

/// The parameters of a load, besides the store.
pub(super) struct Call<U> {
    /// Whether the number of concurrent calls is bounded.
    pub(super) degraded: bool,
    pub(super) frame: Arc<Frame>,
    /// Resolves when another load waits for this one.
    pub(super) urgent: U,
}

/// The load of one key.
pub(super) struct Job<K, R, E>
where
    K: KeyPart,
    R: Clone,
{
    flying: Flying<K, R>,
    errors: LoadErrors<E>,
    frame: Arc<Frame>,
}

impl<K: KeyPart, R: Cacheable> Flying<K, R> {
    /// Stores the value in the local tier, ends the flight, and returns the remaining fill.
    pub(super) fn landed(self, value: &R) -> LateFill {
        let inner = &self.region.0;
        let head = inner.head.text();
        let absent = inner.presence.is_absent(value);
        let is_cacheable = |cacheable: &CacheIf<R>| guarded(head, "cache_if", || cacheable(value)).unwrap_or(false);
        let cacheable = self.cacheable.as_ref().is_none_or(is_cacheable);
        let life = lifetime(&inner.policy, absent, chance::fraction()).filter(|_| cacheable);
        if self.ticket.keep.is_bypass() {
            Counters::add(&inner.counters.bypasses);
        }
        let copy = || guarded(head, "Clone", || value.clone());
        if let Some(life) = life
            && let Some(value) = copy()
        {
            let (key, started) = (self.key, self.ticket.started);
            match &self.ticket.keep {
                Keep::Local(stamp) => self.region.keep_local(key, value, *stamp, started.after(life)),
                Keep::Both { stamp, until, .. } => {
                    self.region.keep_local(key, value, *stamp, started.after(life).min(*until));
                }
                Keep::Degraded(stamp) => self.region.keep_degraded(key, value, *stamp, started, life),
                Keep::Nothing | Keep::NothingDegraded => {}
            }
        }
        // A value that must not be cached must not be passed to a later flight either.
        let fence = life.and_then(|_| self.ticket.keep.fence());
        self.lead.land(match copy() {
            Some(value) => Landing::Found(Found { value, source: Source::Store, fence }),
            None => Landing::Broken(Error::load_panicked(head, "the value cannot be cloned")),
        });
        LateFill::new(&self.region, self.names, self.ticket, life, value)
    }
}

impl<K, R, E> Job<K, R, E>
where
    K: KeyPart,
    R: Cacheable,
    E: Send + 'static,
{
    pub(super) fn new(flying: Flying<K, R>, errors: LoadErrors<E>) -> Self {
        let frame = Frame::new(flying.region.address(), vec![flying.key.clone()], vec![flying.lead.id()]);
        Self { flying, errors, frame }
    }

    /// Calls the store, ends the flight, and returns the remaining fill.
    async fn perform<F, Fut>(self, load: F) -> (Answer<R, E>, LateFill)
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<R, E>>,
    {
        let Self { flying, errors, frame } = self;
        let call = Call { degraded: flying.ticket.keep.is_degraded(), frame, urgent: flying.lead.urgent() };
        match flying.region.call(call, errors, load).await {
            Ok(value) => {
                let fill = flying.landed(&value);
                (Answer::Returned(Ok(value)), fill)
            }
            Err(fall) => {
                let (landing, answer) = flying.region.fell(fall, errors);
                flying.lead.land(landing);
                (answer, LateFill::nothing())
            }
        }
    }
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Calls the store, with limited concurrency while the shared tier is unreachable or recovering.
    pub(super) async fn call<T, E, F, Fut>(
        &self,
        call: Call<impl Future<Output = ()>>,
        errors: LoadErrors<E>,
        load: F,
    ) -> Result<T, Fall<E>>
    where
        E: Send + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let inner = &self.0;
        Counters::add(&inner.counters.loads);
        let (clock, deadline): (&Clock, _) = (&inner.link.clock, inner.link.settings.load_deadline);
        let called = async {
            // Even if the load has no deadline, the wait for a permit has one.
            let _permit = if call.frame.is_nested() {
                None
            } else {
                clock.timeout(deadline, inner.cache.permit(call.degraded, call.urgent)).await.flatten()
            };
            // The future is created inside: a store may panic before it returns one.
            AssertUnwindSafe(call.frame.scope(async { load().await })).catch_unwind().await
        };
        let in_time = async {
            if errors.can_tell_of_a_deadline() { clock.timeout(deadline, called).await } else { Some(called.await) }
        };
        let Some(ended) = inner.counters.meter.load.of(clock, in_time).await else {
            return Err(Fall::TimedOut(deadline));
        };
        match ended {
            Ok(Ok(answer)) => {
                Counters::add(&inner.counters.loaded);
                Ok(answer)
            }
            Ok(Err(error)) => Err(Fall::Error(error)),
            Err(panic) => Err(Fall::Panicked(panic)),
        }
    }

    /// Ends a flight with this value, and returns the value.
    pub(super) fn landed_with(&self, lead: Lead<K, R>, found: Found<R>) -> R {
        let Found { value, source, fence } = found;
        lead.land(match guarded(self.0.head.text(), "Clone", || value.clone()) {
            Some(value) => Landing::Found(Found { value, source, fence }),
            None => Landing::Broken(Error::load_panicked(self.0.head.text(), "the value cannot be cloned")),
        });
        value
    }

    /// Waits for the outcome from a task. If the task ends without one, its runtime has shut down.
    pub(super) async fn told_by_task<T, E: Send + 'static>(
        &self,
        told: oneshot::Receiver<Answer<T, E>>,
        errors: LoadErrors<E>,
    ) -> Answer<T, E> {
        told.await.unwrap_or_else(|_| {
            let error = Error::load_panicked(self.0.head.text(), "its task ended without an answer");
            self.told(&error, None, errors)
        })
    }

    /// Converts an error of the cache for the caller of the load.
    fn told<T, E: Send + 'static>(
        &self,
        error: &Error,
        panic: Option<Box<dyn Any + Send>>,
        errors: LoadErrors<E>,
    ) -> Answer<T, E> {
        match errors.of_cache(self.0.head.text(), error) {
            Some(error) => Answer::Returned(Err(error)),
            None => Answer::Panic(panic.unwrap_or_else(|| Box::new(error.to_string()))),
        }
    }

    /// Rejects a load that reads its own key recursively.
    pub(super) fn refuse_recursion<T, E: Send + 'static>(&self, errors: LoadErrors<E>) -> Result<T, E> {
        self.told(&Error::load_recursion(self.0.head.text()), None, errors).unwrap()
    }

    /// Converts a failed load for the followers and for its caller.
    pub(super) fn fell<T, E: Send + 'static>(
        &self,
        fall: Fall<E>,
        errors: LoadErrors<E>,
    ) -> (Landing<R>, Answer<T, E>) {
        Counters::add(&self.0.counters.load_errors);
        let (error, panic) = match fall {
            Fall::Error(error) => {
                let shared = errors.share(self.0.head.text(), &error);
                return (Landing::Failed(shared), Answer::Returned(Err(error)));
            }
            Fall::Panicked(panic) => {
                let error = Error::load_panicked(self.0.head.text(), panic_text(&*panic));
                tracing::error!(key = self.0.head.text(), %error, "the store panicked");
                (error, Some(panic))
            }
            // Only error types that can report a deadline have one.
            Fall::TimedOut(after) => (Error::load_timed_out(self.0.head.text(), after), None),
        };
        let answer = self.told(&error, panic, errors);
        (Landing::Broken(error), answer)
    }
}
