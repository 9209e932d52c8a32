//! A Redis Cluster: the protocol holds, and each of its protections is needed.

use cache_model::ClusterWrite::{Both, Everything, Found, Own, Wide};
use cache_model::{ClusterSize, ClusterVariant, ClusterWrite, explore_cluster};

const CALM: ClusterSize =
    ClusterSize { writers: &[], readers: 0, ticks: 0, heartbeats: 0, moves: 0, removals: false, failover: None };

const WRITES: [&[ClusterWrite]; 5] = [&[Own], &[Wide], &[Both], &[Found], &[Everything]];

fn assert_holds(size: ClusterSize) {
    let began = std::time::Instant::now();
    let explored = explore_cluster(ClusterVariant::AsBuilt, size);
    println!("{size:?}: {} states {:?}", explored.states, began.elapsed());
    assert_eq!(explored.refutation, None, "{size:?}: {} states", explored.states);
}

#[test]
fn a_writes_hold() {
    for writers in WRITES {
        assert_holds(ClusterSize { writers, readers: 1, ticks: 1, heartbeats: 1, ..CALM });
    }
}

#[test]
fn b_writes_hold_while_a_slot_moves() {
    for writers in WRITES {
        assert_holds(ClusterSize { writers, ticks: 1, moves: 1, heartbeats: 1, ..CALM });
    }
}
#[test]
fn b1_writes_hold_while_a_slot_moves() {
    for writers in WRITES {
        assert_holds(ClusterSize { writers, readers: 1, moves: 1, ticks: 1, ..CALM });
    }
}
#[test]
fn c_writes_hold_while_a_slot_moves() {
    for writers in WRITES {
        for server in [0, 1] {
            assert_holds(ClusterSize { writers, readers: 1, heartbeats: 0, ticks: 1, failover: Some(server), ..CALM });
        }
    }
}
