//! The final report.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::checker::{Coverage, Staleness, Verdict, Why};
use crate::history::{FaultKind, Line, Outcome, Tier};

/// The sum of several runs.
#[derive(Debug, Default)]
pub struct Report {
    runs: u64,
    operations: u64,
    writes: u64,
    tiers: BTreeMap<Option<Tier>, u64>,
    violations: u64,
    failed: u64,
    database_errors: u64,
    coverage: Coverage,
    lease: Duration,
    staleness: Staleness,
}

impl Report {
    /// Adds a run.
    pub fn add(&mut self, history: &[Line], verdict: Verdict) {
        self.runs += 1;
        for line in history {
            match line {
                Line::Run(run) => self.lease = Duration::from_nanos(run.lease_ns),
                Line::Read(read) if read.outcome == Outcome::Ok => *self.tiers.entry(read.tier).or_default() += 1,
                _ => {}
            }
        }
        self.operations += verdict.operations;
        self.writes += verdict.writes;
        self.violations += verdict.violations.len() as u64;
        self.failed += verdict.failed;
        self.database_errors += verdict.database_errors;
        self.coverage += verdict.coverage;
        self.staleness.merge(verdict.staleness);
    }

    /// The number of violations.
    pub fn violations(&self) -> u64 {
        self.violations
    }

    /// Whether no promise was broken, and no caller had an error because of Redis.
    pub fn is_clean(&self) -> bool {
        self.violations == 0 && self.failed == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, figure: u64| writeln!(f, "{name:<44} {figure:>10}");
        line("runs", self.runs)?;
        line("operations", self.operations)?;
        line("  writes", self.writes)?;
        for (tier, reads) in &self.tiers {
            line(name_of(*tier), *reads)?;
        }
        line("faults", self.staleness.rows().map(|row| row.faults).sum())?;
        line("violations", self.violations)?;
        line("errors seen by callers because of Redis", self.failed)?;
        line("errors of the database", self.database_errors)?;
        line("versions in the database", self.coverage.versions)?;
        line("  acknowledged without a lock that lasted", self.coverage.unlocked)?;
        line("  acknowledged by a writer cut off from Redis", self.coverage.isolated)?;
        line("  acknowledged in an outage of all processes", self.coverage.outage)?;
        line("  never acknowledged", self.coverage.abandoned)?;
        line("    and due when their lock had ended", self.coverage.abandoned_due)?;
        line("reads after a session token", self.coverage.observed)?;
        write_staleness(f, &self.staleness, self.lease)?;
        write_durations(f, &self.staleness)
    }
}

fn name_of(tier: Option<Tier>) -> &'static str {
    match tier {
        Some(Tier::Local) => "  reads answered locally",
        Some(Tier::Degraded) => "  degraded reads, answered locally",
        Some(Tier::Shared) => "  reads answered by Redis",
        Some(Tier::Store) => "  reads answered by the database",
        None => "  reads from an unknown tier",
    }
}

fn write_staleness(f: &mut fmt::Formatter<'_>, staleness: &Staleness, lease: Duration) -> fmt::Result {
    writeln!(f, "\nStaleness in ms: time since the acknowledgement of the first write that a read did not show.")?;
    writeln!(f, "  lease: a local hit before its invalidation arrived; promised to be at most the lease, {lease:?}")?;
    writeln!(f, "  degraded: a local hit while Redis was unreachable; at most degraded_ttl")?;
    writeln!(f, "  isolated: the writer alone could not reach Redis; until it reconnects, plus the lease")?;
    writeln!(f, "  outage: no process could reach Redis; each of these is a violation\n")?;
    writeln!(
        f,
        "{:<32} {:>6} {:>9}  {:<9} {:>7} {:>8} {:>8} {:>8}",
        "fault", "times", "reads", "why", "stale", "p50", "p99", "max"
    )?;
    for row in staleness.rows() {
        let kind = row.kind.map_or("none".to_owned(), |kind: FaultKind| kind.to_string());
        write!(f, "{kind:<32} {:>6} {:>9}", row.faults, row.took.count())?;
        if row.stale.is_empty() {
            writeln!(f, "  {:<9} {:>7}", "-", 0)?;
        }
        for (number, (why, stale)) in row.stale.iter().enumerate() {
            let indent = if number == 0 { 0 } else { 49 };
            write_why(f, indent, *why, stale)?;
        }
    }
    Ok(())
}

fn write_durations(f: &mut fmt::Formatter<'_>, staleness: &Staleness) -> fmt::Result {
    writeln!(f, "\nDurations of reads in ms, with the load of a value from the database.\n")?;
    writeln!(f, "{:<32} {:>9} {:>8} {:>8} {:>8} {:>8}", "fault", "reads", "p50", "p99", "p99.9", "max")?;
    for row in staleness.rows() {
        let Some(figures) = row.took.quantiles() else { continue };
        let kind = row.kind.map_or("none".to_owned(), |kind: FaultKind| kind.to_string());
        let [p50, p99, p999, max] = [figures.p50, figures.p99, figures.p999, figures.max].map(millis);
        writeln!(f, "{kind:<32} {:>9} {p50:>8} {p99:>8} {p999:>8} {max:>8}", figures.count)?;
    }
    Ok(())
}

fn millis(span: Duration) -> String {
    format!("{:.1}", span.as_secs_f64() * 1000.0)
}

fn write_why(f: &mut fmt::Formatter<'_>, indent: usize, why: Why, stale: &crate::checker::Durations) -> fmt::Result {
    let Some(figures) = stale.quantiles() else { return Ok(()) };
    let [p50, p99, max] = [figures.p50, figures.p99, figures.max].map(millis);
    writeln!(f, "{:indent$}  {why:<9} {:>7} {p50:>8} {p99:>8} {max:>8}", "", figures.count)
}
