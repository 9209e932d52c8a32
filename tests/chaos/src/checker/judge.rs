//! Compares one read with the promises.

use super::facts::{Facts, Reach};
use super::register::{Register, Registers, Version};
use super::staleness::{Stale, Why};
use super::{Promise, Violation};
use crate::history::{Line, Mode, Read, Tier};

/// The promise that a read broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    promise: Promise,
    required: Option<(u64, u64)>,
}

impl Broken {
    pub(super) fn at(self, line: &Line) -> Violation {
        Violation { promise: self.promise, seen: line.clone(), required: self.required }
    }
}

/// The findings on a read.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) broken: Option<Broken>,
    pub(super) stale: Option<Stale>,
}

pub(super) fn judge(facts: &Facts<'_>, registers: &Registers<'_>, read: &Read) -> Judged {
    let unwritten = Register::default();
    let register = registers.get(&read.key).unwrap_or(&unwritten);
    let Some(shown) = register.shown(read) else {
        return Judged { broken: Some(Broken { promise: Promise::Real, required: None }), stale: None };
    };
    let broken = broken(facts, register, read, shown);
    Judged { broken, stale: stale(facts, register, read, (shown, broken.is_some())) }
}

fn broken(facts: &Facts<'_>, register: &Register<'_>, read: &Read, shown: u64) -> Option<Broken> {
    let own = (Promise::T4, register.own(&read.process, read.start));
    let due = [own, (Promise::Session, observed(register, read)), promised(facts, register, read)];
    let (promise, number) = due.into_iter().find(|(_, number)| shown < *number)?;
    let write = register.version(number).map_or(0, |version| version.write);
    Some(Broken { promise, required: Some((number, write)) })
}

/// The version due to a read whose caller observed the session token of a write.
fn observed(register: &Register<'_>, read: &Read) -> u64 {
    let Some(write) = read.observed else { return 0 };
    let version = register.versions.iter().find(|version| version.write == write);
    let delivered = version.filter(|version| version.due.observed.is_some_and(|after| after < read.start));
    delivered.map_or(0, |version| version.number)
}

/// The version due to a read from the tier that answered it.
fn promised(facts: &Facts<'_>, register: &Register<'_>, read: &Read) -> (Promise, u64) {
    let start = read.start;
    match read.tier {
        Some(Tier::Store) => (Promise::T1, register.store.at(start)),
        Some(Tier::Shared) => (Promise::T1, register.shared.at(start)),
        Some(Tier::Local) if read.mode == Mode::Strict => (Promise::T3, register.local.at(start)),
        Some(Tier::Local) => (Promise::T2, register.local.at(start)),
        // The tier is unknown, so the read owes only what both owe.
        None => (Promise::T2, register.local.at(start).min(register.degraded.at(start))),
        Some(Tier::Degraded) => (Promise::Degraded, degraded(facts, register, read)),
    }
}

/// In mode `strict` there are no degraded reads.
fn degraded(facts: &Facts<'_>, register: &Register<'_>, read: &Read) -> u64 {
    if read.mode == Mode::Strict || facts.run.degraded_ttl_ns == 0 {
        register.store.at(read.start)
    } else {
        register.degraded.at(read.start)
    }
}

/// How long the newest missed version had been acknowledged, and the permissible cause.
fn stale(facts: &Facts<'_>, register: &Register<'_>, read: &Read, found: (u64, bool)) -> Option<Stale> {
    let (shown, is_broken) = found;
    let missed: Vec<&Version> = register.missed(shown, read.start).collect();
    let since = missed.iter().filter_map(|version| version.due.store).min()?;
    let has = |reach| missed.iter().any(|version| version.due.undelivered == Some(reach));
    let nanos = read.start - since;
    let why = match read.tier {
        Some(Tier::Degraded) => Why::Degraded,
        _ if is_broken && has(Reach::Outage) => Why::Outage,
        _ if has(Reach::Isolated) => Why::Isolated,
        // Several tiers answered a read of many keys.
        None if nanos > facts.run.lease_ns => Why::Degraded,
        _ => Why::Lease,
    };
    Some(Stale { nanos, why })
}
