//! Delays the acknowledgement of a write that could not be announced, or is in mode strict.

use std::time::Duration;

use crate::cache::Cache;
use crate::coherence::{Acknowledgement, WAITS};
use crate::protocol::{Mode, Protection, Scope};
use crate::runtime::GRANULARITY;

/// Longer than the supervisor waits between two attempts to connect; it notifies at each of them.
const PAUSE: Duration = Duration::from_secs(6);
/// The number of pauses without a notification that prove a blocked supervisor.
///
/// Its runtime must be blocked too, and waiting longer is useless.
const PAUSES: u32 = 2;

/// Waits until a write may be acknowledged. `delivered` is whether its invalidation was delivered.
///
/// Cancellation loses nothing: the journal has the scopes.
pub(super) async fn acknowledge(cache: &Cache, scopes: &[Scope], mode: Mode, delivered: bool) {
    if !cache.has_remote() || scopes.is_empty() {
        return;
    }
    // Boxed: this is rare, and would enlarge the future of every write.
    let delivered = delivered || Box::pin(wait(cache, scopes)).await == End::Delivered;
    if mode == Mode::Strict && delivered {
        wait_out_the_lease(cache).await;
    }
}

/// Why the wait for the journal has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The scopes are delivered.
    Delivered,
    /// No other instance reads the replaced values.
    Unread,
}

/// Waits until the scopes are delivered, or no other instance reads the replaced values.
async fn wait(cache: &Cache, scopes: &[Scope]) -> End {
    let (process, coherence) = (&cache.0.process, &cache.0.coherence);
    if !process.protects(Protection::LateAcknowledgement) {
        return End::Unread;
    }
    let span = longest_lease(cache).saturating_mul(leases(scopes));
    let mut pauses = 0;
    loop {
        let changed = coherence.signals.delivered.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if !coherence.journal.is_due(scopes) {
            return End::Delivered;
        }
        let now = process.clock.now();
        match coherence.cut_off.acknowledgement(now, span, process.settings.write_timeout) {
            Acknowledgement::Now => return End::Unread,
            Acknowledgement::NotBefore(at) => drop(process.clock.timeout(at.since(now), changed).await),
            Acknowledgement::Unknown if pauses == PAUSES => return End::Unread,
            Acknowledgement::Unknown => {
                let pause = longest_step(cache).saturating_add(PAUSE);
                let is_standing = process.clock.timeout(pause, changed).await.is_none();
                pauses = if is_standing { pauses + 1 } else { 0 };
            }
        }
    }
}

/// The longest time that one step of the supervisor takes: an attempt to connect, a delivery or a heartbeat.
fn longest_step(cache: &Cache) -> Duration {
    let (process, coherence) = (&cache.0.process, &cache.0.coherence);
    process.settings.connect_timeout.max(coherence.patience().saturating_mul(WAITS))
}

/// Waits until no local tier can return a value from before this moment.
///
/// The wait begins with the release and not with the announcement: if the announcement did not arrive, or the lock was
/// lost, the release is the first message that reaches the other instances. The model in `tests/model` refutes the
/// other order.
async fn wait_out_the_lease(cache: &Cache) {
    cache.0.process.clock.sleep(longest_lease(cache)).await;
}

/// The longest time for which any instance trusts a heartbeat.
///
/// The margin is for clocks that run at different speeds, and for readings that lag.
fn longest_lease(cache: &Cache) -> Duration {
    let (process, coherence) = (&cache.0.process, &cache.0.coherence);
    let lease = coherence.membership.longest_lease(process.settings.lease);
    lease.saturating_add(lease / 100).saturating_add(2 * GRANULARITY)
}

/// The number of leases that a write of these scopes waits.
///
/// Readers of a strict method stop when they see that the writer is silent. The writer's last heartbeat may be executed
/// up to a lease after it failed, its silence shows a lease later, and a reader that has sent no heartbeat since trusts
/// its last one for a third. The model in `tests/model` refutes two.
fn leases(scopes: &[Scope]) -> u32 {
    if Scope::strongest_mode(scopes) == Mode::Strict { 3 } else { 1 }
}
