//! The day of reads, with the options before and after the end of an entry's life: `cargo bench -p cache-day`.
//!
//! `scripts/bench-report` writes the figures to benches/results.md.

mod facts;

use std::env;
use std::thread;
use std::time::Duration;

use cache_core::ReadPolicy;
use cache_day::{Options, Outage, Trace};

use self::facts::Row;

const AHEAD: Options = |annotated| annotated.refresh_after_percent(80);
const STALE: Options = |annotated| annotated.stale_while_revalidate(Duration::from_mins(10));
const TOLERANT: Options = |annotated| annotated.stale_if_error(Duration::from_hours(1));

/// The simulations of the day.
const DAYS: [(&str, Options); 4] = [
    ("none", |annotated| annotated),
    ("`refresh_after = \"80%\"`", AHEAD),
    ("`stale_while_revalidate = \"10m\"`", STALE),
    ("both", both),
];

/// Those of the outage.
const OUTAGES: [(&str, Options); 4] = [
    ("none", |annotated| annotated),
    ("`stale_if_error = \"1h\"`", TOLERANT),
    ("`refresh_after` and `stale_while_revalidate`", both),
    ("all three", |annotated| TOLERANT(both(annotated))),
];

/// The hour around noon, in which the store does not answer for ten minutes.
const HOUR: Trace = Trace { length: Duration::from_hours(1), ..Trace::DAY };
const OUTAGE: Outage = Outage { begins: Duration::from_mins(25), lasts: Duration::from_mins(10), hangs: false };

fn both(annotated: ReadPolicy) -> ReadPolicy {
    STALE(AHEAD(annotated))
}

fn main() {
    if !is_wanted() {
        return;
    }
    let days = simulate(Trace::DAY, &DAYS);
    let [fails, hangs] = [false, true].map(|hangs| {
        let outage = Some(Outage { hangs, ..OUTAGE });
        simulate(Trace { outage, ..HOUR }, &OUTAGES)
    });
    facts::write(&Trace::DAY, &OUTAGE, [("day", days), ("fails", fails), ("hangs", hangs)]);
}

/// Whether this is a benchmark, and not a test, that the command line does not filter out.
fn is_wanted() -> bool {
    let is_benchmark = env::args().any(|argument| argument == "--bench");
    let mut filters = env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    is_benchmark && (filters.peek().is_none() || filters.any(|filter| "day".contains(&filter)))
}

/// Simulates the trace with each of the options, all at the same time.
fn simulate(trace: Trace, options: &[(&'static str, Options)]) -> Vec<Row> {
    thread::scope(|scope| {
        let begun: Vec<_> =
            options.iter().map(|(name, options)| (*name, scope.spawn(|| trace.simulate(*options)))).collect();
        let ended = begun.into_iter().map(|(name, run)| Row { name, report: run.join().expect("no panic") });
        ended.inspect(Row::print).collect()
    })
}
