//! A history, sorted by what is asked of it.

use std::collections::HashMap;

use crate::history::{Commit, Fault, Line, Run, Write};

/// The version of the schema that this checker understands.
pub const SCHEMA: u32 = 1;

/// The lines of a history by kind.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) run: &'a Run,
    pub(super) writes: HashMap<u64, &'a Write>,
    pub(super) commits: Vec<&'a Commit>,
    /// By their start.
    pub(super) faults: Vec<&'a Fault>,
    /// When a process had nothing left to tell Redis, in order.
    told: HashMap<&'a str, Vec<u64>>,
    deaths: HashMap<&'a str, u64>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(lines: &'a [Line]) -> Result<Self, String> {
        let run = lines.iter().find_map(|line| if let Line::Run(run) = line { Some(run) } else { None });
        let run = run.ok_or("the history has no line with the settings of its run")?;
        if run.schema != SCHEMA {
            return Err(format!("the history has schema {}, and this checker knows schema {SCHEMA}", run.schema));
        }
        let mut facts = Self {
            run,
            writes: HashMap::new(),
            commits: Vec::new(),
            faults: Vec::new(),
            told: HashMap::new(),
            deaths: HashMap::new(),
        };
        for line in lines {
            facts.sort(line);
        }
        facts.faults.sort_by_key(|fault| fault.start);
        facts.told.values_mut().for_each(|times| times.sort_unstable());
        Ok(facts)
    }

    fn sort(&mut self, line: &'a Line) {
        match line {
            Line::Write(write) => drop(self.writes.insert(write.id, write)),
            Line::Commit(commit) => self.commits.push(commit),
            Line::Link(state) if state.journal == 0 => self.told.entry(&state.process).or_default().push(state.at),
            Line::Fault(fault) => {
                if fault.kind.kills_workers() {
                    self.deaths.extend(fault.targets.iter().map(|process| (process.as_str(), fault.end)));
                }
                self.faults.push(fault);
            }
            Line::Run(_) | Line::Read(_) | Line::Link(_) => {}
        }
    }

    /// When a process was certainly dead.
    pub(super) fn death(&self, process: &str) -> Option<u64> {
        self.deaths.get(process).copied()
    }

    /// When Redis certainly had heard of everything that the process had written by `time`.
    pub(super) fn told_everything_after(&self, process: &str, time: u64) -> Option<u64> {
        let times = self.told.get(process)?;
        times.get(times.partition_point(|at| *at < time)).copied()
    }

    /// Whether Redis may have forgotten a lock that it had between the two times.
    pub(super) fn lock_was_lost(&self, from: u64, to: u64) -> bool {
        let mut losses = self.faults.iter().filter(|fault| fault.kind.loses_locks());
        losses.any(|fault| fault.start <= to && fault.end >= from)
    }
}
