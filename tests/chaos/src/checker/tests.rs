//! Hand-written histories. A unit of time is a nanosecond: the lease is 100, a lock lives 1000.

use super::*;
use crate::history::{Commit, Deployment, Fault, FaultKind, LinkState, Mode, Read, Run, Tier, Write};

const ROW: &str = "safe:0:0";

fn run() -> Line {
    Line::Run(Run {
        schema: SCHEMA,
        seed: 1,
        deployment: Deployment::Single,
        operations: 10,
        processes: 2,
        lease_ns: 100,
        lock_ns: 1000,
        degraded_ttl_ns: 500,
        write_timeout_ns: 10,
        without: None,
    })
}

fn read(process: &str, start: u64, version: impl Into<Option<u64>>, tier: Tier) -> Read {
    Read {
        process: process.into(),
        task: 0,
        start,
        end: start + 1,
        key: ROW.into(),
        mode: Mode::Safe,
        version: version.into(),
        tier: Some(tier),
        joined: false,
        observed: None,
        outcome: Outcome::Ok,
        error: None,
    }
}

/// A locked and released write from `start` to `end`; its version equals its number.
fn write(process: &str, id: u64, start: u64, end: u64) -> Write {
    Write {
        process: process.into(),
        task: 0,
        start,
        end,
        key: ROW.into(),
        mode: Mode::Safe,
        operation: Operation::Put,
        id,
        version: Some(id),
        locked: Some(true),
        released: Some(true),
        outcome: Outcome::Ok,
        error: None,
    }
}

fn commit(process: &str, id: u64, begun: u64) -> Commit {
    Commit { id, process: process.into(), key: ROW.into(), version: id, present: true, locked: true, begun }
}

fn fault(kind: FaultKind, process: &str, start: u64, end: u64) -> Line {
    Line::Fault(Fault { kind, targets: vec![process.into()], start, end })
}

fn fault_of_all(kind: FaultKind, start: u64, end: u64) -> Line {
    Line::Fault(Fault { kind, targets: vec!["a".into(), "b".into()], start, end })
}

fn delivered(process: &str, at: u64, journal: u64) -> Line {
    link(process, at, true, journal)
}

/// A `link` line; with `up`, the process is connected and uses both tiers.
fn link(process: &str, at: u64, up: bool, journal: u64) -> Line {
    Line::Link(LinkState { process: process.into(), at, connected: up, shared: up, local: up, journal })
}

/// Version 1 is old. `a` writes version 2: begun at 1010, acknowledged at 1050.
fn two_writes() -> Vec<Line> {
    vec![
        run(),
        Line::Write(write("a", 1, 10, 50)),
        Line::Commit(commit("a", 1, 20)),
        Line::Write(write("a", 2, 1000, 1050)),
        Line::Commit(commit("a", 2, 1010)),
    ]
}

/// [`two_writes`] with the second one changed.
fn changed(write: impl FnOnce(&mut Write), commit: impl FnOnce(&mut Commit)) -> Vec<Line> {
    let mut lines = two_writes();
    let [.., Line::Write(second), Line::Commit(committed)] = lines.as_mut_slice() else { unreachable!() };
    write(second);
    commit(committed);
    lines
}

fn broken(mut lines: Vec<Line>, read: Read) -> Vec<Promise> {
    lines.push(Line::Read(read));
    check(&lines).unwrap().violations.iter().map(|violation| violation.promise).collect()
}

#[test]
fn t1_a_shared_hit_or_a_load_is_no_older_than_the_acknowledged_write() {
    for tier in [Tier::Shared, Tier::Store] {
        assert_eq!(broken(two_writes(), read("b", 1051, 1, tier)), [Promise::T1]);
        assert_eq!(broken(two_writes(), read("b", 1051, 2, tier)), []);
        assert_eq!(broken(two_writes(), read("b", 1050, 1, tier)), [], "it began before the acknowledgement");
    }
}

#[test]
fn t2_a_local_hit_may_be_one_lease_old_counted_from_the_write_lock() {
    assert_eq!(broken(two_writes(), read("b", 1110, 1, Tier::Local)), []);
    assert_eq!(broken(two_writes(), read("b", 1111, 1, Tier::Local)), [Promise::T2]);
    assert_eq!(broken(two_writes(), read("b", 1111, 2, Tier::Local)), []);
    let slow = changed(|write| write.end = 1500, |_| {});
    assert_eq!(broken(slow.clone(), read("b", 1490, 1, Tier::Local)), [], "not acknowledged yet");
    assert_eq!(broken(slow, read("b", 1501, 1, Tier::Local)), [Promise::T2]);
}

#[test]
fn t2_counts_from_the_acknowledgement_if_the_lock_did_not_last() {
    let flushed = [two_writes(), vec![fault(FaultKind::Flush, "b", 1020, 1021)]].concat();
    assert_eq!(broken(flushed.clone(), read("b", 1150, 1, Tier::Local)), []);
    assert_eq!(broken(flushed.clone(), read("b", 1151, 1, Tier::Local)), [Promise::T2]);
    assert_eq!(broken(flushed, read("b", 1051, 1, Tier::Shared)), [Promise::T1], "it was released");
    let outlived = changed(|write| write.end = 2001, |_| {});
    assert_eq!(broken(outlived.clone(), read("b", 2101, 1, Tier::Local)), []);
    assert_eq!(broken(outlived, read("b", 2102, 1, Tier::Local)), [Promise::T2]);
}

#[test]
fn t3_in_strict_mode_a_local_hit_is_no_older_than_a_shared_hit() {
    let mut lines = changed(|_| {}, |_| {});
    for line in &mut lines {
        match line {
            Line::Write(write) => (write.key, write.mode) = ("strict:0:0".into(), Mode::Strict),
            Line::Commit(commit) => commit.key = "strict:0:0".into(),
            _ => {}
        }
    }
    let strict =
        |start, version, tier| Read { key: "strict:0:0".into(), mode: Mode::Strict, ..read("b", start, version, tier) };
    assert_eq!(broken(lines.clone(), strict(1051, 1, Tier::Local)), [Promise::T3]);
    assert_eq!(broken(lines.clone(), strict(1051, 2, Tier::Local)), []);
    assert_eq!(broken(lines.clone(), strict(1051, 1, Tier::Degraded)), [Promise::Degraded]);
    lines.push(fault(FaultKind::Failover, "b", 900, 1000));
    assert_eq!(broken(lines.clone(), strict(1051, 1, Tier::Local)), [Promise::T3], "the release waits as well");
    let [.., Line::Write(write), _, _] = lines.as_mut_slice() else { unreachable!() };
    write.released = Some(false);
    assert_eq!(broken(lines, strict(1051, 1, Tier::Local)), [], "Redis has not received it");
}

#[test]
fn t4_a_process_reads_its_own_writes_from_every_tier_and_in_every_outage() {
    for tier in [Tier::Local, Tier::Degraded, Tier::Shared, Tier::Store] {
        let undelivered = changed(|write| write.released = Some(false), |commit| commit.locked = false);
        assert_eq!(broken(undelivered.clone(), read("a", 1051, 1, tier)), [Promise::T4]);
        assert_eq!(broken(undelivered, read("a", 1051, 2, tier)), []);
    }
}

#[test]
fn an_observer_of_a_session_token_reads_its_write() {
    let observed = |version, tier| Read { observed: Some(2), ..read("b", 1060, version, tier) };
    for tier in [Tier::Local, Tier::Degraded] {
        assert_eq!(broken(two_writes(), observed(1, tier)), [Promise::Session]);
        assert_eq!(broken(two_writes(), observed(2, tier)), []);
        assert_eq!(broken(two_writes(), read("b", 1060, 1, tier)), [], "nothing was observed");
    }
    let undelivered = changed(|write| write.released = Some(false), |commit| commit.locked = false);
    assert_eq!(broken(undelivered, observed(1, Tier::Local)), [], "Redis has not received it");
}

#[test]
fn an_undelivered_write_is_due_for_others_after_its_delivery() {
    let undelivered =
        changed(|write| (write.locked, write.released) = (Some(false), Some(false)), |commit| commit.locked = false);
    assert_eq!(check(&undelivered).unwrap().coverage.isolated, 1);
    assert_eq!(broken(undelivered.clone(), read("b", 9000, 1, Tier::Shared)), []);
    assert_eq!(broken(undelivered.clone(), read("b", 1051, 1, Tier::Store)), [Promise::T1], "the store knows");
    let delivered = [
        undelivered,
        vec![delivered("a", 1040, 0), delivered("a", 1060, 1), delivered("b", 1070, 0), delivered("a", 3000, 0)],
    ]
    .concat();
    assert_eq!(broken(delivered.clone(), read("b", 3000, 1, Tier::Shared)), []);
    assert_eq!(broken(delivered.clone(), read("b", 3001, 1, Tier::Shared)), [Promise::T1]);
    assert_eq!(broken(delivered.clone(), read("b", 3100, 1, Tier::Local)), []);
    assert_eq!(broken(delivered, read("b", 3101, 1, Tier::Local)), [Promise::T2]);
}

/// [`two_writes`], with the second one not delivered before its acknowledgement at 1050.
fn undelivered() -> Vec<Line> {
    changed(|write| (write.locked, write.released) = (Some(false), Some(false)), |commit| commit.locked = false)
}

#[test]
fn in_a_common_outage_a_write_is_due_from_its_acknowledgement() {
    for kind in FaultKind::ALL.into_iter().filter(|kind| kind.is_of_the_server() && kind.blocks_redis()) {
        let outage = [undelivered(), vec![fault_of_all(kind, 900, 2000), delivered("a", 3000, 0)]].concat();
        assert_eq!(broken(outage.clone(), read("b", 1051, 1, Tier::Shared)), [Promise::T1], "{kind}");
        assert_eq!(broken(outage.clone(), read("b", 1051, 2, Tier::Shared)), []);
        assert_eq!(broken(outage.clone(), read("b", 1150, 1, Tier::Local)), [], "a lease later");
        assert_eq!(broken(outage.clone(), read("b", 1151, 1, Tier::Local)), [Promise::T2]);
        assert_eq!(broken(outage.clone(), read("b", 1151, 1, Tier::Degraded)), []);
        let coverage = check(&outage).unwrap().coverage;
        assert_eq!((coverage.outage, coverage.isolated), (1, 0));
    }
}

#[test]
fn a_common_outage_lasts_for_a_writer_until_its_recovery() {
    let after =
        |links: Vec<Line>| [undelivered(), vec![fault_of_all(FaultKind::ClientPause, 700, 800)], links].concat();
    let late = read("b", 1051, 1, Tier::Shared);
    let not_connected = link("a", 900, false, 0);
    let pending = link("a", 950, true, 3);
    let recovered = delivered("a", 1020, 0);
    assert_eq!(broken(after(vec![not_connected, pending, recovered]), late.clone()), [Promise::T1]);
    assert_eq!(
        broken(after(vec![delivered("a", 810, 0)]), late.clone()),
        [],
        "the writer had recovered, so it is isolated"
    );
    assert_eq!(broken(after(vec![delivered("b", 810, 0)]), late), [Promise::T1], "another process had recovered");
}

#[test]
fn a_single_disconnected_writer_is_isolated_also_around_a_common_outage() {
    let outage = [undelivered(), vec![fault_of_all(FaultKind::RedisStop, 900, 2000)]].concat();
    let around = |kind, process, start, end| [outage.clone(), vec![fault(kind, process, start, end)]].concat();
    let late = || read("b", 2500, 1, Tier::Shared);
    assert_eq!(broken(outage.clone(), late()), [Promise::T1]);
    let cut = around(FaultKind::Cut, "a", 800, 2200);
    assert_eq!(broken(cut.clone(), late()), []);
    assert_eq!((check(&cut).unwrap().coverage.outage, check(&cut).unwrap().coverage.isolated), (0, 1));
    let delivered_at_last = [cut, vec![delivered("a", 2300, 0)]].concat();
    assert_eq!(broken(delivered_at_last, late()), [Promise::T1], "bounded by the delivery");
    assert_eq!(broken(around(FaultKind::Cut, "b", 800, 2200), late()), [Promise::T1], "the writer was not cut off");
    assert_eq!(broken(around(FaultKind::WorkerStop, "a", 1500, 9000), late()), [], "before the delivery");
    let delivered_before = [around(FaultKind::Cut, "a", 2200, 2300), vec![delivered("a", 2100, 0)]].concat();
    assert_eq!(broken(delivered_before, late()), [Promise::T1], "the write had been delivered by then");
}

#[test]
fn others_wait_for_a_lost_writer_for_a_bounded_time() {
    let (lease, healed) = (100, 1100);
    let outage = |delivered_at| {
        [undelivered(), vec![fault_of_all(FaultKind::UserOff, 900, healed), delivered("a", delivered_at, 0)]].concat()
    };
    let late = || read("b", 2100, 1, Tier::Shared);
    assert_eq!(broken(outage(healed + 10 * lease), late()), [Promise::T1]);
    assert_eq!(broken(outage(healed + 10 * lease + 1), late()), [], "the writer counts as isolated by then");
    let never = |end| {
        let lines = vec![link("a", end, true, 7), fault_of_all(FaultKind::UserOff, 900, healed)];
        [undelivered(), lines].concat()
    };
    assert_eq!(broken(never(healed + 10 * lease), late()), [Promise::T1]);
    assert_eq!(broken(never(healed + 10 * lease + 1), late()), []);
}

#[test]
fn a_writer_that_dies_before_its_delivery_is_a_second_fault() {
    let outage = |death| {
        let faults = [fault_of_all(FaultKind::Refuse, 900, 1100), fault(FaultKind::WorkerKill, "a", death, death)];
        [undelivered(), faults.into(), vec![delivered("a", 1200, 0)]].concat()
    };
    let late = || read("b", 2500, 1, Tier::Shared);
    assert_eq!(broken(outage(1300), late()), [Promise::T1]);
    let mut lines = outage(1150);
    lines.pop();
    assert_eq!(broken(lines, late()), []);
}

#[test]
fn a_fault_that_leaves_redis_reachable_is_no_outage() {
    for kind in [FaultKind::Flush, FaultKind::Evict, FaultKind::DatabaseReset] {
        let lines = [undelivered(), vec![fault_of_all(kind, 900, 2000)]].concat();
        assert_eq!(broken(lines, read("b", 2500, 1, Tier::Shared)), [], "{kind}");
    }
}

#[test]
fn an_observer_of_an_undelivered_write_reads_it_after_its_delivery() {
    let lines = [undelivered(), vec![fault_of_all(FaultKind::UserOff, 900, 2000), delivered("a", 2100, 0)]].concat();
    let observed = |start| Read { observed: Some(2), ..read("b", start, 1, Tier::Degraded) };
    assert_eq!(broken(lines.clone(), observed(1500)), []);
    assert_eq!(broken(lines, observed(2101)), [Promise::Session]);
}

#[test]
fn staleness_after_a_common_outage_has_a_class_of_its_own_and_breaks_the_promise() {
    let mut lines =
        [undelivered(), vec![fault_of_all(FaultKind::KeysRevoked, 900, 2000), delivered("a", 3000, 0)]].concat();
    lines.push(Line::Read(read("b", 1100, 1, Tier::Local)));
    lines.push(Line::Read(read("b", 1250, 1, Tier::Shared)));
    let verdict = check(&lines).unwrap();
    assert_eq!(verdict.violations.len(), 1);
    let rows: Vec<_> = verdict.staleness.rows().collect();
    assert_eq!(rows[0].stale.keys().collect::<Vec<_>>(), [&Why::Lease, &Why::Outage]);
    assert_eq!(rows[0].stale[&Why::Outage].quantiles().unwrap().max.as_nanos(), 200);
}

#[test]
fn an_unreleased_lock_counts_as_a_release_while_it_lasts() {
    let unreleased = changed(|write| write.released = Some(false), |_| {});
    assert_eq!(broken(unreleased.clone(), read("b", 1051, 1, Tier::Shared)), [Promise::T1]);
    let lost = [unreleased, vec![fault(FaultKind::RedisKill, "b", 1020, 1030)]].concat();
    assert_eq!(broken(lost, read("b", 1051, 1, Tier::Shared)), []);
}

/// A process that was dead at 1200 committed version 2.
fn crashed() -> Vec<Line> {
    let mut lines = two_writes();
    lines.remove(3);
    lines.push(fault(FaultKind::WriterCrash, "a", 1000, 1200));
    lines
}

#[test]
fn a_commit_of_a_crashed_writer_is_due_when_its_lock_expires() {
    assert_eq!(broken(crashed(), read("b", 2200, 1, Tier::Shared)), []);
    assert_eq!(broken(crashed(), read("b", 2201, 1, Tier::Shared)), [Promise::T1]);
    assert_eq!(broken(crashed(), read("b", 2201, 2, Tier::Shared)), []);
    let lost = [crashed(), vec![fault(FaultKind::Flush, "b", 1500, 1501)]].concat();
    assert_eq!(broken(lost, read("b", 9000, 1, Tier::Shared)), [], "two faults at once");
}

#[test]
fn a_committed_abandoned_write_is_due_when_its_lock_expires() {
    let left = changed(|write| (write.outcome, write.version) = (Outcome::Cancelled, None), |_| {});
    assert_eq!(broken(left.clone(), read("b", 1060, 1, Tier::Store)), []);
    assert_eq!(broken(left.clone(), read("a", 1060, 1, Tier::Local)), []);
    assert_eq!(broken(left.clone(), read("b", 2051, 1, Tier::Shared)), [Promise::T1]);
    let mut never = left;
    never.pop();
    assert_eq!(broken(never, read("b", 9000, 1, Tier::Store)), [], "it was never applied");
}

#[test]
fn rare_events_are_counted() {
    let two = Coverage { versions: 2, ..Coverage::default() };
    assert_eq!(check(&two_writes()).unwrap().coverage, two);
    assert_eq!(check(&crashed()).unwrap().coverage, Coverage { abandoned: 1, abandoned_due: 1, ..two });
    let unlocked = [two_writes(), vec![fault(FaultKind::Flush, "b", 1020, 1021)]].concat();
    assert_eq!(check(&unlocked).unwrap().coverage, Coverage { unlocked: 1, ..two });
}

#[test]
fn an_absence_matches_any_started_deletion() {
    let none = |start, tier| read("b", start, None, tier);
    assert_eq!(broken(vec![run()], none(5, Tier::Store)), []);
    assert_eq!(broken(two_writes(), none(51, Tier::Store)), [Promise::T1]);
    let erased = changed(|write| write.operation = Operation::Erase, |commit| commit.present = false);
    assert_eq!(broken(erased.clone(), none(1051, Tier::Store)), []);
    assert_eq!(broken(erased.clone(), none(900, Tier::Store)), [Promise::T1], "not begun");
    assert_eq!(broken(erased, read("b", 1051, 1, Tier::Store)), [Promise::T1]);
}

#[test]
fn a_read_returns_only_values_written_before_it() {
    assert_eq!(broken(two_writes(), read("b", 1051, 3, Tier::Store)), [Promise::Real]);
    assert_eq!(broken(two_writes(), read("b", 900, 2, Tier::Store)), [Promise::Real]);
}

#[test]
fn an_acknowledged_write_is_in_the_store_with_its_version() {
    let promises = |lines: &[Line]| -> Vec<Promise> {
        check(lines).unwrap().violations.iter().map(|violation| violation.promise).collect()
    };
    assert_eq!(promises(&two_writes()), []);
    assert_eq!(promises(&changed(|write| write.version = Some(1), |_| {})), [Promise::Durable]);
    let mut lost = two_writes();
    lost.pop();
    assert_eq!(promises(&lost), [Promise::Durable]);
    assert_eq!(promises(&changed(|write| write.outcome = Outcome::Refused, |_| {})), [Promise::Durable]);
}

#[test]
fn degraded_reads_have_a_bound_of_their_own() {
    let (ttl, clock) = (500, 10_000_000);
    assert_eq!(broken(two_writes(), read("b", 1050 + ttl + clock, 1, Tier::Degraded)), []);
    assert_eq!(broken(two_writes(), read("b", 1051 + ttl + clock, 1, Tier::Degraded)), [Promise::Degraded]);
}

#[test]
fn staleness_counts_from_the_first_missed_acknowledgement_and_is_attributed_to_its_fault() {
    let mut lines = two_writes();
    lines.push(Line::Write(write("a", 3, 1060, 1070)));
    lines.push(Line::Commit(commit("a", 3, 1061)));
    lines.push(fault(FaultKind::Latency, "b", 1040, 1045));
    lines.push(Line::Read(read("b", 1090, 1, Tier::Local)));
    lines.push(Line::Read(read("b", 1090, 3, Tier::Local)));
    lines.push(Line::Read(read("b", 200, 1, Tier::Local)));
    let verdict = check(&lines).unwrap();
    assert_eq!(verdict.violations, []);
    let rows: Vec<_> = verdict.staleness.rows().collect();
    assert_eq!((rows[0].kind, rows[0].took.count(), rows[0].stale.len()), (None, 1, 0));
    assert_eq!((rows[1].kind, rows[1].faults, rows[1].took.count()), (Some(FaultKind::Latency), 1, 2));
    let stale = rows[1].stale[&Why::Lease].quantiles().unwrap();
    assert_eq!((stale.count, stale.max.as_nanos()), (1, 40));
}

#[test]
fn staleness_before_a_late_delivery_is_not_attributed_to_the_lease() {
    let mut lines = changed(|write| write.released = Some(false), |commit| commit.locked = false);
    lines.push(delivered("a", 3000, 0));
    lines.push(Line::Read(read("b", 2000, 1, Tier::Shared)));
    lines.push(Line::Read(read("b", 3050, 1, Tier::Local)));
    let verdict = check(&lines).unwrap();
    assert_eq!(verdict.violations, []);
    let rows: Vec<_> = verdict.staleness.rows().collect();
    assert_eq!(rows[0].stale.keys().collect::<Vec<_>>(), [&Why::Isolated]);
    assert_eq!(rows[0].stale[&Why::Isolated].quantiles().unwrap().max.as_nanos(), 2000);
}

#[test]
fn failures_and_database_errors_are_counted_separately() {
    let mut lines = two_writes();
    for outcome in [Outcome::Failed, Outcome::Refused, Outcome::Unknown, Outcome::Unknown] {
        lines.push(Line::Read(Read { outcome, ..read("b", 2000, None, Tier::Store) }));
    }
    let verdict = check(&lines).unwrap();
    assert_eq!((verdict.operations, verdict.failed, verdict.database_errors), (6, 1, 3));
    assert_eq!(verdict.violations, [], "an error shows no version");
}

#[test]
fn a_history_of_another_schema_is_refused() {
    assert!(check(&[]).is_err());
    let mut lines = two_writes();
    let Line::Run(run) = &mut lines[0] else { unreachable!() };
    run.schema = 99;
    assert!(check(&lines).is_err());
}
