//! Invalidates scopes in the shared tier, on the other instances, and in the local tier.

use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::Either;
use tokio::sync::oneshot;

use super::held::{Held, journal};
use super::late_acknowledgement::acknowledge;
use crate::cache::Cache;
use crate::coherence::Scope;
use crate::observability::{Request, Told};
use crate::runtime::{Tasks, chance};
use crate::session;
use crate::tier::remote::{Reply, Session, WriteScopes};

/// Invalidates scopes at once, on every instance.
///
/// If Redis is unreachable, the scopes are journaled.
pub(super) async fn invalidate(cache: &Cache, scopes: Vec<Scope>) {
    let told = invalidate_as(cache, scopes.clone(), chance::token_text()).await;
    acknowledge(cache, &scopes, Scope::strongest_mode(&scopes), told).await;
}

/// Like [`invalidate`], with new generations that end in `token`; returns whether they were delivered.
///
/// Once begun, it completes even if this call is dropped: the first poll spawns a task.
pub(super) async fn invalidate_as(cache: &Cache, scopes: Vec<Scope>, token: String) -> bool {
    cache.revive();
    if !cache.has_remote() {
        advance(cache, &scopes);
        session::note(cache, &scopes, true);
        return true;
    }
    let work = invalidated(cache.clone(), scopes.clone(), token);
    let told = if is_bound_to_its_caller(cache) { work.await } else { finished(cache, work).await.unwrap_or(false) };
    session::note(cache, &scopes, told);
    told
}

/// Invalidates the scopes, or journals them; returns whether the shared tier has executed it.
pub(super) fn invalidated(
    cache: Cache,
    scopes: Vec<Scope>,
    token: String,
) -> impl Future<Output = bool> + Send + 'static {
    advance(&cache, &scopes);
    let held = Held::new(&cache, scopes.clone());
    async move {
        let told = told(&cache, News::Bump { scopes: &scopes, token: &token }).await;
        if !told {
            journal(&cache, &scopes);
        }
        // A read that began before the invalidation may have stored an old value in the local tier meanwhile.
        advance(&cache, &scopes);
        held.end();
        told
    }
}

/// Runs `work` to completion in a task, even if the returned future is dropped.
///
/// Resolves to `None` if the runtime is shutting down.
pub(super) fn finished<T: Send + 'static>(
    cache: &Cache,
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = Option<T>> + Send + 'static {
    if !Tasks::can_spawn() {
        // Boxed: this is rare, and would enlarge the future of every write.
        return Either::Left(Box::pin(work.map(Some)));
    }
    let (send, done) = oneshot::channel();
    cache.0.tasks.spawn(async move {
        let done = work.await;
        // The caller may be gone.
        let _ = send.send(done);
    });
    Either::Right(done.map(Result::ok))
}

#[cfg(feature = "testing")]
fn is_bound_to_its_caller(cache: &Cache) -> bool {
    cache.0.link.lacks(crate::testing::Weakness::InvalidateInCaller)
}

#[cfg(not(feature = "testing"))]
fn is_bound_to_its_caller(_: &Cache) -> bool {
    false
}

pub(super) fn advance(cache: &Cache, scopes: &[Scope]) {
    for scope in scopes {
        cache.0.link.gate.advance(scope);
    }
}

/// A message to the shared tier about scopes.
#[derive(Clone, Copy)]
pub(super) enum News<'a> {
    Intent { write: WriteScopes<'a>, token: &'a str, hold: Duration },
    Release { write: WriteScopes<'a>, token: &'a str },
    Bump { scopes: &'a [Scope], token: &'a str },
}

impl<'a> News<'a> {
    fn send(self, session: &'a dyn Session) -> Reply<'a, ()> {
        match self {
            Self::Intent { write, token, hold } => session.intent(write, token, hold),
            Self::Release { write, token } => session.release(write, token),
            Self::Bump { scopes, token } => session.bump(scopes, token),
        }
    }

    fn request(self) -> Request {
        match self {
            Self::Intent { .. } => Request::Intent,
            Self::Release { .. } => Request::Release,
            Self::Bump { .. } => Request::Bump,
        }
    }
}

/// Sends a message; returns whether the shared tier executed it in time.
pub(super) async fn told(cache: &Cache, news: News<'_>) -> bool {
    tell(cache, news).await == Told::Heard
}

/// Sends a message. After [`Told::Failed`] the shared tier may have executed it, or may do so later.
pub(super) async fn tell(cache: &Cache, news: News<'_>) -> Told {
    let (link, request) = (&cache.0.link, news.request());
    let Some(live) = link.open().filter(|_| may_announce(cache)) else {
        link.tally.told(request, Told::Unreachable);
        return Told::Unreachable;
    };
    let asked = live.in_time(&link.clock, link.settings.write_timeout, 1, "a write", news.send(&*live.session));
    match link.tally.timing(request).of(&link.clock, asked).await {
        Ok(()) => {
            link.tally.told(request, Told::Heard);
            link.succeeded();
            Told::Heard
        }
        Err(error) => {
            link.tally.told(request, Told::Failed);
            link.tally.error(request, error.kind());
            link.failed(&live, &error);
            tracing::debug!(%error, "an invalidation has not reached the shared tier yet");
            Told::Failed
        }
    }
}

#[cfg(feature = "testing")]
fn may_announce(cache: &Cache) -> bool {
    let link = &cache.0.link;
    !link.lacks(crate::testing::Weakness::AnnounceWhileTrusted) || link.is_usable()
}

#[cfg(not(feature = "testing"))]
fn may_announce(_: &Cache) -> bool {
    true
}

impl Cache {
    /// Invalidates scopes at once, on every instance.
    ///
    /// Once begun, the invalidation completes even if the call is dropped.
    #[doc(hidden)]
    pub async fn invalidate(&self, scopes: Vec<Scope>) {
        invalidate(self, scopes).await;
    }
}
