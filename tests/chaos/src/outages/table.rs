//! The figures of all outages, as text.

use std::fmt;

use super::Figures;

/// The figures by outage.
#[derive(Debug)]
pub struct Table {
    processes: usize,
    rows: Vec<(String, Figures)>,
}

impl Table {
    /// An empty table.
    pub fn new(processes: usize) -> Self {
        Self { processes, rows: Vec::new() }
    }

    /// Adds the figures of one outage to those of its name.
    pub fn add(&mut self, outage: &str, figures: Figures) {
        match self.rows.iter_mut().find(|(name, _)| name == outage) {
            Some((_, row)) => row.merge(figures),
            None => self.rows.push((outage.to_owned(), figures)),
        }
    }

    /// The number of violations: old reads, and violations of other guarantees.
    pub fn broken(&self) -> u64 {
        self.rows.iter().map(|(_, row)| row.old() + row.others).sum()
    }

    /// The number of calls that ended with an error because of Redis.
    pub fn failed(&self) -> u64 {
        self.rows.iter().map(|(_, row)| row.failed).sum()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} processes. Times are ms.\n", self.processes)?;
        writeln!(f, "Old reads: reads that missed a write that was acknowledged before they began.")?;
        writeln!(f, "  shared: from the shared tier")?;
        writeln!(f, "  local: from the local tier, older than the lease")?;
        writeln!(f, "  oldest: the maximum time since the acknowledgement of that write, in these two")?;
        writeln!(
            f,
            "  in lease, degraded: allowed; from the local tier within the lease, or while Redis was unreachable"
        )?;
        writeln!(f, "  others, errors: violations of other guarantees; calls that failed because of Redis\n")?;
        writeln!(
            f,
            "{:<17} {:>5} {:>8} {:>7} {:>7} {:>8} {:>8} {:>8} {:>7} {:>7}",
            "outage", "runs", "reads", "shared", "local", "oldest", "in lease", "degraded", "others", "errors"
        )?;
        for (name, row) in &self.rows {
            write_old(f, name, row)?;
        }
        writeln!(f, "\nAdded: the duration of calls during the outage beyond the median of the calm before it.")?;
        writeln!(
            f,
            "Back: from the end of the outage until the last process had reconnected, and until each process had its first"
        )?;
        writeln!(f, "  hit, if it usually has some; \"never\" if one had none until the run ended.")?;
        writeln!(f, "After return: from the reconnect of the last process, or the end of the outage, to that hit.")?;
        writeln!(f, "Log: lines of level warn and above for each process.\n")?;
        writeln!(
            f,
            "{:<17} {:^26} {:^26} {:^17} {:^17} {:^17} {:^17} {:^9}",
            "",
            "added to reads",
            "added to writes",
            "connected back",
            "shared hits back",
            "after return",
            "local hits back",
            "log lines"
        )?;
        let quantiles = format!("{:>8} {:>8} {:>8}", "p50", "p99", "max");
        let spread = format!("{:>8} {:>8}", "median", "max");
        writeln!(
            f,
            "{:<17} {quantiles} {quantiles} {spread} {spread} {spread} {spread} {:>4} {:>4}",
            "outage", "mean", "max"
        )?;
        for (name, row) in &self.rows {
            write_cost(f, name, row)?;
        }
        Ok(())
    }
}

fn write_old(f: &mut fmt::Formatter<'_>, name: &str, row: &Figures) -> fmt::Result {
    let Figures { runs, reads, old_shared, old_local, young_local, degraded, others, failed, .. } = row;
    let oldest = if row.old() == 0 { "-".to_owned() } else { millis(row.oldest) };
    writeln!(
        f,
        "{name:<17} {runs:>5} {reads:>8} {old_shared:>7} {old_local:>7} {oldest:>8} {young_local:>8} {degraded:>8} \
         {others:>7} {failed:>7}"
    )
}

fn write_cost(f: &mut fmt::Formatter<'_>, name: &str, row: &Figures) -> fmt::Result {
    write!(f, "{name:<17}")?;
    for added in [&row.added_to_reads, &row.added_to_writes] {
        let sorted = sorted(added.iter().map(|nanos| Some(*nanos)));
        for per_cent in [50, 99, 100] {
            write!(f, " {:>8}", at(&sorted, per_cent))?;
        }
    }
    for back in [&row.returned, &row.shared_back, &row.shared_after_return, &row.local_back] {
        let sorted = sorted(back.iter().copied());
        write!(f, " {:>8} {:>8}", at(&sorted, 50), at(&sorted, 100))?;
    }
    let mean = row.logged.iter().sum::<u64>() / (row.logged.len() as u64).max(1);
    let most = row.logged.iter().max().copied().unwrap_or(0);
    writeln!(f, " {mean:>4} {most:>4}")
}

/// Sorts times, with `None` last.
fn sorted(times: impl Iterator<Item = Option<u64>>) -> Vec<u64> {
    let mut times: Vec<u64> = times.map(|time| time.unwrap_or(u64::MAX)).collect();
    times.sort_unstable();
    times
}

fn at(sorted: &[u64], per_cent: usize) -> String {
    let place = sorted.len().saturating_sub(1) * per_cent / 100;
    sorted.get(place).map_or("-".to_owned(), |nanos| millis(*nanos))
}

fn millis(nanos: u64) -> String {
    if nanos == u64::MAX {
        return "never".to_owned();
    }
    let tenths = nanos / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_one_outage_are_one_row() {
        let one = |age| Figures {
            runs: 1,
            old_shared: 1,
            oldest: age,
            added_to_reads: vec![1_500_000],
            shared_back: vec![Some(2_000_000), None],
            logged: vec![3, 5],
            ..Figures::default()
        };
        let mut table = Table::new(2);
        table.add("stop", one(7_000_000));
        table.add("kill", Figures::default());
        table.add("stop", one(9_100_000));
        let text = table.to_string();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        let rows_of = |name| rows.iter().filter(move |row| row.first() == Some(&name)).collect::<Vec<_>>();
        let [old, cost] = rows_of("stop")[..] else { panic!("{text}") };
        assert_eq!(old[1..6], ["2", "0", "2", "0", "9.1"]);
        assert_eq!(cost[1..4], ["1.5", "1.5", "1.5"]);
        assert_eq!(cost[4..7], ["-", "-", "-"]);
        assert_eq!(cost[9..11], ["2.0", "never"]);
        assert_eq!(cost[15..], ["4", "5"]);
        assert_eq!(rows_of("kill")[0][5], "-");
        assert_eq!((table.broken(), table.failed()), (2, 0));
    }
}
