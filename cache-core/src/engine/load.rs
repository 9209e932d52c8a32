//! Asking the store, and what is done with its answer.

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

/// One call's way to its value, when the tiers do not have it.
pub(super) trait Load<R, E>: Send {
    /// Calls the store, here, for this call alone.
    fn direct(self) -> impl Future<Output = Result<R, E>> + Send;

    /// Checks a hit against the store, where the call does not borrow from its caller.
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

/// A load that may run in a task of its own: whoever goes away, it goes on.
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
            // The caller may be gone; the flight has landed for the others.
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

/// How a load ended that brought no value.
pub(super) enum Fall<E> {
    Error(E),
    Panicked(Box<dyn Any + Send>),
    TimedOut(Duration),
}

/// What the caller is told who asked for the load.
pub(super) enum Answer<R, E> {
    Returned(Result<R, E>),
    /// The store panicked and its error type cannot say so: the panic goes on in the caller, as it would without us.
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

/// What follows from a load for one key, whatever its answer.
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

/// What a load needs beside the store.
pub(super) struct Call<U> {
    /// Whether the number of concurrent calls is bounded.
    pub(super) degraded: bool,
    pub(super) frame: Arc<Frame>,
    /// Ready when a load waits for this one.
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
    /// Puts the value into the local tier and ends the flight. What is left to do is returned.
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
        // A value that is not to be cached is not to be handed on later either.
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

    /// Calls the store and ends the flight. What is left to do is returned.
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
    /// Calls the store. While the shared tier is out of reach, or was until now, the number of concurrent calls is bounded.
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
            // Without a deadline of the load, the wait for a permit still has one.
            let _permit = if call.frame.is_nested() {
                None
            } else {
                clock.timeout(deadline, inner.cache.permit(call.degraded, call.urgent)).await.flatten()
            };
            // The future is made inside: a store may panic before it returns one.
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

    /// Ends a flight with what it found, and returns that.
    pub(super) fn landed_with(&self, lead: Lead<K, R>, found: Found<R>) -> R {
        let Found { value, source, fence } = found;
        lead.land(match guarded(self.0.head.text(), "Clone", || value.clone()) {
            Some(value) => Landing::Found(Found { value, source, fence }),
            None => Landing::Broken(Error::load_panicked(self.0.head.text(), "the value cannot be cloned")),
        });
        value
    }

    /// Waits for the answer of a task. A task that ends without one has lost its runtime.
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

    /// Tells the caller of a load that the cache has ended it.
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

    /// Refuses a load that reads its own key without end.
    pub(super) fn refuse_recursion<T, E: Send + 'static>(&self, errors: LoadErrors<E>) -> Result<T, E> {
        self.told(&Error::load_recursion(self.0.head.text()), None, errors).unwrap()
    }

    /// What a load without a value means for those who wait and for its caller.
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
            // Only error types that can tell of a deadline are given one.
            Fall::TimedOut(after) => (Error::load_timed_out(self.0.head.text(), after), None),
        };
        let answer = self.told(&error, panic, errors);
        (Landing::Broken(error), answer)
    }
}
