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
use super::terms::{CacheIf, LoadErrors, Terms};
use crate::error::Error;
use crate::flight::{Found, Landing, Lead};
use crate::key::KeyPart;
use crate::observability::Counters;
use crate::policy::lifetime;
use crate::runtime::{Clock, chance};
use crate::value::Cacheable;

/// One call's way to its value, when the tiers do not have it.
pub(super) trait Load<R, E>: Send {
    /// Calls the store, here, for this call alone.
    fn direct(self) -> impl Future<Output = Result<R, E>> + Send;

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

    async fn fly<K>(self, job: Job<K, R, E>) -> Result<R, E>
    where
        K: KeyPart,
        R: Cacheable,
        E: Send + 'static,
    {
        #[cfg(feature = "testing")]
        if job.region.0.link.settings.weakness == crate::testing::Weakness::LoadInCaller {
            return Inline(self.0).fly(job).await;
        }
        let (tell, told) = oneshot::channel();
        let tasks = job.region.0.cache.0.tasks.clone();
        tasks.spawn(async move {
            let (answer, fill) = job.perform(self.0).await;
            // The caller may be gone; the flight has landed for the others.
            let _ = tell.send(answer);
            fill.store().await;
        });
        match told.await {
            Ok(answer) => answer.unwrap(),
            // The task ends without an answer only when its runtime is shut down, and this call is then dropped too.
            Err(_) => std::future::pending().await,
        }
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

    async fn fly<K>(self, job: Job<K, R, E>) -> Result<R, E>
    where
        K: KeyPart,
        R: Cacheable,
        E: Send + 'static,
    {
        let tasks = job.region.0.cache.0.tasks.clone();
        let (answer, fill) = job.perform(self.0).await;
        tasks.spawn(fill.store());
        answer.unwrap()
    }
}

/// How a load ended.
enum End<R, E> {
    Value(R),
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
    fn unwrap(self) -> Result<R, E> {
        match self {
            Self::Returned(result) => result,
            Self::Panic(panic) => resume_unwind(panic),
        }
    }
}

/// A load with everything that follows from its answer.
pub(super) struct Job<K, R, E>
where
    K: Clone + Eq + Hash,
    R: Clone,
{
    pub(super) region: Region<K, R>,
    pub(super) key: K,
    pub(super) names: Names,
    pub(super) lead: Lead<K, R>,
    pub(super) ticket: Ticket,
    pub(super) errors: LoadErrors<E>,
    pub(super) cacheable: Option<CacheIf<R>>,
}

impl<K, R, E> Job<K, R, E>
where
    K: KeyPart,
    R: Cacheable,
    E: Send + 'static,
{
    pub(super) fn new(
        region: &Region<K, R>,
        key: K,
        names: Names,
        lead: Lead<K, R>,
        ticket: Ticket,
        terms: &Terms<'_, R, E>,
    ) -> Self {
        let (errors, cacheable) = (terms.errors, terms.cacheable.clone());
        Self { region: region.clone(), key, names, lead, ticket, errors, cacheable }
    }

    /// Calls the store, puts its answer into the local tier and ends the flight. What is left to do is returned.
    async fn perform<F, Fut>(self, load: F) -> (Answer<R, E>, LateFill<K, R>)
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<R, E>>,
    {
        Counters::add(&self.region.0.counters.loads);
        let end = self.call(load).await;
        match end {
            End::Value(value) => self.landed(value),
            End::Error(error) => self.failed(error),
            End::Panicked(panic) => self.panicked(panic),
            End::TimedOut(after) => self.timed_out(after),
        }
    }

    async fn call<F, Fut>(&self, load: F) -> End<R, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<R, E>>,
    {
        let inner = &self.region.0;
        let _permit = match self.ticket.keep {
            Keep::NothingDegraded => inner.cache.0.direct_loads.acquire().await.ok(),
            _ => None,
        };
        let clock: &Clock = &inner.link.clock;
        // The future is made inside: a store may panic before it returns one.
        let called = AssertUnwindSafe(async { load().await }).catch_unwind();
        let ended = if self.errors.can_tell_of_a_deadline() {
            let deadline = inner.link.settings.load_deadline;
            match clock.timeout(deadline, called).await {
                Some(ended) => ended,
                None => return End::TimedOut(deadline),
            }
        } else {
            called.await
        };
        match ended {
            Ok(Ok(value)) => End::Value(value),
            Ok(Err(error)) => End::Error(error),
            Err(panic) => End::Panicked(panic),
        }
    }

    fn landed(self, value: R) -> (Answer<R, E>, LateFill<K, R>) {
        let inner = &self.region.0;
        let absent = inner.presence.is_absent(&value);
        let cacheable = self.cacheable.as_ref().is_none_or(|cacheable| cacheable(&value));
        let life = lifetime(&inner.policy, absent, chance::fraction()).filter(|_| cacheable);
        if self.ticket.keep.is_bypass() {
            Counters::add(&inner.counters.bypasses);
        }
        if let (Some(life), Keep::Local(stamp) | Keep::Both { stamp, .. }) = (life, &self.ticket.keep) {
            let deadline = self.ticket.started.after(life);
            self.region.keep_local(self.key.clone(), value.clone(), *stamp, deadline);
        }
        // A value that is not to be cached is not to be handed on later either.
        let fence = life.and_then(|_| self.ticket.keep.fence());
        self.lead.land(Landing::Found(Found { value: value.clone(), fence }));
        let fill = LateFill::new(self.region, self.names, self.ticket, life, &value);
        (Answer::Returned(Ok(value)), fill)
    }

    fn failed(self, error: E) -> (Answer<R, E>, LateFill<K, R>) {
        Counters::add(&self.region.0.counters.load_errors);
        self.lead.land(Landing::Failed(self.errors.share(&error)));
        (Answer::Returned(Err(error)), LateFill::nothing())
    }

    fn panicked(self, panic: Box<dyn Any + Send>) -> (Answer<R, E>, LateFill<K, R>) {
        let error = Error::load_panicked(&self.region.0.head, panic_text(&*panic));
        tracing::error!(key = self.region.0.head, %error, "the store panicked");
        self.broken(error, |_| Answer::Panic(panic))
    }

    fn timed_out(self, after: Duration) -> (Answer<R, E>, LateFill<K, R>) {
        let error = Error::load_timed_out(&self.region.0.head, after);
        // Only error types that can tell of a deadline are given one.
        self.broken(error, |error| Answer::Panic(Box::new(error.to_string())))
    }

    fn broken(self, error: Error, otherwise: impl FnOnce(&Error) -> Answer<R, E>) -> (Answer<R, E>, LateFill<K, R>) {
        Counters::add(&self.region.0.counters.load_errors);
        let answer = match self.errors.of_cache(&error) {
            Some(error) => Answer::Returned(Err(error)),
            None => otherwise(&error),
        };
        self.lead.land(Landing::Broken(error));
        (answer, LateFill::nothing())
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
