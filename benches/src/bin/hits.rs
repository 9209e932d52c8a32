//! Does the operation of one case a number of times, for an instruction counter: `hits CASE COUNT`.
//!
//! Everything that the case needs is created first, and every tenant is read once, so that what is counted begins with
//! the caches of the processor as they are in the middle of a run. `scripts/gates` lets the counter collect only inside
//! [`counted`], and subtracts the loop around the operation, which is the case `empty`.

use std::process::ExitCode;

use cache_benches::cases::{ALL, Case, Stage, Work};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, count] = &arguments[..] else { return usage() };
    let (Some(case), Ok(count)) = (Case::named(name), count.parse()) else { return usage() };
    let stage = Stage::new(case.tenants);
    let _guard = stage.runtime().enter();
    let mut work = case.prepare(&stage);
    work.run(count);
    let before = work.loads();
    counted(&mut work, count);
    assert_eq!(work.loads(), before, "an operation asked the store");
    ExitCode::SUCCESS
}

/// The operations that are counted. `scripts/gates` knows this name.
#[inline(never)]
fn counted(work: &mut Work, count: usize) {
    work.run(count);
}

fn usage() -> ExitCode {
    let names: Vec<_> = ALL.iter().map(|case| case.name).collect();
    eprintln!("usage: hits CASE COUNT, where CASE is one of {}", names.join(", "));
    ExitCode::FAILURE
}
