//! The small configurations come to what is expected of them; the large ones are for `scripts/model`.

use std::collections::HashSet;

use cache_model::{Configuration, Expected, Promise, Size, configurations, explore};

fn small() -> impl Iterator<Item = &'static Configuration> {
    configurations().filter(|configuration| configuration.size == Size::Small)
}

/// Explores a configuration whose promise is to break, prints the trace, and compares.
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

/// The control of the search itself: what is known to break is found, for the reason that is expected. With `--nocapture`
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
fn with_one_token_for_all_writers_the_first_release_unlocks_for_the_second() {
    is_refuted("without-lock-set", Promise::Shared);
}

#[test]
fn with_the_epoch_of_the_fill_an_entry_survives_a_fail_over() {
    is_refuted("without-early-epoch", Promise::Shared);
}

#[test]
fn counted_from_its_arrival_a_beat_prolongs_the_lease() {
    is_refuted("without-sent-time", Promise::Local);
}

#[test]
fn without_a_look_at_the_sequences_a_fill_enters_the_local_tier_too_late() {
    is_refuted("without-sequence-check", Promise::Local);
}

#[test]
fn without_an_advance_of_its_sequences_a_writer_reads_what_was_before() {
    is_refuted("without-own-advance", Promise::OwnWrites);
}

#[test]
fn a_counter_that_begins_anew_makes_an_old_entry_current() {
    is_refuted("without-unique-tokens", Promise::Shared);
}

/// Two scopes, three instances, flights and the journal are in it, and it is as large as it has to be.
#[test]
fn the_table_is_whole() {
    let mut names = HashSet::new();
    for configuration in configurations() {
        assert!(names.insert(configuration.name), "{} is there twice", configuration.name);
    }
    let parts = ["local-both-scopes", "local-three-instances", "joins-four", "journal-overflow-failover"];
    assert!(parts.iter().all(|part| names.contains(part)));
    let holding = configurations().filter(|configuration| configuration.expected == Expected::Holds).count();
    assert!(holding >= 40, "{holding} configurations that hold");
}
