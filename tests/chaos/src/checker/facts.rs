//! A history, sorted by what is asked of it.

use std::collections::HashMap;

use crate::history::{Commit, Fault, Line, LinkState, Run, Write};

/// The version of the schema that this checker understands.
pub const SCHEMA: u32 = 2;

/// For so many leases whoever comes back waits for one that has not. Then that one is isolated.
const BARRIER_LEASES: u64 = 10;

/// How a process that could not tell Redis of a write was kept from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Alone, while others may have reached Redis; or without a fault that explains it.
    Isolated,
    /// Together with all others.
    Outage,
}

/// A fault as one process has it.
#[derive(Debug, Clone, Copy)]
struct Effect {
    start: u64,
    /// When the fault itself was over.
    healed: u64,
    /// When the process had come back.
    end: u64,
    of_all: bool,
}

impl Effect {
    fn overlaps(self, from: u64, to: u64) -> bool {
        self.start <= to && self.end >= from
    }
}

/// The first of a process's times that is not before `time`.
fn first_at(times: &HashMap<&str, Vec<u64>>, process: &str, time: u64) -> Option<u64> {
    let times = times.get(process)?;
    times.get(times.partition_point(|at| *at < time)).copied()
}

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
    /// When everything about the connection of a process was as it should be, in order.
    recovered: HashMap<&'a str, Vec<u64>>,
    deaths: HashMap<&'a str, u64>,
    /// The last time at which anything is known of a connection.
    end: u64,
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
            recovered: HashMap::new(),
            deaths: HashMap::new(),
            end: 0,
        };
        for line in lines {
            facts.sort(line);
        }
        facts.faults.sort_by_key(|fault| fault.start);
        facts.told.values_mut().chain(facts.recovered.values_mut()).for_each(|times| times.sort_unstable());
        Ok(facts)
    }

    fn sort(&mut self, line: &'a Line) {
        match line {
            Line::Write(write) => drop(self.writes.insert(write.id, write)),
            Line::Commit(commit) => self.commits.push(commit),
            Line::Link(state) => self.link(state),
            Line::Fault(fault) => {
                if fault.kind.kills_workers() {
                    self.deaths.extend(fault.targets.iter().map(|process| (process.as_str(), fault.end)));
                }
                self.faults.push(fault);
            }
            Line::Run(_) | Line::Read(_) | Line::Log(_) => {}
        }
    }

    /// When a process was certainly dead.
    pub(super) fn death(&self, process: &str) -> Option<u64> {
        self.deaths.get(process).copied()
    }

    /// When Redis certainly had heard of everything that the process had written by `time`.
    pub(super) fn told_everything_after(&self, process: &str, time: u64) -> Option<u64> {
        first_at(&self.told, process, time)
    }

    /// How a process that could not tell Redis of a write was kept from it.
    ///
    /// `from` is when it began to write, `acknowledged` when the caller had its acknowledgement, and `told` when Redis had heard
    /// of the write at last.
    pub(super) fn reach(&self, process: &str, from: u64, acknowledged: u64, told: Option<u64>) -> Reach {
        let died = told.is_none() && self.death(process).is_some();
        let until = told.unwrap_or(u64::MAX);
        let effects = || self.faults.iter().filter_map(|fault| self.effect(fault, process));
        let alone = effects().any(|effect| !effect.of_all && effect.overlaps(from, until));
        let late = told.unwrap_or(self.end);
        let in_time = |effect: &Effect| late <= effect.healed + self.run.lease_ns * BARRIER_LEASES;
        let with_all = effects().any(|effect| effect.of_all && effect.overlaps(from, acknowledged) && in_time(&effect));
        if with_all && !alone && !died { Reach::Outage } else { Reach::Isolated }
    }

    /// For how long a fault may keep a process from Redis: a connection comes back some time after the fault has ended.
    fn effect(&self, fault: &Fault, process: &str) -> Option<Effect> {
        let concerns = fault.kind.keeps_from_redis() && fault.targets.iter().any(|target| target == process);
        concerns.then(|| Effect {
            start: fault.start,
            healed: fault.end,
            end: first_at(&self.recovered, process, fault.end).unwrap_or(u64::MAX),
            of_all: fault.targets.len() as u64 >= u64::from(self.run.processes),
        })
    }

    fn link(&mut self, state: &'a LinkState) {
        self.end = self.end.max(state.at);
        if state.journal > 0 {
            return;
        }
        self.told.entry(&state.process).or_default().push(state.at);
        if state.connected && state.shared && state.local {
            self.recovered.entry(&state.process).or_default().push(state.at);
        }
    }

    /// Whether Redis may have forgotten a lock that it had between the two times.
    pub(super) fn lock_was_lost(&self, from: u64, to: u64) -> bool {
        let mut losses = self.faults.iter().filter(|fault| fault.kind.loses_locks());
        losses.any(|fault| fault.start <= to && fault.end >= from)
    }
}
