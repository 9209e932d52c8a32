//! A Redis Cluster: the protocol holds, and each of its protections is needed.

use cache_model::ClusterWrite::{Both, Everything, Found, Own, Wide};
use cache_model::{ClusterSize, ClusterVariant, ClusterWrite, explore_cluster};

const WRITES: [&[ClusterWrite]; 5] = [&[Own], &[Wide], &[Both], &[Found], &[Everything]];
/// Those of one scope, whose searches are small.
const SMALL_WRITES: [&[ClusterWrite]; 3] = [&[Own], &[Wide], &[Everything]];

/// Both tiers have the entry.
const WARM: ClusterSize = ClusterSize {
    writers: &[],
    readers: 0,
    wide: 1,
    is_cold: false,
    ticks: 0,
    heartbeats: 0,
    moves: 0,
    removals: false,
    failover: None,
};
/// A reader fills both tiers.
const COLD: ClusterSize = ClusterSize { readers: 1, is_cold: true, ..WARM };

fn assert_holds(size: ClusterSize) {
    let explored = explore_cluster(ClusterVariant::AsBuilt, size);
    assert_eq!(explored.refutation, None, "{size:?}: {} states", explored.states);
    assert!(explored.states > 100, "{size:?}: {} states", explored.states);
}

#[test]
fn a_lease_of_all_servers_holds() {
    for writers in WRITES {
        assert_holds(ClusterSize { writers, ticks: 2, heartbeats: 1, ..WARM });
    }
    for writers in SMALL_WRITES {
        assert_holds(ClusterSize { writers, readers: 1, ticks: 1, heartbeats: 1, ..WARM });
    }
}

#[test]
fn a_lease_holds_while_a_slot_moves() {
    for writers in SMALL_WRITES {
        assert_holds(ClusterSize { writers, ticks: 1, heartbeats: 1, moves: 1, removals: true, ..WARM });
    }
}

#[test]
fn a_lease_holds_during_a_failover() {
    for writers in WRITES {
        for failover in [Some(0), Some(1)] {
            assert_holds(ClusterSize { writers, ticks: 1, heartbeats: 1, failover, ..WARM });
        }
    }
    let writers = &[Everything];
    assert_holds(ClusterSize { writers, readers: 1, wide: 0, ticks: 1, heartbeats: 1, failover: Some(1), ..WARM });
}

#[test]
fn fills_hold_on_one_shard_and_on_two() {
    for wide in [0, 1] {
        for writers in [&[Own], &[Wide], &[Both], &[Found]] {
            assert_holds(ClusterSize { writers, wide, ticks: 1, ..COLD });
            assert_holds(ClusterSize { writers, wide, moves: 1, ..COLD });
            assert_holds(ClusterSize { writers, wide, failover: Some(0), ..COLD });
        }
        for writers in [&[Own], &[Wide]] {
            assert_holds(ClusterSize { writers, wide, readers: 2, ..COLD });
            assert_holds(ClusterSize { writers, wide, moves: 2, ..WARM });
            assert_holds(ClusterSize { writers, wide, readers: 1, moves: 1, failover: Some(2), ..WARM });
        }
    }
}

/// Each variant is refuted, with these words in the trace, in this order.
#[test]
fn without_a_protection_a_cluster_does_not_hold() {
    let lease = |writers| ClusterSize { writers, ticks: 1, heartbeats: 1, ..WARM };
    let old_hit = "the local tier answers v0 a lease after the message of v1";
    let old_entry = "the shared tier answers v0 after v1";
    let joins = ["moves to server 2", "locks scope 1", "a heartbeat begins", old_hit];
    let variants = [
        (
            ClusterVariant::FirstServerCounts,
            lease(&[Wide]),
            ["locks scope 1", "commits", "Heartbeat arrives from server 0", old_hit],
        ),
        (
            ClusterVariant::LeaseFromArrival,
            lease(&[Wide]),
            ["a heartbeat begins", "locks scope 1", "the time is 1", old_hit],
        ),
        (
            ClusterVariant::LeaseFromLastSending,
            lease(&[Wide]),
            ["server 1 executes the heartbeat", "locks scope 1", "server 0 executes the heartbeat", old_hit],
        ),
        (ClusterVariant::NoViews, ClusterSize { moves: 1, ..lease(&[Wide]) }, joins),
        (ClusterVariant::NoFlush, ClusterSize { moves: 1, ..lease(&[Wide]) }, joins),
        (
            ClusterVariant::NoFlush,
            ClusterSize { moves: 1, removals: true, ..lease(&[Wide]) },
            ["locks scope 1", "server 1 is removed", "the servers are asked for their views", old_hit],
        ),
        (
            ClusterVariant::NoFlush,
            ClusterSize { failover: Some(1), ..lease(&[Wide]) },
            ["locks scope 1", "server 1 fails over", "the servers are asked for their views", old_hit],
        ),
        (
            ClusterVariant::NoMarkOfGenerations,
            ClusterSize { writers: &[Own], failover: Some(0), ..WARM },
            ["locks scope 0", "is acknowledged", "server 0 fails over", old_entry],
        ),
        (
            ClusterVariant::NoMarkOfGenerations,
            ClusterSize { writers: &[Wide], failover: Some(1), ..WARM },
            ["locks scope 1", "is acknowledged", "server 1 fails over", old_entry],
        ),
        (
            ClusterVariant::NoMarkOfEpochs,
            ClusterSize { wide: 0, failover: Some(1), ..lease(&[Everything]) },
            ["a new epoch", "server 1 executes the heartbeat", "server 1 fails over", old_entry],
        ),
        (
            ClusterVariant::GenerationsAfterLoad,
            ClusterSize { writers: &[Wide], ..COLD },
            ["reader 0 begins", "commits", "reads Generation(1)", old_entry],
        ),
        (
            ClusterVariant::EndsBeforeInvalidations,
            ClusterSize { writers: &[Found], ticks: 1, ..WARM },
            ["commits", "ends its registration on scope 1", "dies", old_entry],
        ),
    ];
    for (variant, size, essence) in variants {
        assert_refuted(variant, size, &essence);
    }
}

/// The documented loss after a fail-over to another process and back: a generation of the past reaches the process that
/// had it. In a cluster a slot that moves away and back does that too.
#[test]
fn the_return_of_an_old_generation_to_its_process_is_a_loss() {
    let size = ClusterSize { writers: &[Wide], moves: 2, failover: Some(2), ..WARM };
    let essence = ["moves to server 2", "is acknowledged", "server 2 fails over", "moves to server 1"];
    assert_refuted(ClusterVariant::AsBuilt, size, &essence);
}

fn assert_refuted(variant: ClusterVariant, size: ClusterSize, essence: &[&str]) {
    let trace = explore_cluster(variant, size).refutation.unwrap_or_else(|| panic!("{variant:?} holds: {size:?}"));
    let mut lines = trace.iter();
    for words in essence {
        assert!(lines.any(|line| line.contains(words)), "{variant:?} without {words:?}: {trace:#?}");
    }
}
