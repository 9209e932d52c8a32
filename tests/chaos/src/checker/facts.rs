//! A history, indexed for the checker's queries.

use std::collections::HashMap;

use crate::history::{Commit, Fault, Line, LinkState, Run, Write};

/// The version of the schema that this checker understands.
pub const SCHEMA: u32 = 4;

/// The recovery barrier in leases, after which a process without a connection is isolated.
const BARRIER_LEASES: u64 = 10;

/// Why a process could not deliver a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It alone could not reach Redis, or no fault explains it.
    Isolated,
    /// No process could reach Redis.
    Outage,
}

/// The effect of a fault on one process.
#[derive(Debug, Clone, Copy)]
struct Effect {
    start: u64,
    /// When the fault itself ended.
    healed: u64,
    /// When the process had reconnected.
    end: u64,
    of_all: bool,
}

impl Effect {
    fn overlaps(self, from: u64, to: u64) -> bool {
        self.start <= to && self.end >= from
    }
}

/// The first of a process's times at or after `time`.
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
    /// Sorted by their start.
    pub(super) faults: Vec<&'a Fault>,
    /// When the journal of a process was empty, in order.
    delivered: HashMap<&'a str, Vec<u64>>,
    /// When a process had an empty journal and used both tiers, in order.
    recovered: HashMap<&'a str, Vec<u64>>,
    deaths: HashMap<&'a str, u64>,
    /// The time of the last `link` line.
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
            delivered: HashMap::new(),
            recovered: HashMap::new(),
            deaths: HashMap::new(),
            end: 0,
        };
        for line in lines {
            facts.sort(line);
        }
        facts.faults.sort_by_key(|fault| fault.start);
        facts.delivered.values_mut().chain(facts.recovered.values_mut()).for_each(|times| times.sort_unstable());
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

    /// When everything that the process had written by `time` was certainly delivered.
    pub(super) fn delivered_after(&self, process: &str, time: u64) -> Option<u64> {
        first_at(&self.delivered, process, time)
    }

    /// Why a process could not deliver a write.
    ///
    /// `from` is the start of the write, `acknowledged` its acknowledgement, and `delivered` its late delivery.
    pub(super) fn reach(&self, process: &str, from: u64, acknowledged: u64, delivered: Option<u64>) -> Reach {
        let died = delivered.is_none() && self.death(process).is_some();
        let until = delivered.unwrap_or(u64::MAX);
        let effects = || self.faults.iter().filter_map(|fault| self.effect(fault, process));
        let alone = effects().any(|effect| !effect.of_all && effect.overlaps(from, until));
        let late = delivered.unwrap_or(self.end);
        let in_time = |effect: &Effect| late <= effect.healed + self.run.lease_ns * BARRIER_LEASES;
        let with_all = effects().any(|effect| effect.of_all && effect.overlaps(from, acknowledged) && in_time(&effect));
        if with_all && !alone && !died { Reach::Outage } else { Reach::Isolated }
    }

    /// The time for which a fault may keep a process from Redis, including the reconnect.
    fn effect(&self, fault: &Fault, process: &str) -> Option<Effect> {
        let concerns = fault.kind.blocks_redis() && fault.targets.iter().any(|target| target == process);
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
        self.delivered.entry(&state.process).or_default().push(state.at);
        if state.connected && state.shared && state.local {
            self.recovered.entry(&state.process).or_default().push(state.at);
        }
    }

    /// Whether Redis may have lost a lock between the two times.
    pub(super) fn lock_was_lost(&self, from: u64, to: u64) -> bool {
        let mut losses = self.faults.iter().filter(|fault| fault.kind.loses_locks());
        losses.any(|fault| fault.start <= to && fault.end >= from)
    }
}
