//! The figures of one outage.

use std::collections::BTreeMap;

use crate::checker::{Aged, Verdict, Violation, ages};
use crate::history::{Fault, Line, LinkState, Outcome, Read, Tier};

/// The number of hits before an outage from which hits are expected after it.
const USUAL: u64 = 20;

/// The figures of one or several outages of a kind. Times are in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// The number of outages.
    pub runs: u64,
    /// The number of reads that returned.
    pub reads: u64,
    /// Reads from the shared tier that missed a write acknowledged before them.
    pub old_shared: u64,
    /// Local hits that missed a write acknowledged more than the lease before them.
    pub old_local: u64,
    /// The maximum time since the acknowledgement of the missed write in these reads.
    pub oldest: u64,
    /// Old reads from the local tier within the lease.
    pub young_local: u64,
    /// Old degraded hits.
    pub degraded: u64,
    /// Violations of other guarantees.
    pub others: u64,
    /// Calls that ended with an error because of Redis.
    pub failed: u64,
    /// The added duration of reads during the outage, compared with the calm before it.
    pub added_to_reads: Vec<u64>,
    /// The same for writes.
    pub added_to_writes: Vec<u64>,
    /// The time from each outage's end to the last reconnect; `None` if one is missing.
    pub returned: Vec<Option<u64>>,
    /// The time from the outage's end to each process's first shared hit.
    ///
    /// Processes without usual shared hits are omitted: a sole reader finds nothing there that its local tier lacks.
    pub shared_back: Vec<Option<u64>>,
    /// As `shared_back`, from the reconnect of the last process or the end of the outage.
    pub shared_after_return: Vec<Option<u64>>,
    /// As `shared_back`, for the local tier.
    pub local_back: Vec<Option<u64>>,
    /// The number of lines that each process logged since the beginning of the outage.
    pub logged: Vec<u64>,
}

impl Figures {
    /// The figures of a history with one outage.
    ///
    /// # Errors
    ///
    /// Returns an error if the history has no fault or no settings of the run.
    pub fn of(history: &[Line], verdict: &Verdict) -> Result<Self, String> {
        let fault = history.iter().find_map(|line| if let Line::Fault(fault) = line { Some(fault) } else { None });
        let fault = fault.ok_or("the history has no outage")?;
        let lease = history.iter().find_map(|line| if let Line::Run(run) = line { Some(run.lease_ns) } else { None });
        let mut figures = Self { runs: 1, failed: verdict.failed, ..Self::default() };
        for aged in ages(history)? {
            figures.add(aged, lease.unwrap_or(0));
        }
        figures.others = verdict.violations.iter().filter(|violation| !is_counted(violation)).count() as u64;
        figures.added_to_reads = added(fault, || history.iter().filter_map(span_of_read));
        figures.added_to_writes = added(fault, || history.iter().filter_map(span_of_write));
        figures.recovery(history, fault);
        Ok(figures)
    }

    /// The number of reads that were older than allowed.
    pub fn old(&self) -> u64 {
        self.old_shared + self.old_local
    }

    /// Adds the figures of another outage.
    pub fn merge(&mut self, other: Self) {
        self.runs += other.runs;
        self.reads += other.reads;
        self.old_shared += other.old_shared;
        self.old_local += other.old_local;
        self.oldest = self.oldest.max(other.oldest);
        self.young_local += other.young_local;
        self.degraded += other.degraded;
        self.others += other.others;
        self.failed += other.failed;
        self.added_to_reads.extend(other.added_to_reads);
        self.added_to_writes.extend(other.added_to_writes);
        self.returned.extend(other.returned);
        self.shared_back.extend(other.shared_back);
        self.shared_after_return.extend(other.shared_after_return);
        self.local_back.extend(other.local_back);
        self.logged.extend(other.logged);
    }

    fn add(&mut self, Aged { read, age }: Aged<'_>, lease: u64) {
        self.reads += 1;
        let Some(age) = age else { return };
        let count = match read.tier {
            Some(Tier::Shared) => &mut self.old_shared,
            Some(Tier::Local) if age > lease => &mut self.old_local,
            Some(Tier::Local) => return self.young_local += 1,
            Some(Tier::Degraded) => return self.degraded += 1,
            // An old answer of the store violates a guarantee and is among the others.
            Some(Tier::Store) | None => return,
        };
        *count += 1;
        self.oldest = self.oldest.max(age);
    }

    fn recovery(&mut self, history: &[Line], fault: &Fault) {
        let mut processes: BTreeMap<&str, Process> =
            fault.targets.iter().map(|process| (process.as_str(), Process::default())).collect();
        for line in history {
            if let Some(process) = process_of(line).and_then(|name| processes.get_mut(name)) {
                process.add(line, fault);
            }
        }
        let since = |time: Option<u64>| time.map(|time| time - fault.end);
        let last = processes.values().map(|process| process.connected).try_fold(0, |last, time| Some(time?.max(last)));
        let returned = since(last);
        let hits = |tier: fn(&Process) -> Hits| {
            let hits = processes.values().map(tier).filter(|hits| hits.before >= USUAL);
            hits.map(|hits| since(hits.first)).collect::<Vec<_>>()
        };
        let shared = hits(|process| process.shared);
        self.shared_after_return.extend(shared.iter().map(|hit| Some(hit.as_ref()?.saturating_sub(returned?))));
        self.shared_back.extend(shared);
        self.local_back.extend(hits(|process| process.local));
        self.returned.push(returned);
        self.logged.extend(processes.values().map(|process| process.logged));
    }
}

/// The recovery of one process.
#[derive(Debug, Clone, Copy, Default)]
struct Process {
    connected: Option<u64>,
    shared: Hits,
    local: Hits,
    logged: u64,
}

/// The hits of a process in one tier.
#[derive(Debug, Clone, Copy, Default)]
struct Hits {
    /// The number of hits before the outage.
    before: u64,
    /// The end of the first hit that began after the outage.
    first: Option<u64>,
}

impl Process {
    fn add(&mut self, line: &Line, fault: &Fault) {
        match line {
            Line::Link(LinkState { at, connected: true, .. }) if *at >= fault.end => earliest(&mut self.connected, *at),
            Line::Read(read) if read.outcome == Outcome::Ok => self.read(read, fault),
            Line::Log(logged) if logged.at >= fault.start => self.logged += 1,
            _ => {}
        }
    }

    fn read(&mut self, read: &Read, fault: &Fault) {
        let hits = match read.tier {
            Some(Tier::Shared) => &mut self.shared,
            Some(Tier::Local) => &mut self.local,
            _ => return,
        };
        hits.before += u64::from(read.end < fault.start);
        if read.start >= fault.end {
            earliest(&mut hits.first, read.end);
        }
    }
}

fn earliest(first: &mut Option<u64>, time: u64) {
    *first = Some(first.map_or(time, |known| known.min(time)));
}

fn process_of(line: &Line) -> Option<&str> {
    match line {
        Line::Link(state) => Some(&state.process),
        Line::Read(read) => Some(&read.process),
        Line::Log(logged) => Some(&logged.process),
        _ => None,
    }
}

/// Whether a violation is already counted as an old read.
fn is_counted(violation: &Violation) -> bool {
    matches!(&violation.seen, Line::Read(Read { tier: Some(Tier::Shared | Tier::Local), .. }))
}

fn span_of_read(line: &Line) -> Option<(u64, u64)> {
    let Line::Read(read) = line else { return None };
    Some((read.start, read.end))
}

fn span_of_write(line: &Line) -> Option<(u64, u64)> {
    let Line::Write(write) = line else { return None };
    Some((write.start, write.end))
}

/// The duration of calls during the outage beyond the median of the calm before it.
fn added<I: Iterator<Item = (u64, u64)>>(fault: &Fault, calls: impl Fn() -> I) -> Vec<u64> {
    let took = |(start, end): (u64, u64)| end - start;
    let mut calm: Vec<u64> = calls().filter(|(_, end)| *end < fault.start).map(took).collect();
    calm.sort_unstable();
    let usual = calm.get(calm.len() / 2).copied().unwrap_or(0);
    let during = calls().filter(|(start, end)| *start <= fault.end && *end >= fault.start);
    during.map(|call| took(call).saturating_sub(usual)).collect()
}

#[cfg(test)]
mod tests {
    use crate::checker::{SCHEMA, check};
    use crate::history::{Commit, Deployment, FaultKind, Logged, Mode, Operation, Run, Write};

    use super::*;

    const ROW: &str = "safe:0:0";

    fn read(process: &str, start: u64, took: u64, version: u64, tier: Tier) -> Line {
        Line::Read(Read {
            process: process.into(),
            task: 0,
            start,
            end: start + took,
            key: ROW.into(),
            mode: Mode::Safe,
            version: Some(version),
            tier: Some(tier),
            joined: false,
            observed: None,
            outcome: Outcome::Ok,
            error: None,
        })
    }

    fn write(id: u64, start: u64, end: u64) -> [Line; 2] {
        let (process, key): (String, String) = ("a".into(), ROW.into());
        let commit = Commit {
            id,
            process: process.clone(),
            key: key.clone(),
            version: id,
            present: true,
            locked: true,
            begun: start,
        };
        let write = Write {
            process,
            task: 0,
            start,
            end,
            key,
            mode: Mode::Safe,
            operation: Operation::Put,
            id,
            version: Some(id),
            locked: Some(true),
            released: Some(true),
            outcome: Outcome::Ok,
            error: None,
        };
        [Line::Write(write), Line::Commit(commit)]
    }

    fn connected(process: &str, at: u64) -> Line {
        Line::Link(LinkState { process: process.into(), at, connected: true, shared: false, local: false, journal: 0 })
    }

    /// The lease is 100. Version 1 is acknowledged at 20, version 2 at 1100, within the outage from 1000 to 2000.
    fn history(lines: Vec<Line>) -> Vec<Line> {
        let run = Run {
            schema: SCHEMA,
            seed: 1,
            deployment: Deployment::Single,
            operations: 0,
            processes: 2,
            lease_ns: 100,
            lock_ns: 1000,
            degraded_ttl_ns: 500,
            write_timeout_ns: 10,
            without: None,
        };
        let targets = vec!["a".into(), "b".into()];
        let fault = Fault { kind: FaultKind::ClientPause, targets, start: 1000, end: 2000 };
        let writes = [write(1, 10, 20), write(2, 1010, 1100)].into_iter().flatten();
        [Line::Run(run), Line::Fault(fault)].into_iter().chain(writes).chain(lines).collect()
    }

    fn figures(lines: Vec<Line>) -> Figures {
        let history = history(lines);
        Figures::of(&history, &check(&history).unwrap()).unwrap()
    }

    #[test]
    fn stale_reads_are_counted_by_their_tier() {
        let figures = figures(vec![
            read("b", 1050, 1, 1, Tier::Shared),
            read("b", 1150, 1, 1, Tier::Shared),
            read("b", 1150, 1, 1, Tier::Local),
            read("b", 1300, 1, 1, Tier::Local),
            read("b", 1400, 1, 1, Tier::Degraded),
            read("b", 1500, 1, 2, Tier::Shared),
        ]);
        assert_eq!((figures.reads, figures.old_shared, figures.old_local, figures.oldest), (6, 1, 1, 200));
        assert_eq!((figures.young_local, figures.degraded, figures.others, figures.old()), (1, 1, 0, 2));
    }

    #[test]
    fn violations_of_other_promises_are_counted_separately() {
        let figures = figures(vec![read("b", 1150, 1, 1, Tier::Store), read("b", 1150, 1, 7, Tier::Store)]);
        assert_eq!((figures.old(), figures.others), (0, 2));
    }

    #[test]
    fn an_outage_adds_the_excess_over_the_calm_median() {
        let calm = [3, 5, 90].map(|took| read("b", 100, took, 1, Tier::Local));
        let during = [read("b", 990, 50, 1, Tier::Local), read("b", 1999, 4, 2, Tier::Store)];
        let after = read("b", 2001, 700, 2, Tier::Store);
        let figures = figures(calm.into_iter().chain(during).chain([after]).collect());
        assert_eq!(figures.added_to_reads, [45, 0]);
        assert_eq!(figures.added_to_writes, [80]);
    }

    #[test]
    fn recovery_counts_from_the_end_of_the_outage_for_each_process() {
        let logged = |at| Line::Log(Logged { process: "b".into(), at, level: "warn".into(), message: "gone".into() });
        let hits = |process, tier| (0..USUAL).map(move |hit| read(process, 100 + hit, 1, 1, tier));
        let usual = hits("a", Tier::Shared).chain(hits("b", Tier::Shared)).chain(hits("a", Tier::Local));
        let lines = vec![
            connected("a", 1500),
            connected("a", 2100),
            connected("b", 2300),
            connected("b", 2200),
            read("a", 1999, 1, 2, Tier::Shared),
            read("a", 2410, 20, 2, Tier::Shared),
            read("a", 2050, 10, 2, Tier::Local),
            logged(900),
            logged(1000),
            logged(2500),
        ];
        let figures = figures(usual.chain(lines).collect());
        assert_eq!(figures.returned, [Some(200)]);
        assert_eq!(figures.shared_back, [Some(430), None]);
        assert_eq!(figures.shared_after_return, [Some(230), None]);
        assert_eq!(figures.local_back, [Some(60)], "the other one usually has none");
        assert_eq!(figures.logged, [0, 2]);
        let never = self::figures(vec![connected("a", 2100)]);
        assert_eq!((never.returned, never.shared_back), (vec![None], vec![]), "none was usual");
    }
}
