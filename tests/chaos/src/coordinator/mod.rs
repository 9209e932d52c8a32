//! Starts the servers and workers, injects the faults, and collects and checks the lines.

mod cluster;
mod faults;
mod fleet;
mod outages;
mod redis;
mod run;
mod server_faults;
mod servers;

use std::error::Error;
use std::fs;
use std::path::Path;

use cache_chaos::checker::{self, Verdict};
use cache_chaos::history::{Line, read_history, write_history};
use cache_chaos::report::Report;
use cache_tests::PostgresServer;

use crate::options::Options;
pub(crate) use outages::{Outage, measure_all, outages, tabulate};

/// The first argument of a worker.
pub(crate) const WORKER: &str = "worker";

/// The maximum number of printed violations per run.
const SHOWN: usize = 5;

/// Runs, checks and reports; returns whether the result is the expected one.
///
/// With a protection disabled, it stops at the first run that has a violation.
pub(crate) fn run_all(options: &Options) -> Result<bool, Box<dyn Error>> {
    if let Some(folder) = &options.keep {
        fs::create_dir_all(folder)?;
    }
    let postgres = PostgresServer::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut report = Report::default();
    for number in 0..options.runs {
        let seed = options.seed.wrapping_add(number);
        let history = run::run(options, seed, &postgres, &runtime)?;
        if let Some(folder) = &options.keep {
            write_history(&folder.join(format!("seed-{seed}.jsonl")), &history)?;
        }
        let verdict = checker::check(&history)?;
        print_verdict(options, seed, &verdict);
        report.add(&history, verdict);
        if options.without.is_some() && report.violations() > 0 {
            break;
        }
    }
    println!("\n{report}");
    Ok(if let Some(name) = &options.without { is_refuted(name, report.violations()) } else { report.is_clean() })
}

/// With a protection disabled, a violation is expected.
fn is_refuted(name: &str, violations: u64) -> bool {
    let refuted = violations > 0;
    println!("without {name} violations are expected: {}", if refuted { "found" } else { "NONE WAS FOUND" });
    refuted
}

/// Checks a history that was kept.
pub(crate) fn check_file(path: &Path) -> Result<bool, Box<dyn Error>> {
    let history = read_history(path)?;
    let verdict = checker::check(&history)?;
    show(&verdict);
    let mut report = Report::default();
    report.add(&history, verdict);
    println!("{report}");
    Ok(report.is_clean())
}

/// Prints a line for each finished run, and its violations.
fn print_verdict(options: &Options, seed: u64, verdict: &Verdict) {
    let (operations, violations) = (verdict.operations, verdict.violations.len());
    println!(
        "seed {seed}: {operations} operations, {violations} violations, {} errors because of Redis, {} of the database",
        verdict.failed, verdict.database_errors
    );
    show(verdict);
    if violations > 0 && options.without.is_none() {
        match &options.keep {
            Some(folder) => println!("  the history is {}", folder.join(format!("seed-{seed}.jsonl")).display()),
            None => println!("  to keep the history: scripts/chaos --seed {seed} --keep FOLDER"),
        }
    }
}

fn show(verdict: &Verdict) {
    for violation in verdict.violations.iter().take(SHOWN) {
        println!("  {violation}");
    }
}

/// Reads the lines of a worker, which a kill may have cut short.
fn lines_of(path: &Path) -> Result<Vec<Line>, String> {
    read_history(path).map_err(|error| format!("{}: {error}", path.display()))
}
