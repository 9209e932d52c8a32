//! Delays the acknowledgement of a write that could not be announced.

use super::news::longest_lease;
use crate::cache::Cache;
use crate::coherence::{Acknowledgement, Scope};
use crate::policy::Mode;

/// Waits until the scopes are delivered, or no other instance reads the replaced values.
///
/// Cancellation loses nothing: the journal has the scopes.
pub(super) async fn wait(cache: &Cache, scopes: &[Scope]) {
    let link = &cache.0.link;
    #[cfg(feature = "testing")]
    if link.lacks(crate::testing::Weakness::NoLateAcknowledgement) {
        return;
    }
    if !cache.has_remote() {
        return;
    }
    let span = longest_lease(cache) * leases(scopes);
    loop {
        let changed = link.delivered.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if !link.journal.holds(scopes) {
            return;
        }
        let now = link.clock.now();
        match link.cut_off.acknowledgement(now, span, link.settings.write_timeout) {
            Acknowledgement::Now => return,
            Acknowledgement::NotBefore(at) => drop(link.clock.timeout(at.since(now), changed).await),
            Acknowledgement::Unknown => changed.await,
        }
    }
}

/// The number of leases that a write of these scopes waits.
///
/// Readers of a strict method stop when they see that the writer is silent. The writer's last heartbeat may be executed
/// up to a lease after it failed, its silence shows a lease later, and a reader that has sent no heartbeat since trusts
/// its last one for a third. The model in `tests/model` refutes two.
fn leases(scopes: &[Scope]) -> u32 {
    if Scope::strongest_mode(scopes) == Mode::Strict { 3 } else { 1 }
}
