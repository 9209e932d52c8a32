//! Asking the store, and what is done with its answer.

use std::any::Any;
use std::future::Future;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::fill::LateFill;
use super::lookup::{Keep, Ticket};
use super::names::Names;
use super::region::Region;
use super::terms::{CacheIf, LoadErrors};
use crate::error::Error;
use crate::flight::{Found, Landing, Lead, Source};
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
        let (tell, told) = oneshot::channel();
        let region = job.flying.region.clone();
        region.clone().0.cache.0.tasks.spawn(async move {
            let (answer, fill) = job.perform(self.0).await;
            // The caller may be gone; the flight has landed for the others.
            let _ = tell.send(answer);
            fill.store(&region).await;
        });
        told_by_task(told).await.unwrap()
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
        let region = job.flying.region.clone();
        let (answer, fill) = job.perform(self.0).await;
        region.clone().0.cache.0.tasks.spawn(async move { fill.store(&region).await });
        answer.unwrap()
    }
}

/// Waits for what a task tells before it has ended.
pub(super) async fn told_by_task<T>(told: oneshot::Receiver<T>) -> T {
    match told.await {
        Ok(told) => told,
        // The task ends without a word only when its runtime is shut down, and this call is then dropped too.
        Err(_) => std::future::pending().await,
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
    K: Clone + Eq + Hash,
    R: Clone,
{
    pub(super) region: Region<K, R>,
    pub(super) key: K,
    pub(super) names: Names,
    pub(super) lead: Lead<K, R>,
    pub(super) ticket: Ticket,
    pub(super) cacheable: Option<CacheIf<R>>,
}

/// The load of one key.
pub(super) struct Job<K, R, E>
where
    K: Clone + Eq + Hash,
    R: Clone,
{
    flying: Flying<K, R>,
    errors: LoadErrors<E>,
}

impl<K: KeyPart, R: Cacheable> Flying<K, R> {
    /// Puts the value into the local tier and ends the flight. What is left to do is returned.
    pub(super) fn landed(self, value: &R) -> LateFill {
        let inner = &self.region.0;
        let absent = inner.presence.is_absent(value);
        let cacheable = self.cacheable.as_ref().is_none_or(|cacheable| cacheable(value));
        let life = lifetime(&inner.policy, absent, chance::fraction()).filter(|_| cacheable);
        if self.ticket.keep.is_bypass() {
            Counters::add(&inner.counters.bypasses);
        }
        if let Some(life) = life {
            let (key, value, started) = (self.key, value.clone(), self.ticket.started);
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
        self.lead.land(Landing::Found(Found { value: value.clone(), source: Source::Store, fence }));
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
        Self { flying, errors }
    }

    /// Calls the store and ends the flight. What is left to do is returned.
    async fn perform<F, Fut>(self, load: F) -> (Answer<R, E>, LateFill)
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<R, E>>,
    {
        let Self { flying, errors } = self;
        let degraded = flying.ticket.keep.is_degraded();
        match flying.region.call(degraded, errors, load).await {
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
    /// Calls the store. Where the shared tier is out of reach, or was until now, no more than a bounded number of calls run at
    /// once.
    pub(super) async fn call<T, E, F, Fut>(&self, degraded: bool, errors: LoadErrors<E>, load: F) -> Result<T, Fall<E>>
    where
        E: Send + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let inner = &self.0;
        Counters::add(&inner.counters.loads);
        let _permit = inner.cache.permit(degraded).await;
        let clock: &Clock = &inner.link.clock;
        // The future is made inside: a store may panic before it returns one.
        let called = AssertUnwindSafe(async { load().await }).catch_unwind();
        let deadline = inner.link.settings.load_deadline;
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

    /// What a load without a value means for those who wait and for its caller.
    pub(super) fn fell<T, E: Send + 'static>(
        &self,
        fall: Fall<E>,
        errors: LoadErrors<E>,
    ) -> (Landing<R>, Answer<T, E>) {
        Counters::add(&self.0.counters.load_errors);
        let (error, panic) = match fall {
            Fall::Error(error) => return (Landing::Failed(errors.share(&error)), Answer::Returned(Err(error))),
            Fall::Panicked(panic) => {
                let error = Error::load_panicked(self.0.head.text(), panic_text(&*panic));
                tracing::error!(key = self.0.head.text(), %error, "the store panicked");
                (error, Some(panic))
            }
            // Only error types that can tell of a deadline are given one.
            Fall::TimedOut(after) => (Error::load_timed_out(self.0.head.text(), after), None),
        };
        let answer = match errors.of_cache(&error) {
            Some(error) => Answer::Returned(Err(error)),
            None => Answer::Panic(panic.unwrap_or_else(|| Box::new(error.to_string()))),
        };
        (Landing::Broken(error), answer)
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
