//! Heartbeats of a cluster: one has returned once it has over the bus of every server.

use std::collections::VecDeque;

use crate::runtime::sync::{Mutex, PoisonError};

/// The most heartbeats in transit, as in `coherence`.
const MAX: usize = 4;

/// The heartbeats in transit.
#[derive(Debug, Default)]
pub(super) struct Gather(Mutex<VecDeque<InTransit>>);

#[derive(Debug)]
struct InTransit {
    nonce: u64,
    /// The ids of the servers over whose bus it has not returned yet.
    missing: Vec<String>,
}

impl Gather {
    /// Records that a heartbeat is about to be sent to these servers.
    pub(super) fn begin(&self, nonce: u64, servers: Vec<String>) {
        let mut in_transit = self.lock();
        if in_transit.len() == MAX {
            in_transit.pop_front();
        }
        in_transit.push_back(InTransit { nonce, missing: servers });
    }

    /// Records that a heartbeat returned over the bus of a server; returns whether it was the last one to return.
    pub(super) fn returned(&self, nonce: u64, server: &str) -> bool {
        let mut in_transit = self.lock();
        let Some(heartbeat) = in_transit.iter_mut().find(|heartbeat| heartbeat.nonce == nonce) else { return false };
        let before = heartbeat.missing.len();
        heartbeat.missing.retain(|missing| missing != server);
        before > 0 && heartbeat.missing.is_empty()
    }

    fn lock(&self) -> crate::runtime::sync::MutexGuard<'_, VecDeque<InTransit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers() -> Vec<String> {
        vec!["a".to_owned(), "b".to_owned()]
    }

    #[test]
    fn a_heartbeat_returns_once_from_all_servers() {
        let gather = Gather::default();
        gather.begin(1, servers());
        assert!(!gather.returned(1, "a") && !gather.returned(1, "a") && !gather.returned(1, "x"));
        assert!(gather.returned(1, "b") && !gather.returned(1, "b"), "it counts once");
        assert!(!gather.returned(2, "a"), "it was not sent");
    }

    #[test]
    fn old_heartbeats_are_forgotten() {
        let gather = Gather::default();
        for nonce in 0..=MAX as u64 {
            gather.begin(nonce, vec!["a".to_owned()]);
        }
        assert!(!gather.returned(0, "a") && gather.returned(1, "a") && gather.returned(MAX as u64, "a"));
    }
}
