//! The recovery barrier between the instances that share a namespace.
//!
//! This module does no I/O and reads no clock: callers pass in replies and times.
//!
//! After an outage that all instances share, each one returns at its own time. The first one back would find entries in
//! Redis whose invalidations another instance still keeps in its journal, and an instance that is not back yet
//! continues to write without announcing it. Therefore an instance that returns announces its own writes but reads as
//! during the outage, until every instance that was alive has sent a heartbeat after that moment with an empty journal.
//!
//! Heartbeats are compared by the sequence number that the server assigns to them, not by time. An age is the
//! difference between two readings of the server's clock.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::protocol::{Member, Members};
use crate::runtime::Moment;

/// The longest silence of a member, even if the barriers wait longer.
///
/// While a silent member is listed, methods in mode strict read as during an outage.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);
/// How long a new process waits for members that were silent for longer than the limit.
///
/// After such a long outage, the members that are still alive return within a retry.
const LATE_RETURN: Duration = Duration::from_secs(3);

impl Member {
    fn age(&self, server_time: u64) -> u64 {
        server_time.saturating_sub(self.last)
    }

    /// Whether it has been silent for too long for a barrier to wait for it.
    fn is_over(&self, server_time: u64, rules: &Rules) -> bool {
        self.is_silent_for(rules.limit, server_time)
    }

    /// Whether it has been silent for so long that it is removed.
    fn is_expired(&self, server_time: u64, rules: &Rules) -> bool {
        self.is_silent_for(rules.limit.min(LONGEST_SILENCE), server_time)
    }

    fn is_silent_for(&self, limit: Duration, server_time: u64) -> bool {
        u128::from(self.age(server_time)) > limit.as_millis().max(u128::from(self.lease) * 10)
    }

    /// Whether its heartbeats have stopped; it may then be writing without announcing it.
    fn is_silent(&self, server_time: u64) -> bool {
        self.age(server_time) > self.lease
    }
}

/// Settings that are the same for every heartbeat.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// The id of this instance.
    pub(crate) me: String,
    /// How long a member may stay away before it counts as isolated.
    pub(crate) limit: Duration,
}

/// A heartbeat reply and the time when it was received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reply<'a> {
    pub(crate) members: &'a Members,
    /// The server's clock in milliseconds.
    pub(crate) server_time: u64,
    /// The id of the server process.
    pub(crate) run: &'a str,
    /// The time by this process's clock.
    pub(crate) now: Moment,
}

/// The consequences of a reply for the reads of this instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct View {
    /// The members that the barrier waits for; empty when this instance is settled.
    pub(crate) awaited: Vec<String>,
    /// Members that did not return within the limit; the barrier no longer waits for them.
    pub(crate) isolated: Vec<String>,
    /// Whether a member is silent; methods in mode strict then read as during an outage.
    pub(crate) incomplete: bool,
    /// Members to remove, with the sequence number of their last heartbeat.
    pub(crate) expired: Vec<(String, u64)>,
    /// The longest lease of any other member that is not silent, in milliseconds.
    pub(crate) longest_lease: u64,
    /// The number of pending invalidations that the server lists for this instance.
    pub(crate) own_pending: u64,
}

impl View {
    #[cfg(test)]
    fn is_settled(&self) -> bool {
        self.awaited.is_empty()
    }

    /// Merges the view of another namespace into this one.
    pub(crate) fn add(&mut self, other: Self) {
        self.awaited.extend(other.awaited);
        self.isolated.extend(other.isolated);
        self.incomplete |= other.incomplete;
        self.longest_lease = self.longest_lease.max(other.longest_lease);
        self.own_pending = self.own_pending.max(other.own_pending);
    }
}

/// The recovery barrier of one namespace.
#[derive(Debug, Default)]
pub(crate) struct Barrier {
    /// The members that were alive as of the last reply; `None` before the first one.
    alive: Option<BTreeSet<String>>,
    /// Whether the next reply is the first of a connection.
    entering: bool,
    waiting: Option<Waiting>,
    isolated: BTreeSet<String>,
    /// The sequence number of this instance's last heartbeat.
    sequence: u64,
    /// The server process that assigned it.
    run: String,
}

#[derive(Debug)]
struct Waiting {
    /// Only heartbeats with a higher sequence number count.
    after: u64,
    began: Moment,
    expected: BTreeSet<String>,
    /// Expected members whose last heartbeat was older than the limit.
    late: BTreeSet<String>,
    /// Expected members that the server has listed since. A member that disappears from the list has left cleanly.
    seen: BTreeSet<String>,
}

impl Barrier {
    /// Creates the barrier of a namespace that was just joined.
    pub(crate) fn entering() -> Self {
        Self { entering: true, ..Self::default() }
    }

    /// Marks the start of a connection.
    pub(crate) fn connect(&mut self) {
        self.entering = true;
    }

    /// Processes a heartbeat reply.
    pub(crate) fn observe(&mut self, reply: Reply<'_>, rules: &Rules) -> View {
        let (own, others): (Vec<&Member>, Vec<&Member>) =
            reply.members.list.iter().partition(|member| member.id == rules.me);
        let own = own.first();
        if std::mem::take(&mut self.entering) {
            self.enter(reply, rules, &others);
        } else if !reply.members.knew_me || reply.members.sequence <= self.sequence {
            self.restart(reply.members.sequence);
        }
        self.sequence = reply.members.sequence;
        reply.run.clone_into(&mut self.run);
        self.look_for_pending(reply, rules, &others);
        let awaited = self.awaited(reply, rules, &others);
        self.remember(reply, rules, &others);
        // The lease of a silent member has ended.
        let reading = others.iter().filter(|member| !member.is_silent(reply.server_time));
        View {
            awaited,
            isolated: self.isolated.iter().cloned().collect(),
            incomplete: others.iter().any(|member| member.is_silent(reply.server_time)),
            expired: self.expired(reply, rules, &others),
            longest_lease: reading.map(|member| member.lease).max().unwrap_or(0),
            own_pending: own.map_or(0, |own| own.pending),
        }
    }

    /// Processes the first reply of a connection.
    fn enter(&mut self, reply: Reply<'_>, rules: &Rules, others: &[&Member]) {
        let is_over = |member: &&&Member| member.is_over(reply.server_time, rules);
        let recent = others.iter().filter(|member| !is_over(member));
        let mut expected: BTreeSet<String> = recent.map(|member| member.id.clone()).collect();
        let mut late = BTreeSet::new();
        match &self.alive {
            // A new process adopts the state of the fleet.
            None if is_working(reply, others) => expected.clear(),
            None => late = others.iter().filter(is_over).map(|member| member.id.clone()).collect(),
            Some(alive) => {
                // If the list survived the outage, a member missing from it has left cleanly. Otherwise its absence
                // proves nothing.
                let is_complete = reply.members.knew_me && self.run == reply.run;
                expected.extend(alive.iter().filter(|id| !is_complete || is_listed(others, id)).cloned());
            }
        }
        self.isolated.clear();
        expected.extend(late.iter().cloned());
        self.wait(reply, rules, expected, late);
    }

    fn wait(&mut self, reply: Reply<'_>, rules: &Rules, expected: BTreeSet<String>, late: BTreeSet<String>) {
        let (after, began, seen) = (reply.members.sequence, reply.now, BTreeSet::new());
        let waiting = Waiting { after, began, expected, late, seen };
        self.waiting = (!waiting.expected.is_empty() && !rules.limit.is_zero()).then_some(waiting);
    }

    /// Restarts the sequence numbers after the server has lost its data.
    fn restart(&mut self, sequence: u64) {
        if let Some(waiting) = &mut self.waiting {
            waiting.after = sequence;
            waiting.seen.clear();
        }
    }

    /// Waits for members with pending invalidations.
    ///
    /// Until they deliver, no instance can rely on the entries in the shared tier.
    fn look_for_pending(&mut self, reply: Reply<'_>, rules: &Rules, others: &[&Member]) {
        let pending = others.iter().filter(|member| member.pending > 0).map(|member| member.id.clone());
        let pending: BTreeSet<String> = pending.collect();
        self.isolated.retain(|id| pending.contains(id) || !is_listed(others, id));
        let new: BTreeSet<String> = pending.difference(&self.isolated).cloned().collect();
        match &mut self.waiting {
            Some(waiting) => waiting.expected.extend(new),
            None => self.wait(reply, rules, new, BTreeSet::new()),
        }
    }

    /// Returns the members that have not returned yet.
    ///
    /// When the limit has passed, they become isolated.
    fn awaited(&mut self, reply: Reply<'_>, rules: &Rules, others: &[&Member]) -> Vec<String> {
        let Some(waiting) = &mut self.waiting else { return Vec::new() };
        let Waiting { after, expected, seen, late, began } = waiting;
        let is_too_late = reply.now.since(*began) >= rules.limit.min(LATE_RETURN);
        expected.retain(|id| match others.iter().find(|member| member.id == *id) {
            Some(member) => {
                seen.insert(id.clone());
                let has_returned = member.sequence > *after && member.pending == 0;
                !(has_returned || is_too_late && late.contains(id) && member.sequence <= *after)
            }
            None => !seen.contains(id),
        });
        if reply.now.since(waiting.began) >= rules.limit {
            self.isolated.append(&mut waiting.expected);
        }
        let awaited: Vec<String> = waiting.expected.iter().cloned().collect();
        if awaited.is_empty() {
            self.waiting = None;
        }
        awaited
    }

    /// Records which members are alive.
    ///
    /// An awaited member counts as alive even if the server does not list it.
    fn remember(&mut self, reply: Reply<'_>, rules: &Rules, others: &[&Member]) {
        let alive = others.iter().filter(|member| !member.is_over(reply.server_time, rules));
        let mut alive: BTreeSet<String> = alive.map(|member| member.id.clone()).collect();
        alive.extend(self.waiting.iter().flat_map(|waiting| waiting.expected.iter().cloned()));
        self.alive = Some(alive);
    }

    fn expired(&self, reply: Reply<'_>, rules: &Rules, others: &[&Member]) -> Vec<(String, u64)> {
        if self.waiting.is_some() {
            return Vec::new();
        }
        let over = others.iter().filter(|member| member.is_expired(reply.server_time, rules));
        over.map(|member| (member.id.clone(), member.sequence)).collect()
    }
}

/// Whether a live instance reads from this server and no instance has pending invalidations.
fn is_working(reply: Reply<'_>, others: &[&Member]) -> bool {
    let is_settled =
        |member: &&Member| member.settled && member.run == reply.run && !member.is_silent(reply.server_time);
    others.iter().any(is_settled) && others.iter().all(|member| member.pending == 0)
}

fn is_listed(others: &[&Member], id: &str) -> bool {
    others.iter().any(|member| member.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: u64 = 1_000;
    const LIMIT: Duration = Duration::from_secs(10);

    fn member(id: &str, sequence: u64, last: u64) -> Member {
        let id = id.to_owned();
        Member { id, sequence, last, pending: 0, settled: true, run: "run".to_owned(), lease: LEASE }
    }

    /// A barrier of the instance `me`, under a clock that each reply advances.
    struct Scene {
        barrier: Barrier,
        run: &'static str,
        limit: Duration,
    }

    impl Scene {
        fn new() -> Self {
            Self { barrier: Barrier::default(), run: "run", limit: LIMIT }
        }

        fn observe(&mut self, sequence: u64, time: u64, knew_me: bool, others: &[Member]) -> View {
            let rules = Rules { me: "me".to_owned(), limit: self.limit };
            let list = others.iter().cloned().chain([member("me", sequence, time)]).collect();
            let members = Members { sequence, knew_me, list };
            let now = Moment(time * 1_000_000);
            self.barrier.observe(Reply { members: &members, server_time: time, run: self.run, now }, &rules)
        }

        /// Creates a process that was settled alongside these members and then reconnects.
        fn returning(others: &[Member]) -> Self {
            let mut scene = Self::new();
            scene.barrier.connect();
            assert!(scene.observe(5, 1_000, false, others).is_settled());
            scene.barrier.connect();
            scene
        }
    }

    #[test]
    fn a_first_instance_is_settled_at_once() {
        let mut scene = Scene::new();
        scene.barrier.connect();
        assert!(scene.observe(1, 1_000, false, &[]).is_settled());
    }

    #[test]
    fn a_new_process_takes_the_state_of_the_fleet() {
        let crashed = Member { settled: false, ..member("crashed", 2, 100) };
        let working = [member("other", 3, 900), crashed.clone()];
        let outside = [Member { settled: false, ..member("other", 3, 900) }];
        let elsewhere = [Member { run: "another".to_owned(), ..member("other", 3, 900) }];
        let pending = [Member { pending: 1, ..member("other", 3, 900) }];
        for (others, settled) in [(&working[..], true), (&outside, false), (&elsewhere, false), (&pending, false)] {
            let mut scene = Scene::new();
            scene.barrier.connect();
            assert_eq!(scene.observe(4, 1_000, false, others).is_settled(), settled, "{others:?}");
        }
        // The barrier waits for a member that crashed with the whole fleet, while its last heartbeat is recent.
        let mut scene = Scene::new();
        scene.barrier.connect();
        assert_eq!(scene.observe(4, 5_000, false, std::slice::from_ref(&crashed)).awaited, ["crashed"]);
        let mut scene = Scene::new();
        scene.barrier.connect();
        assert_eq!(scene.observe(4, 20_000, false, std::slice::from_ref(&crashed)).awaited, ["crashed"]);
        assert!(scene.observe(5, 23_000, true, &[crashed]).is_settled(), "it was silent for longer than the limit");
    }

    #[test]
    fn a_returning_member_awaits_a_later_heartbeat_of_each_other_member() {
        let others = [member("a", 3, 900), member("b", 4, 950)];
        let mut scene = Scene::returning(&others);
        assert_eq!(scene.observe(6, 4_000, true, &others).awaited, ["a", "b"]);
        let pending = Member { pending: 2, ..member("a", 7, 4_100) };
        assert_eq!(scene.observe(8, 4_100, true, &[pending, others[1].clone()]).awaited, ["a", "b"]);
        let empty = member("a", 9, 4_200);
        assert_eq!(scene.observe(10, 4_200, true, &[empty.clone(), others[1].clone()]).awaited, ["b"]);
        assert!(scene.observe(12, 4_300, true, &[empty, member("b", 11, 4_300)]).is_settled());
    }

    #[test]
    fn members_stay_known_after_the_server_lost_them() {
        let mut scene = Scene::returning(&[member("a", 3, 900)]);
        scene.run = "another";
        assert_eq!(scene.observe(1, 90_000, false, &[]).awaited, ["a"]);
        assert!(scene.observe(3, 90_100, true, &[member("a", 2, 90_050)]).is_settled());
    }

    #[test]
    fn a_departed_member_is_not_awaited() {
        let others = [member("a", 3, 900), member("b", 4, 950)];
        let mut scene = Scene::returning(&others);
        assert_eq!(scene.observe(6, 4_000, true, &others[..1]).awaited, ["a"], "b left during the outage");
        assert!(scene.observe(7, 4_100, true, &[]).is_settled(), "and a after it");
    }

    #[test]
    fn a_flush_does_not_count_as_a_departure() {
        let others = [member("a", 30, 900)];
        let mut scene = Scene::returning(&others);
        assert_eq!(scene.observe(40, 4_000, true, &others).awaited, ["a"]);
        assert_eq!(scene.observe(1, 4_100, false, &[]).awaited, ["a"]);
        assert!(scene.observe(3, 4_200, true, &[member("a", 2, 4_150)]).is_settled());
    }

    #[test]
    fn a_member_that_does_not_return_is_isolated_until_it_does() {
        let others = [member("a", 3, 900)];
        let mut scene = Scene::returning(&others);
        assert_eq!(scene.observe(6, 4_000, true, &others).awaited, ["a"]);
        assert_eq!(scene.observe(7, 13_999, true, &others).awaited, ["a"]);
        let view = scene.observe(8, 14_000, true, &others);
        assert!(view.is_settled() && view.incomplete);
        assert_eq!(view.isolated, ["a"]);
        assert_eq!(view.expired, [("a".to_owned(), 3)]);
        assert!(scene.observe(10, 14_100, true, &[member("a", 9, 14_050)]).isolated.is_empty());
    }

    #[test]
    fn a_member_that_cannot_deliver_unsettles_the_others() {
        let mut scene = Scene::returning(&[]);
        assert!(scene.observe(6, 2_000, true, &[]).is_settled());
        let pending = Member { pending: 1, ..member("a", 7, 2_100) };
        assert_eq!(scene.observe(8, 2_200, true, std::slice::from_ref(&pending)).awaited, ["a"]);
        assert!(scene.observe(10, 2_300, true, &[member("a", 9, 2_250)]).is_settled());
        // A member that never delivers becomes isolated, and does not unsettle the others again.
        assert_eq!(scene.observe(12, 2_400, true, &[Member { sequence: 11, ..pending.clone() }]).awaited, ["a"]);
        assert_eq!(scene.observe(14, 12_400, true, &[Member { sequence: 13, ..pending.clone() }]).isolated, ["a"]);
        assert!(scene.observe(16, 12_500, true, &[Member { sequence: 15, ..pending }]).is_settled());
    }

    #[test]
    fn a_silent_member_makes_the_fleet_incomplete_until_it_is_removed() {
        let mut scene = Scene::returning(&[]);
        scene.observe(6, 1_900, true, &[]);
        let silent = [member("a", 7, 2_000)];
        let view = scene.observe(8, 3_000, true, &silent);
        assert!(!view.incomplete && view.expired.is_empty());
        assert!(scene.observe(9, 3_001, true, &silent).incomplete);
        assert_eq!(scene.observe(10, 12_001, true, &silent).expired.len(), 1);
    }

    /// After an outage longer than the limit, the living members return a little later than the new process.
    #[test]
    fn a_new_process_waits_briefly_for_members_that_were_silent_for_longer_than_the_limit() {
        let dead = [member("a", 3, 100), member("b", 4, 200)];
        let mut scene = Scene::new();
        scene.barrier.connect();
        assert_eq!(scene.observe(5, 60_000, false, &dead).awaited, ["a", "b"]);
        let one_is_back = [member("a", 6, 60_500), dead[1].clone()];
        assert_eq!(scene.observe(7, 60_600, true, &one_is_back).awaited, ["b"]);
        assert_eq!(scene.observe(8, 62_999, true, &one_is_back).awaited, ["b"]);
        assert!(scene.observe(9, 63_000, true, &one_is_back).is_settled());
        let returning = [Member { pending: 2, ..member("b", 10, 63_050) }];
        assert_eq!(scene.observe(11, 63_100, true, &returning).awaited, ["b"], "it has something to deliver after all");
    }

    #[test]
    fn without_a_limit_dead_members_are_still_removed() {
        let mut scene = Scene { limit: Duration::MAX, ..Scene::new() };
        scene.barrier.connect();
        assert!(scene.observe(5, 1_000, false, &[]).is_settled());
        let dead = [member("a", 6, 1_500)];
        assert!(scene.observe(7, 61_500, true, &dead).expired.is_empty());
        assert_eq!(scene.observe(8, 61_501, true, &dead).expired, [("a".to_owned(), 6)]);
    }

    #[test]
    fn a_silent_member_has_no_lease() {
        let mut scene = Scene::new();
        let long = [Member { lease: 30_000, ..member("a", 3, 900) }];
        assert_eq!(scene.observe(5, 30_900, false, &long).longest_lease, 30_000);
        assert_eq!(scene.observe(6, 30_901, true, &long).longest_lease, 0);
    }

    /// The server lost its data, and other members have sent enough heartbeats since to raise the numbers again.
    #[test]
    fn a_lost_list_is_detected_even_if_the_numbers_are_higher() {
        let others = [member("a", 30, 900)];
        let mut scene = Scene::returning(&others);
        assert_eq!(scene.observe(40, 4_000, true, &others).awaited, ["a"]);
        assert_eq!(scene.observe(41, 4_100, false, &[]).awaited, ["a"], "it has not left");
    }

    #[test]
    fn a_member_is_parsed_strictly() {
        let parsed = Member::parse("a", "7:1700:2:1:500:abc").unwrap();
        let expected = Member { pending: 2, run: "abc".to_owned(), lease: 500, ..member("a", 7, 1_700) };
        assert_eq!(parsed, expected);
        for garbage in ["", "7", "7:1700:2:1:500", "x:1700:2:1:500:abc", "-1:1:1:1:1:a"] {
            assert_eq!(Member::parse("a", garbage), None, "{garbage}");
        }
    }
}
