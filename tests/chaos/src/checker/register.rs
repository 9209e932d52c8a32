//! The versions of each row, and when each is due.

use std::collections::HashMap;

use super::facts::Facts;
use super::floor::Floor;
use super::promise::{Due, due};
use super::{Promise, Violation};
use crate::history::{Line, Mode, Outcome, Read};

/// A version of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) present: bool,
    pub(super) write: u64,
    pub(super) begun: u64,
    pub(super) due: Due,
}

/// A row, which is absent before its first version.
#[derive(Debug, Default)]
pub(super) struct Register<'a> {
    /// By number.
    pub(super) versions: Vec<Version>,
    pub(super) store: Floor,
    pub(super) shared: Floor,
    pub(super) local: Floor,
    pub(super) degraded: Floor,
    own: HashMap<&'a str, Floor>,
}

impl<'a> Register<'a> {
    fn new(versions: Vec<(Version, &'a str)>) -> Self {
        let floor = |due: fn(&Due) -> Option<u64>| {
            Floor::new(versions.iter().filter_map(|(version, _)| Some((due(&version.due)?, version.number))))
        };
        let mut own: HashMap<&str, Vec<(u64, u64)>> = HashMap::new();
        for (version, process) in &versions {
            if let Some(after) = version.due.own {
                own.entry(process).or_default().push((after, version.number));
            }
        }
        let mut register = Self {
            store: floor(|due| due.store),
            shared: floor(|due| due.shared),
            local: floor(|due| due.local),
            degraded: floor(|due| due.degraded),
            own: own.into_iter().map(|(process, dues)| (process, Floor::new(dues))).collect(),
            versions: versions.into_iter().map(|(version, _)| version).collect(),
        };
        register.versions.sort_by_key(|version| version.number);
        register
    }

    /// The newest version of the process's own that is due to it.
    pub(super) fn own(&self, process: &str, start: u64) -> u64 {
        self.own.get(process).map_or(0, |floor| floor.at(start))
    }

    pub(super) fn version(&self, number: u64) -> Option<&Version> {
        let at = self.versions.binary_search_by_key(&number, |version| version.number).ok()?;
        Some(&self.versions[at])
    }

    /// The newest version that a read may have seen.
    ///
    /// For an absent row, any of its absences is possible.
    pub(super) fn shown(&self, read: &Read) -> Option<u64> {
        let begun = |version: &&Version| version.begun < read.end;
        let Some(number) = read.version else {
            let mut absences = self.versions.iter().rev().filter(|version| !version.present);
            return Some(absences.find(begun).map_or(0, |version| version.number));
        };
        self.version(number).filter(begun).filter(|version| version.present).map(|version| version.number)
    }

    /// The versions after `number` due to a store read that begins at `start`.
    pub(super) fn missed(&self, number: u64, start: u64) -> impl Iterator<Item = &Version> {
        let newest = self.store.at(start);
        let from = self.versions.partition_point(|version| version.number <= number);
        let newer = self.versions[from..].iter().take_while(move |version| version.number <= newest);
        newer.filter(move |version| version.due.store.is_some_and(|after| after < start))
    }
}

/// All rows by key.
#[derive(Debug)]
pub(super) struct Registers<'a>(HashMap<&'a str, Register<'a>>);

impl<'a> Registers<'a> {
    pub(super) fn new(facts: &Facts<'a>) -> Self {
        let mut rows: HashMap<&str, Vec<(Version, &str)>> = HashMap::new();
        for commit in &facts.commits {
            let version = Version {
                number: commit.version,
                present: commit.present,
                write: commit.id,
                begun: commit.begun,
                due: due(facts, commit, mode_of(&commit.key)),
            };
            rows.entry(&commit.key).or_default().push((version, &commit.process));
        }
        Self(rows.into_iter().map(|(key, versions)| (key, Register::new(versions))).collect())
    }

    pub(super) fn get(&self, key: &str) -> Option<&Register<'a>> {
        self.0.get(key)
    }

    pub(super) fn versions(&self) -> impl Iterator<Item = &Version> {
        self.0.values().flat_map(|register| &register.versions)
    }

    /// Checks that acknowledged writes are there with the returned version, and refused ones are not.
    pub(super) fn check_writes(&self, facts: &Facts<'_>, violations: &mut Vec<Violation>) {
        let acknowledged = facts.writes.values().filter(|write| write.outcome == Outcome::Ok);
        for write in acknowledged.filter(|write| !write.operation.is_wide()) {
            let version = write.version.and_then(|number| self.get(&write.key)?.version(number));
            if version.is_none_or(|version| version.write != write.id) {
                let seen = Line::Write((*write).clone());
                violations.push(Violation { promise: Promise::Durable, seen, required: None });
            }
        }
        for commit in &facts.commits {
            let write = facts.writes.get(&commit.id);
            if let Some(write) = write.filter(|write| write.outcome == Outcome::Refused) {
                let seen = Line::Write((*write).clone());
                violations.push(Violation { promise: Promise::Durable, seen, required: None });
            }
        }
    }
}

/// The mode of a key's readers, with which the key begins.
fn mode_of(key: &str) -> Mode {
    match key.split_once(':') {
        Some(("strict", _)) => Mode::Strict,
        Some(("fast", _)) => Mode::Fast,
        _ => Mode::Safe,
    }
}
