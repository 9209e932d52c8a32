//! Writes that store their value: the protocol holds, and each of its rules is needed.

use cache_model::Change::{Invalidation, Update, WideInvalidation, WideWrite, Write};
use cache_model::{Change, UpdateSize, UpdateVariant, explore_updates};

/// What overlaps an update, on its own instance and on another one.
const PAIRS: [&[(Change, usize)]; 10] = [
    &[(Update, 0), (Update, 0)],
    &[(Update, 0), (Update, 1)],
    &[(Update, 0), (Write, 0)],
    &[(Update, 0), (Write, 1)],
    &[(Update, 0), (WideWrite, 0)],
    &[(Update, 0), (WideWrite, 1)],
    &[(Update, 0), (Invalidation, 0)],
    &[(Update, 0), (Invalidation, 1)],
    &[(Update, 0), (WideInvalidation, 0)],
    &[(Update, 0), (WideInvalidation, 1)],
];

const CALM: UpdateSize =
    UpdateSize { writers: &[], readers: &[], is_single: false, ticks: 0, evictions: 0, silences: 0, drops: 0 };

fn assert_holds(size: UpdateSize) {
    let explored = explore_updates(UpdateVariant::AsBuilt, size);
    assert_eq!(explored.refutation, None, "{size:?}: {} states", explored.states);
    assert!(explored.states > 200, "{size:?}: {} states", explored.states);
}

#[test]
fn stored_values_hold_beside_each_other_change() {
    for writers in PAIRS {
        assert_holds(UpdateSize { writers, readers: &[0], ..CALM });
    }
}

#[test]
fn stored_values_hold_with_each_fault() {
    for writers in PAIRS {
        let size = UpdateSize { writers, ..CALM };
        assert_holds(UpdateSize { evictions: 2, ..size });
        assert_holds(UpdateSize { ticks: 2, drops: 1, ..size });
        assert_holds(UpdateSize { silences: 2, ..size });
    }
    for readers in [&[0, 1][..], &[0, 0]] {
        assert_holds(UpdateSize { writers: &[(Update, 0)], readers, evictions: 1, ..CALM });
        assert_holds(UpdateSize { writers: &[(Update, 0)], readers, ticks: 1, drops: 1, ..CALM });
    }
}

#[test]
fn stored_values_of_three_writers_hold() {
    let three: [&[(Change, usize)]; 3] = [
        &[(Update, 0), (Update, 1), (Write, 1)],
        &[(Update, 0), (WideWrite, 1), (Invalidation, 1)],
        &[(Update, 0), (Update, 0), (WideInvalidation, 1)],
    ];
    for writers in three {
        assert_holds(UpdateSize { writers, ..CALM });
    }
}

#[test]
fn stored_values_of_a_single_instance_hold() {
    for writers in PAIRS.into_iter().filter(|writers| writers.iter().all(|(_, instance)| *instance == 0)) {
        assert_holds(UpdateSize { writers, readers: &[0, 0], is_single: true, ..CALM });
    }
    let writers = &[(Update, 0), (Update, 0), (Write, 0)];
    assert_holds(UpdateSize { writers, readers: &[0, 0], is_single: true, ..CALM });
}

/// Each variant is refuted, with these words in the trace.
#[test]
fn without_a_rule_stored_values_do_not_hold() {
    let beside = |writers| UpdateSize { writers, ..CALM };
    let write = beside(PAIRS[3]);
    let variants = [
        (UpdateVariant::NoMarkOfLocks, write, "the shared tier answers v1 after v2"),
        (UpdateVariant::NoMarkOfInvalidations, beside(PAIRS[7]), "the shared tier answers v1 after v2"),
        (UpdateVariant::NoMarkOfLostWriters, UpdateSize { evictions: 1, ..write }, "evicts"),
        (UpdateVariant::StoresAfterLostLock, UpdateSize { evictions: 1, ..write }, "evicts"),
        (UpdateVariant::StoresAfterLostLock, UpdateSize { ticks: 1, ..write }, "the time is 1"),
        (UpdateVariant::StoresAfterLateLock, UpdateSize { silences: 1, ..write }, "locks late"),
        (
            UpdateVariant::NoLastInvalidationAfterLateLock,
            UpdateSize { writers: &[(Update, 0)], readers: &[0, 1], silences: 1, ..CALM },
            "the local tier of instance 0 answers v0 after its own v1",
        ),
        (UpdateVariant::IgnoresJournal, UpdateSize { silences: 1, ..beside(PAIRS[6]) }, "cannot release"),
        (UpdateVariant::WideAtFill, beside(PAIRS[5]), "the shared tier answers v1 after v2"),
        (UpdateVariant::WideAtFill, beside(PAIRS[9]), "the shared tier answers v1 after v2"),
        (
            UpdateVariant::WideSequenceAtRelease,
            beside(PAIRS[8]),
            "the local tier of instance 0 answers v1 after its own v2",
        ),
        (UpdateVariant::WideSequenceAtRelease, beside(PAIRS[9]), "the local tier of instance 0 answers v1 after v2"),
        (
            UpdateVariant::SequenceAfterRelease,
            beside(PAIRS[2]),
            "the local tier of instance 0 answers v1 after its own v2",
        ),
        (UpdateVariant::SequenceAfterRelease, write, "the local tier of instance 0 answers v1 after v2"),
        (UpdateVariant::NoSequenceCheck, write, "the local tier of instance 0 answers v1 after v2"),
        (
            UpdateVariant::StoresOverlappedSequence,
            UpdateSize { is_single: true, ..beside(PAIRS[0]) },
            "the local tier of instance 0 answers v1 after its own v2",
        ),
        (
            UpdateVariant::NoLastInvalidation,
            UpdateSize { writers: &[(Update, 0)], readers: &[0, 1], evictions: 1, ..CALM },
            "the local tier of instance 0 answers v0 after its own v1",
        ),
    ];
    for (variant, size, essence) in variants {
        let explored = explore_updates(variant, size);
        let trace = explored.refutation.unwrap_or_else(|| panic!("{variant:?} holds"));
        assert!(trace.iter().any(|line| line.contains(essence)), "{variant:?}: {trace:#?}");
    }
}
