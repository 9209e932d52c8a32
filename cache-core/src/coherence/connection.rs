//! An open connection.

use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{Epoch, TierConnection, TierError};
use crate::runtime::Clock;
use crate::runtime::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use crate::runtime::sync::{Mutex, PoisonError};
use crate::runtime::{Deadlines, GRANULARITY, Moment};

/// The size of a large request, and the received bytes per time limit that prove progress.
///
/// Small replies to other requests must not count as progress, which would hide a slow server.
const LARGE: u64 = 64 * 1024;
/// How many time limits a request waits while large values are in transit.
pub(crate) const WAITS: u32 = 4;
/// The expected time for a byte of a large request: a megabyte per second.
const TIME_PER_BYTE: Duration = Duration::from_micros(1);

/// An open connection to the shared tier.
///
/// Writes are announced over it. Reads use it too, once its heartbeats are answered and this instance is outside the
/// recovery barrier.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) tier: Arc<dyn TierConnection>,
    pub(super) number: u64,
    /// The time limits of its look-ups.
    reads: Arc<Deadlines>,
    /// The epochs of the namespaces as of the last heartbeat reply, in order of joining.
    epochs: Mutex<Vec<Epoch>>,
    /// The server's clock as of the last reply, in milliseconds.
    seen: AtomicU64,
    /// The moment by which the large requests so far should have been sent.
    sent_by: AtomicU64,
    /// Server milliseconds minus process milliseconds. It errs by at most a round trip, towards a later server time.
    server_ahead: AtomicI64,
}

impl Connection {
    pub(crate) fn new(number: u64, tier: Arc<dyn TierConnection>, reads: Arc<Deadlines>) -> Self {
        let seen = AtomicU64::new(tier.connected_at());
        let (sent_by, server_ahead) = (AtomicU64::new(0), AtomicI64::new(0));
        Self { tier, number, reads, epochs: Mutex::default(), seen, sent_by, server_ahead }
    }

    /// The epoch of a namespace, once a heartbeat reply has carried it.
    pub(crate) fn epoch(&self, namespace: usize) -> Option<Epoch> {
        self.epochs().get(namespace).copied()
    }

    /// The number of namespaces whose epoch is known.
    pub(super) fn known_epochs(&self) -> usize {
        self.epochs().len()
    }

    /// Stores the epochs of a reply; returns whether a known epoch changed.
    pub(super) fn set_epochs(&self, epochs: Vec<Epoch>) -> bool {
        let mut known = self.epochs();
        let changed = known.iter().zip(&epochs).any(|(before, now)| before != now);
        *known = epochs;
        changed
    }

    /// Records that a request of this many bytes is about to be sent.
    pub(crate) fn sends(&self, bytes: usize, now: Moment) {
        if bytes as u64 >= LARGE {
            let time = TIME_PER_BYTE.saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX));
            self.sent_by.fetch_max(now.after(time).0, Ordering::Relaxed);
        }
    }

    /// Waits for the reply to a request, for up to `limit`.
    ///
    /// While large values are in transit, it waits for up to `waits` times the limit.
    ///
    /// Requests and replies keep their order. A reply that is late because large ones precede it, or because it or its
    /// request is large itself, proves nothing about the server. The error records that, and the breaker ignores it.
    pub(crate) async fn in_time<T>(
        &self,
        clock: &Clock,
        limit: Duration,
        waits: u32,
        what: &str,
        asked: impl Future<Output = Result<T, TierError>>,
    ) -> Result<T, TierError> {
        self.wait(clock, &Limit::Own(clock, limit), waits, what, asked).await
    }

    /// Waits for the reply to a read like [`in_time`](Self::in_time), with the read timeout as the limit.
    pub(crate) async fn read_in_time<T>(
        &self,
        clock: &Clock,
        asked: impl Future<Output = Result<T, TierError>>,
    ) -> Result<T, TierError> {
        self.wait(clock, &Limit::Common(&self.reads), WAITS, "a read", asked).await
    }

    async fn wait<T>(
        &self,
        clock: &Clock,
        limit: &Limit<'_>,
        waits: u32,
        what: &str,
        asked: impl Future<Output = Result<T, TierError>>,
    ) -> Result<T, TierError> {
        let mut before = self.tier.received();
        let large_values_move =
            || arrive(&mut before, self.tier.received()) || clock.now().0 < self.sent_by.load(Ordering::Relaxed);
        wait(limit, waits, large_values_move, what, asked).await
    }

    /// The server's clock in milliseconds.
    pub(crate) fn server_now(&self, now: Moment) -> u64 {
        now.as_millis().saturating_add_signed(self.server_ahead.load(Ordering::Relaxed))
    }

    /// The server's clock as of the last reply, in milliseconds.
    ///
    /// If the server executes a heartbeat more than a lease later, because it was held in a buffer, the heartbeat
    /// proves nothing about its sender.
    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    pub(super) fn set_seen(&self, server_millis: u64) {
        self.seen.store(server_millis, Ordering::Relaxed);
    }

    /// The earliest moment at which the server's clock may reach `server_millis`.
    ///
    /// Returns `now` if that time has passed. Readings of this process's clock may lag, and the server's clock is only
    /// estimated.
    pub(crate) fn moment_of(&self, server_millis: u64, now: Moment) -> Moment {
        let left = Duration::from_millis(server_millis.saturating_sub(self.server_now(now)));
        now.after(left.saturating_sub(GRANULARITY))
    }

    pub(super) fn set_server_time(&self, server_millis: u64, asked_at: Moment) {
        let ahead = i128::from(server_millis) - i128::from(asked_at.as_millis());
        self.server_ahead.store(i64::try_from(ahead).unwrap_or(0), Ordering::Relaxed);
    }

    fn epochs(&self) -> crate::runtime::sync::MutexGuard<'_, Vec<Epoch>> {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether large replies have arrived since `before`, which becomes `received`.
fn arrive(before: &mut u64, received: u64) -> bool {
    received.saturating_sub(std::mem::replace(before, received)) >= LARGE
}

/// The time limit of a request.
enum Limit<'a> {
    Own(&'a Clock, Duration),
    /// That of every look-up.
    Common(&'a Arc<Deadlines>),
}

impl Limit<'_> {
    async fn timeout<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match self {
            Self::Own(clock, limit) => clock.timeout(*limit, work).await,
            Self::Common(deadlines) => deadlines.within(work).await,
        }
    }
}

/// Waits like [`Connection::in_time`]; `large_values_move` is checked after each time limit.
async fn wait<T>(
    limit: &Limit<'_>,
    waits: u32,
    mut large_values_move: impl FnMut() -> bool,
    what: &str,
    asked: impl Future<Output = Result<T, TierError>>,
) -> Result<T, TierError> {
    let mut asked = std::pin::pin!(asked);
    for _ in 0..waits {
        if let Some(answer) = limit.timeout(asked.as_mut()).await {
            return answer;
        }
        if !large_values_move() {
            return Err(TierError::timeout(what));
        }
    }
    Err(TierError::timeout(what).while_arriving())
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use tokio::task::yield_now;

    use super::*;
    use crate::runtime::ManualClock;

    const LIMIT: Duration = Duration::from_millis(50);

    /// Waits for a reply that never comes, while `bytes` arrive in each time limit, and then none.
    ///
    /// Returns the number of time limits that it waited, and whether the error blames the server.
    async fn waited(bytes: &[u64]) -> (u32, bool) {
        let (manual, arrived) = (ManualClock::new(), AtomicU64::new(0));
        let clock = Clock::from(manual.clone());
        let began = clock.now();
        let arriving = async {
            // Waits until the sleep of the time limit has begun.
            yield_now().await;
            for bytes in bytes.iter().copied().chain(std::iter::repeat(0)) {
                arrived.fetch_add(bytes, Ordering::Relaxed);
                manual.advance(LIMIT);
                yield_now().await;
                yield_now().await;
            }
            Ok(())
        };
        let mut before = 0;
        let large_values_move = || arrive(&mut before, arrived.load(Ordering::Relaxed));
        let deadlines = Deadlines::new(clock.clone(), LIMIT);
        let limit = Limit::Common(&deadlines);
        let error = wait(&limit, WAITS, large_values_move, "a read", arriving).await.unwrap_err();
        let limits = clock.now().since(began).as_millis() / LIMIT.as_millis();
        (u32::try_from(limits).unwrap(), error.blames_the_server())
    }

    #[tokio::test]
    async fn a_large_reply_in_transit_does_not_time_out() {
        let table: [(&[u64], u32, bool); 5] = [
            (&[], 1, true),
            (&[LARGE - 1; 9], 1, true),
            (&[LARGE; 9], WAITS, false),
            (&[LARGE, LARGE], 3, true),
            (&[u64::from(u32::MAX)], 2, true),
        ];
        for (bytes, limits, blames) in table {
            assert_eq!(waited(bytes).await, (limits, blames), "{bytes:?}");
        }
    }
}
