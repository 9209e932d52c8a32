//! Invalidates scopes in the shared tier, on the other instances, and in the local tier.
//!
//! Every announcement goes through here, and is counted. One that fails is the business of the caller, which journals
//! its scopes.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Either;
use futures_util::{FutureExt as _, TryFutureExt as _};
use tokio::sync::oneshot;

use super::held::{Held, journal};
use super::late_acknowledgement::acknowledge;
use crate::cache::Cache;
use crate::coherence::Connection;
use crate::observability::{CallSpan, Delivery, Request};
use crate::protocol::{Protection, Released, Reply, Scope, TierConnection, WriteScopes};
use crate::read_your_writes;
use crate::runtime::{Tasks, random};

/// Invalidates scopes at once, on every instance.
///
/// If Redis is unreachable, the scopes are journaled.
pub(super) async fn invalidate(cache: &Cache, scopes: Vec<Scope>) {
    let delivered = invalidate_as(cache, scopes.clone(), random::token_text()).await;
    acknowledge(cache, &scopes, Scope::strongest_mode(&scopes), delivered).await;
}

/// Like [`invalidate`], with new generations that end in `token`; returns whether they were delivered.
///
/// Once begun, it completes even if this call is dropped: the first poll spawns a task.
pub(super) async fn invalidate_as(cache: &Cache, scopes: Vec<Scope>, token: String) -> bool {
    cache.revive();
    if !cache.has_remote() {
        advance(cache, &scopes);
        read_your_writes::note(cache, &scopes, true);
        return true;
    }
    let work = invalidated(cache.clone(), scopes.clone(), token);
    let is_bound = !cache.0.process.protects(Protection::InvalidationTask);
    let delivered = if is_bound { work.await } else { finished(cache, work).await.unwrap_or(false) };
    read_your_writes::note(cache, &scopes, delivered);
    delivered
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
        let delivery = announce(&cache, Announcement::Invalidate { scopes: &scopes, token: &token }).await;
        if delivery != Delivery::Delivered {
            journal(&cache, &scopes);
        }
        // A read that began before the invalidation may have stored an old value in the local tier meanwhile.
        advance(&cache, &scopes);
        held.end();
        delivery == Delivery::Delivered
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
    cache.0.process.tasks.spawn(async move {
        let done = work.await;
        // The caller may be gone.
        let _ = send.send(done);
    });
    Either::Right(done.map(Result::ok))
}

pub(super) fn advance(cache: &Cache, scopes: &[Scope]) {
    for scope in scopes {
        cache.0.coherence.freshness.advance(scope);
    }
}

/// An announcement to the shared tier about scopes.
#[derive(Clone, Copy)]
pub(super) enum Announcement<'a> {
    Lock { write: WriteScopes<'a>, token: &'a str, ttl: Duration },
    Release { write: WriteScopes<'a>, token: &'a str },
    Invalidate { scopes: &'a [Scope], token: &'a str },
}

impl<'a> Announcement<'a> {
    fn send(self, tier: &'a dyn TierConnection) -> Reply<'a, ()> {
        match self {
            Self::Lock { write, token, ttl } => tier.lock(write, token, ttl),
            Self::Release { write, token } => tier.release(write, token).map_ok(drop).boxed(),
            Self::Invalidate { scopes, token } => tier.invalidate(scopes, token),
        }
    }

    fn request(self) -> Request {
        match self {
            Self::Lock { .. } => Request::Lock,
            Self::Release { .. } => Request::Release,
            Self::Invalidate { .. } => Request::Invalidate,
        }
    }
}

/// Sends an announcement. After [`Delivery::Failed`] the shared tier may have executed it, or may do so later.
pub(super) async fn announce(cache: &Cache, announcement: Announcement<'_>) -> Delivery {
    let request = announcement.request();
    let Some(connection) = connection(cache, request) else { return Delivery::Unreachable };
    match reply(cache, &connection, request, announcement.send(&*connection.tier)).await {
        Some(()) => Delivery::Delivered,
        None => Delivery::Failed,
    }
}

/// Releases a write; returns the reply of the shared tier, unless the release was not delivered.
pub(super) async fn release(cache: &Cache, write: WriteScopes<'_>, token: &str) -> Option<Released> {
    let connection = connection(cache, Request::Release)?;
    reply(cache, &connection, Request::Release, connection.tier.release(write, token)).await
}

/// Returns the connection for an announcement.
fn connection(cache: &Cache, request: Request) -> Option<Arc<Connection>> {
    let (process, coherence) = (&cache.0.process, &cache.0.coherence);
    let may_announce = process.protects(Protection::EarlyAnnouncements) || coherence.is_usable();
    let connection = coherence.connection().filter(|_| may_announce);
    if connection.is_none() {
        process.counters.announced(request, Delivery::Unreachable);
    }
    connection
}

/// Waits for the reply to an announcement, and counts it.
async fn reply<T>(cache: &Cache, connection: &Connection, request: Request, sent: Reply<'_, T>) -> Option<T> {
    let (process, coherence) = (&cache.0.process, &cache.0.coherence);
    let (clock, limit) = (&process.clock, process.settings.write_timeout);
    let span = CallSpan::announcement(request, cache.backend());
    let sent = connection.in_time(clock, limit, 1, "a write", span.around(sent));
    let sent = process.counters.timing(request).of(clock, sent).await;
    span.outcome(&sent);
    match sent {
        Ok(reply) => {
            process.counters.announced(request, Delivery::Delivered);
            coherence.succeeded();
            Some(reply)
        }
        Err(error) => {
            process.counters.announced(request, Delivery::Failed);
            process.counters.error(request, error.kind());
            coherence.failed(connection, &error);
            tracing::debug!(request = request.name(), %error, "an announcement has not reached the shared tier yet");
            None
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
