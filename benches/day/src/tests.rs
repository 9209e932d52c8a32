//! The relations between the figures of the benchmark, on a smaller trace with about the same rate for each key.

use std::time::Duration;

use crate::{Options, Outage, Report, Trace};

const STORE: Duration = Trace::DAY.store_takes;
const SPAN: Duration = Duration::from_mins(10);
const SMALL: Trace = Trace {
    interval: Duration::from_millis(20),
    keys: 500,
    length: SPAN,
    warm_up: Duration::from_mins(12),
    ..Trace::DAY
};

const NONE: Options = |annotated| annotated;
const AHEAD: Options = |annotated| annotated.refresh_after_percent(80);
const STALE: Options = |annotated| annotated.stale_while_revalidate(SPAN);
const TOLERANT: Options = |annotated| annotated.stale_if_error(Duration::from_hours(1));

fn down(hangs: bool) -> Trace {
    let outage = Outage { begins: Duration::from_mins(1), lasts: Duration::from_mins(8), hangs };
    Trace { outage: Some(outage), deadline: Duration::from_secs(5), ..SMALL }
}

fn is_about(count: u64, other: u64) -> bool {
    count.abs_diff(other) < other / 20
}

#[test]
fn without_options_the_reads_of_expired_entries_wait() {
    let Report { reads, waited, latencies, longest, errors, loads, stale, oldest, .. } = SMALL.simulate(NONE);
    assert_eq!((reads, errors, stale), (30_000, 0, 0));
    assert_eq!((latencies, longest), ([Duration::ZERO, STORE, STORE], STORE));
    assert!(is_about(waited, loads), "{waited} of {loads}");
    assert!(oldest < Trace::TTL && oldest > Trace::TTL.mul_f64(0.95), "{oldest:?}");
}

#[test]
fn a_refresh_ahead_keeps_99_in_100_reads_from_waiting() {
    let Report { waited, latencies, longest, stale, oldest, .. } = SMALL.simulate(AHEAD);
    assert_eq!((latencies, longest, stale), ([Duration::ZERO, Duration::ZERO, STORE], STORE, 0));
    assert!(waited > 0 && oldest < Trace::TTL, "{waited} {oldest:?}");
}

#[test]
fn a_stale_value_keeps_nearly_every_read_from_waiting() {
    let Report { waited, latencies, stale, oldest, loads, .. } = SMALL.simulate(STALE);
    assert_eq!(latencies, [Duration::ZERO; 3]);
    assert!(waited < 10 && is_about(stale, loads), "{waited}: {stale} of {loads}");
    assert!(oldest > Trace::TTL && oldest < Trace::TTL + SPAN, "{oldest:?}");
}

#[test]
fn stale_values_answer_for_a_store_that_fails() {
    let without = down(false).simulate(NONE);
    assert!(without.errors > without.reads / 3, "{} of {}", without.errors, without.reads);
    let with = down(false).simulate(TOLERANT);
    assert_eq!((with.errors, with.longest), (0, STORE));
    assert!(with.stale > without.errors / 2 && with.oldest > SPAN, "{} {:?}", with.stale, with.oldest);
}

#[test]
fn stale_values_answer_for_a_store_that_hangs() {
    let without = down(true).simulate(NONE);
    assert!(without.errors > without.reads / 3, "{} of {}", without.errors, without.reads);
    let with = down(true).simulate(TOLERANT);
    assert_eq!((with.errors, with.longest), (0, down(true).deadline));
}

/// In an empty cache and below the time to live, each key is loaded once.
#[test]
fn the_seed_determines_the_keys() {
    let loads =
        |seed| Trace { seed, length: Duration::from_mins(1), warm_up: Duration::ZERO, ..SMALL }.simulate(NONE).loads;
    assert_eq!(loads(1), loads(1));
    assert_ne!(loads(1), loads(2));
}
