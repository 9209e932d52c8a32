//! What the shared tier and the other instances are told of scopes, and what this instance forgets.

use std::time::Duration;

use super::late_acknowledgement;
use crate::cache::Cache;
use crate::coherence::Scope;
use crate::observability::{Request, Told};
use crate::policy::Mode;
use crate::runtime::{GRANULARITY, chance};
use crate::session;
use crate::tier::remote::{RemoteError, Reply, Session};

/// Waits until no instance can answer from its local tier with what was there before this moment.
///
/// It counts from the release and not from the announcement: where the
/// announcement did not arrive, or the lock was lost, the release is the first that the others hear. The model in
/// `tests/model` refutes the other one.
pub(super) async fn wait_out_the_lease(cache: &Cache) {
    let link = &cache.0.link;
    link.clock.sleep(longest_lease(cache)).await;
}

/// The longest time for which an instance trusts a heartbeat. The margin is for clocks that do not run equally fast, and
/// for readings that may lie behind.
pub(super) fn longest_lease(cache: &Cache) -> Duration {
    let link = &cache.0.link;
    let lease = link.membership.longest_lease(link.settings.lease);
    lease.saturating_add(lease / 100).saturating_add(2 * GRANULARITY)
}

/// Invalidates scopes at once, on every instance. What Redis cannot be told is remembered.
pub(super) async fn bump(cache: &Cache, scopes: Vec<Scope>) {
    let mode = Scope::strongest_mode(&scopes);
    bump_as(cache, &scopes, &chance::token_text()).await;
    late_acknowledgement::wait(cache, &scopes).await;
    if mode == Mode::Strict && cache.has_remote() {
        wait_out_the_lease(cache).await;
    }
}

/// [`bump`] with the text that the new tokens end with; says whether the shared tier has them.
pub(super) async fn bump_as(cache: &Cache, scopes: &[Scope], token: &str) -> bool {
    advance(cache, scopes);
    let told = cache.has_remote() && told(cache, scopes, News::Bump { token }).await;
    if cache.has_remote() && !told {
        cache.0.link.journal.add(scopes);
        cache.0.link.deliver_soon();
    }
    // A read that began before the bump may have put an old value into the local tier meanwhile.
    advance(cache, scopes);
    session::note(cache, scopes, told || !cache.has_remote());
    told
}

pub(super) fn advance(cache: &Cache, scopes: &[Scope]) {
    for scope in scopes {
        cache.0.link.gate.advance(scope);
    }
}

/// What the shared tier is told of scopes.
#[derive(Clone, Copy)]
pub(super) enum News<'a> {
    Intent { token: &'a str, hold: Duration },
    Release { token: &'a str },
    Bump { token: &'a str },
}

impl<'a> News<'a> {
    fn send(self, session: &'a dyn Session, scopes: &'a [Scope]) -> Reply<'a, ()> {
        match self {
            Self::Intent { token, hold } => session.intent(scopes, token, hold),
            Self::Release { token } => session.release(scopes, token),
            Self::Bump { token } => session.bump(scopes, token),
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
pub(super) async fn told(cache: &Cache, scopes: &[Scope], news: News<'_>) -> bool {
    let (link, request) = (&cache.0.link, news.request());
    let Some(live) = link.open() else {
        link.tally.told(request, Told::Unreachable);
        return false;
    };
    let asked = link.clock.timeout(link.settings.write_timeout, news.send(&*live.session, scopes));
    let answer = link.tally.timing(request).of(&link.clock, asked).await;
    match answer.unwrap_or_else(|| Err(RemoteError::timeout("a write"))) {
        Ok(()) => {
            link.tally.told(request, Told::Heard);
            link.succeeded();
            true
        }
        Err(error) => {
            link.tally.told(request, Told::Failed);
            link.tally.error(request, error.kind());
            link.failed(&live, &error);
            tracing::debug!(%error, "an invalidation has not reached the shared tier yet");
            false
        }
    }
}

impl Cache {
    /// Invalidates scopes at once, on every instance: for those that are known only after the store was called.
    #[doc(hidden)]
    pub async fn bump(&self, scopes: Vec<Scope>) {
        bump(self, scopes).await;
    }
}
