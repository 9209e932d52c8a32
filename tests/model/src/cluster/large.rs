//! The searches that take long.

use super::ClusterSize;
use super::ClusterWrite::{Both, Found, Own, Wide};

const ONE: ClusterSize = ClusterSize {
    writers: &[],
    readers: 1,
    wide: 1,
    is_cold: false,
    ticks: 1,
    heartbeats: 1,
    moves: 0,
    removals: false,
    failover: None,
};
const COLD: ClusterSize = ClusterSize { is_cold: true, heartbeats: 0, ticks: 0, ..ONE };

/// The names of large searches of the protocol as built, and what takes part.
pub const LARGE_CLUSTERS: [(&str, ClusterSize); 10] = [
    ("cluster-two-scopes", ClusterSize { writers: &[Both], ..ONE }),
    ("cluster-failover-of-the-entry", ClusterSize { writers: &[Own], failover: Some(0), ..ONE }),
    ("cluster-failover-of-the-wide-scope", ClusterSize { writers: &[Wide], failover: Some(1), ..ONE }),
    ("cluster-failover-found", ClusterSize { writers: &[Found], failover: Some(1), ..ONE }),
    ("cluster-move-of-the-entry", ClusterSize { writers: &[Own], moves: 1, ..ONE }),
    ("cluster-move-of-the-wide-scope", ClusterSize { writers: &[Wide], moves: 1, removals: true, ..ONE }),
    ("cluster-move-and-failover", ClusterSize { writers: &[Own], moves: 1, failover: Some(0), ..COLD }),
    ("cluster-two-writers", ClusterSize { writers: &[Own, Wide], ticks: 1, ..COLD }),
    ("cluster-two-writers-and-a-move", ClusterSize { writers: &[Wide, Wide], moves: 1, ..COLD }),
    ("cluster-two-readers", ClusterSize { writers: &[Both], readers: 2, ..COLD }),
];
