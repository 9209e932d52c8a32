//! What the shared tier and the other instances are told of scopes, and what this instance forgets.

use std::future::Future;
use std::time::Duration;

use tokio::sync::oneshot;

use super::late_acknowledgement;
use crate::cache::Cache;
use crate::coherence::Scope;
use crate::observability::{Request, Told};
use crate::policy::Mode;
use crate::runtime::{GRANULARITY, Tasks, chance};
use crate::session;
use crate::tier::remote::{RemoteError, Reply, Session, WriteScopes};

/// Waits until no local tier can return a value from before this moment.
///
/// The wait begins with the release and not with the announcement: if the announcement did not arrive, or the lock was
/// lost, the release is the first message that reaches the other instances. The model in `tests/model` refutes the
/// other order.
pub(super) async fn wait_out_the_lease(cache: &Cache) {
    let link = &cache.0.link;
    link.clock.sleep(longest_lease(cache)).await;
}

/// The longest time for which any instance trusts a heartbeat.
///
/// The margin is for clocks that run at different speeds, and for readings that lag.
pub(super) fn longest_lease(cache: &Cache) -> Duration {
    let link = &cache.0.link;
    let lease = link.membership.longest_lease(link.settings.lease);
    lease.saturating_add(lease / 100).saturating_add(2 * GRANULARITY)
}

/// Invalidates scopes at once, on every instance.
///
/// If Redis is unreachable, the scopes are journaled.
pub(super) async fn invalidate(cache: &Cache, scopes: Vec<Scope>) {
    let mode = Scope::strongest_mode(&scopes);
    invalidate_as(cache, scopes.clone(), chance::token_text()).await;
    Box::pin(late_acknowledgement::wait(cache, &scopes)).await;
    if mode == Mode::Strict && cache.has_remote() {
        wait_out_the_lease(cache).await;
    }
}

/// Like [`invalidate`], with new generations that end in `token`; returns whether they were delivered.
///
/// Once begun, it completes even if this call is dropped: the first poll spawns a task.
pub(super) async fn invalidate_as(cache: &Cache, scopes: Vec<Scope>, token: String) -> bool {
    advance(cache, &scopes);
    let told = cache.has_remote() && {
        let work = tell_or_journal(cache.clone(), scopes.clone(), token);
        if is_bound_to_its_caller(cache) { work.await } else { finished(cache, work).await.unwrap_or(false) }
    };
    session::note(cache, &scopes, told || !cache.has_remote());
    told
}

async fn tell_or_journal(cache: Cache, scopes: Vec<Scope>, token: String) -> bool {
    let told = told(&cache, News::Bump { scopes: &scopes, token: &token }).await;
    if !told {
        cache.0.link.journal.add(&scopes);
        cache.0.link.deliver_soon();
    }
    // A read that began before the invalidation may have put an old value into the local tier meanwhile.
    advance(&cache, &scopes);
    told
}

/// Runs `work` to completion in a task, even if this call is dropped.
///
/// Returns `None` if the runtime is shutting down.
pub(super) async fn finished<T: Send + 'static>(
    cache: &Cache,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    if !Tasks::can_spawn() {
        return Some(work.await);
    }
    let (send, done) = oneshot::channel();
    cache.0.tasks.spawn(async move {
        let done = work.await;
        // The caller may be gone.
        let _ = send.send(done);
    });
    done.await.ok()
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

/// What the shared tier is told of scopes.
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

/// Whether the shared tier was told in time.
pub(super) async fn told(cache: &Cache, news: News<'_>) -> bool {
    tell(cache, news).await == Told::Heard
}

/// Sends it. After [`Told::Failed`] the shared tier may have executed it, or may do so later.
pub(super) async fn tell(cache: &Cache, news: News<'_>) -> Told {
    let (link, request) = (&cache.0.link, news.request());
    let Some(live) = link.open() else {
        link.tally.told(request, Told::Unreachable);
        return Told::Unreachable;
    };
    let asked = link.clock.timeout(link.settings.write_timeout, news.send(&*live.session));
    let answer = link.tally.timing(request).of(&link.clock, asked).await;
    match answer.unwrap_or_else(|| Err(RemoteError::timeout("a write"))) {
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

impl Cache {
    /// Invalidates scopes at once, on every instance.
    ///
    /// Once begun, the invalidation completes even if the call is dropped.
    #[doc(hidden)]
    pub async fn invalidate(&self, scopes: Vec<Scope>) {
        invalidate(self, scopes).await;
    }
}
