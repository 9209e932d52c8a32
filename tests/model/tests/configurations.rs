//! The small configurations have the expected results; `scripts/model` runs the large ones.

use std::collections::HashSet;

use cache_model::{Configuration, Expected, Promise, Size, configurations, explore};

fn small() -> impl Iterator<Item = &'static Configuration> {
    configurations().filter(|configuration| configuration.size == Size::Small)
}

/// Explores a configuration that must break its promise, prints the trace, and compares it.
#[track_caller]
fn refute(configuration: &Configuration) {
    let exploration = explore(configuration);
    println!("{}: {}", configuration.name, configuration.about);
    if let Some(refutation) = &exploration.refutation {
        refutation.trace.iter().for_each(|line| println!("    {line}"));
        println!("    {:?} is broken: {}", refutation.promise, refutation.how);
    }
    assert_eq!(exploration.judge(configuration.expected), Ok(()), "{}", configuration.name);
}

#[track_caller]
fn is_refuted(name: &str, promise: Promise) {
    let configuration = configurations().find(|configuration| configuration.name == name).expect("it is in the table");
    assert!(matches!(configuration.expected, Expected::Refuted(expected, _) if expected == promise), "{name}");
    refute(configuration);
}

#[test]
fn the_promises_hold() {
    for configuration in small().filter(|configuration| configuration.expected == Expected::Holds) {
        let exploration = explore(configuration);
        let trace = exploration.refutation.as_ref().map(|refutation| refutation.trace.join("\n"));
        let judged = exploration.judge(configuration.expected);
        assert_eq!(judged, Ok(()), "{}: {}\n{}", configuration.name, configuration.about, trace.unwrap_or_default());
    }
}

/// The control of the search itself: it finds each known failure for the expected reason.
///
/// With `--nocapture` the traces are printed.
/// the traces can be read.
#[test]
fn each_protection_is_needed() {
    small().filter(|configuration| configuration.expected != Expected::Holds).for_each(refute);
}

#[test]
fn without_a_fence_a_slow_fill_is_served() {
    is_refuted("without-fence", Promise::Shared);
}

#[test]
fn with_one_lock_token_the_first_release_unlocks_for_the_second_writer() {
    is_refuted("without-lock-set", Promise::Shared);
}

#[test]
fn with_the_epoch_of_the_fill_an_entry_survives_a_failover() {
    is_refuted("without-early-epoch", Promise::Shared);
}

#[test]
fn a_lease_counted_from_the_arrival_of_a_heartbeat_is_too_long() {
    is_refuted("without-sent-time", Promise::Local);
}

#[test]
fn without_the_sequence_check_a_late_fill_enters_the_local_tier() {
    is_refuted("without-sequence-check", Promise::Local);
}

#[test]
fn a_local_fill_that_checks_before_it_inserts_is_overtaken() {
    is_refuted("without-one-step", Promise::Local);
}

#[test]
fn without_the_local_advance_a_writer_reads_its_old_value() {
    is_refuted("without-own-advance", Promise::OwnWrites);
}

#[test]
fn a_restarted_counter_makes_an_old_entry_current() {
    is_refuted("without-unique-tokens", Promise::Shared);
}

#[test]
fn an_instance_that_returns_at_once_reads_entries_with_a_pending_invalidation() {
    is_refuted("without-barrier", Promise::Shared);
}

#[test]
fn entries_filled_after_the_return_are_not_trusted() {
    is_refuted("without-barrier-for-fills", Promise::Shared);
}

#[test]
fn silent_members_are_awaited() {
    is_refuted("without-silent-members", Promise::Shared);
}

#[test]
fn members_unknown_to_redis_are_awaited() {
    is_refuted("without-remembered-members", Promise::Shared);
}

#[test]
fn a_recent_heartbeat_from_before_the_return_proves_nothing() {
    is_refuted("without-later-heartbeat", Promise::Shared);
}

#[test]
fn a_heartbeat_with_pending_invalidations_does_not_end_the_wait() {
    is_refuted("without-pending-count", Promise::Shared);
}

#[test]
fn a_settled_instance_respects_pending_invalidations() {
    is_refuted("without-pending-count-settled", Promise::Shared);
}

#[test]
fn an_instance_that_connects_for_the_first_time_waits() {
    is_refuted("without-newcomer-barrier", Promise::Shared);
}

#[test]
fn a_new_instance_waits_even_if_the_hash_of_members_is_empty() {
    is_refuted("without-newcomer-patience", Promise::Shared);
}

#[test]
fn the_end_of_the_barrier_flushes_the_local_tier() {
    is_refuted("without-settling-flush", Promise::Strict);
}

#[test]
fn a_lease_that_lapses_on_a_connection_that_stays_needs_the_barrier() {
    is_refuted("without-lapse-barrier", Promise::Shared);
}

#[test]
fn a_heartbeat_that_is_executed_late_proves_nothing() {
    is_refuted("without-heartbeat-age", Promise::Shared);
}

#[test]
fn the_return_of_a_silent_member_flushes_the_local_tier() {
    is_refuted("without-silence-flush", Promise::Strict);
}

#[test]
fn an_undelivered_write_is_acknowledged_late() {
    is_refuted("without-late-acknowledgement", Promise::Shared);
}

#[test]
fn an_undelivered_write_is_acknowledged_only_after_a_failed_attempt() {
    is_refuted("without-failed-attempt", Promise::Shared);
}

#[test]
fn the_wait_of_an_undelivered_write_counts_from_the_failure() {
    is_refuted("without-wait-from-failure", Promise::Shared);
}

#[test]
fn an_undelivered_strict_write_waits_more_than_one_lease() {
    is_refuted("without-second-lease", Promise::Strict);
}

#[test]
fn an_undelivered_strict_write_waits_more_than_two_leases() {
    is_refuted("without-third-lease", Promise::Strict);
}

#[test]
fn a_joining_store_places_write_locks_at_once() {
    is_refuted("without-lock-while-joining", Promise::Shared);
}

#[test]
fn a_target_known_only_from_the_result_needs_a_registration() {
    is_refuted("without-registration", Promise::Shared);
}

#[test]
fn local_tiers_invalidate_the_method_when_a_registration_expires() {
    is_refuted("without-local-expiry", Promise::Local);
}

#[test]
fn a_fill_under_a_pending_writer_does_not_outlive_its_expiry() {
    is_refuted("without-limited-fills", Promise::Local);
}

#[test]
fn a_renewed_generation_keeps_the_pending_writers() {
    is_refuted("without-carried-suffix", Promise::Shared);
}

#[test]
fn a_release_removes_the_registration_last() {
    is_refuted("without-late-removal", Promise::Shared);
}

#[test]
fn a_late_registration_ends_local_entries() {
    is_refuted("without-timely-registration", Promise::Local);
}

/// The table covers two scopes, three instances, flights and the journal, and is complete.
#[test]
fn the_table_lists_every_configuration() {
    let mut names = HashSet::new();
    for configuration in configurations() {
        assert!(names.insert(configuration.name), "{} is there twice", configuration.name);
    }
    let parts =
        ["local-both-scopes", "local-three-instances", "joins-four", "journal-overflow-failover", "barrier-three"];
    assert!(parts.iter().all(|part| names.contains(part)));
    let holding = configurations().filter(|configuration| configuration.expected == Expected::Holds).count();
    assert!(holding >= 40, "{holding} configurations that hold");
}
