//! The acknowledgement of a write that the shared tier does not know of.

use super::news::longest_lease;
use crate::cache::Cache;
use crate::coherence::{Acknowledgement, Scope};
use crate::policy::Mode;

/// Waits until the journal has delivered the scopes, or until no other instance reads what was there before.
///
/// Dropped midway, nothing is lost: the journal has the scopes.
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

/// Readers of a strict method stop when the writer has been silent for a lease, which they see up to a lease later in the
/// reply to a heartbeat, and trust that reply for a lease less. The model in `tests/model` refutes two.
fn leases(scopes: &[Scope]) -> u32 {
    if Scope::strongest_mode(scopes) == Mode::Strict { 3 } else { 1 }
}
