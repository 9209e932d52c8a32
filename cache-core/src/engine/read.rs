//! The order of the steps of a read after a miss in the local tier, for one key or many.
//!
//! A read leads the flights of some of its keys and follows those of others. Another read of many keys may do the
//! reverse, so to avoid a cycle of waits, a flight begins as soon as the previous flight *of the same key* has ended,
//! together with all others that are ready at that moment, regardless of what the rest of the read waits for. A read
//! follows the flights of others only after its own have ended.

use std::collections::HashSet;
use std::future;
use std::sync::Arc;

use foldhash::fast::RandomState;
use futures_util::future::join_all;
use futures_util::stream::{self, FuturesUnordered, StreamExt as _};

use super::access::Access;
use super::load::{Answer, CallLimits, Ending, Job, Load, MakeLoad, Missing, flight_outcome};
use super::local::{Age, End, Work};
use super::nesting::{Frame, Recursion, is_nested, recursion};
use super::read_options::ReadOptions;
use super::region::Region;
use super::shared::{Accepted, Few, LookUp};
use super::trace;
use crate::error::Error;
use crate::key::KeyPart;
use crate::observability::Counters;
use crate::single_flight::{Arrival, Flight, FlightOutcome, Found, Lead, Outcome, Source};
use crate::value::Cacheable;

/// The number of groups of flights that a read runs concurrently. There is only one, unless other callers were reading
/// some of the keys, so that they became ready at different times.
const MAX_GROUPS: usize = 8;

/// Keys with their values.
pub(super) type Pairs<K, R> = Few<(K, R)>;

/// One call of a read method.
pub(super) struct Reading<'a, 'l, K, R, E> {
    pub(super) region: &'a Region<K, R>,
    pub(super) options: ReadOptions<'a, K, R, E>,
    /// Makes the load when it is needed: most reads end with a hit.
    pub(super) load: &'l MakeLoad<'l, 'a, K, R, E>,
}

/// The results of a read so far.
struct Results<K, R> {
    found: Pairs<K, R>,
    /// Keys without a result.
    open: Few<K>,
    /// Keys that this call must load itself, since no other result is usable for it.
    unusable: Vec<K>,
}

/// A key whose previous flight is in progress.
struct Turn<K: KeyPart, R: Clone> {
    key: K,
    lead: Lead<K, R>,
    before: Arc<Flight<R>>,
}

/// A key without a flight in progress.
struct Ready<K: KeyPart, R: Clone> {
    key: K,
    lead: Lead<K, R>,
    /// The value that the previous flight found.
    carried: Option<Found<R>>,
}

impl<K, R> Results<K, R> {
    fn of(open: Few<K>) -> Self {
        Self { found: Few::new(), open, unusable: Vec::new() }
    }

    fn add(&mut self, other: Self) {
        self.found.extend(other.found);
        self.open.extend(other.open);
        self.unusable.extend(other.unusable);
    }
}

impl<K: KeyPart, R: Cacheable, E: Send + 'static> Reading<'_, '_, K, R, E> {
    /// Reads keys that may occur more than once, with the local tier first.
    pub(super) async fn read_all(&self, keys: Vec<K>) -> Result<Pairs<K, R>, E> {
        let (mut keys, mut found, mut due) = (keys, Pairs::new(), Vec::new());
        while !keys.is_empty() {
            let (distinct, later) = distinct(keys);
            let mut missing = Few::new();
            for key in distinct {
                match self.local_hit(&key, &mut due) {
                    Some(value) => found.push((key, value)),
                    None => missing.push(key),
                }
            }
            self.refresh(std::mem::take(&mut due));
            found.extend(self.read(missing).await?);
            keys = later;
        }
        Ok(found)
    }

    /// Returns the value if the local tier answers. Counts a hit, and adds its key to `due` if it is to be refreshed.
    fn local_hit(&self, key: &K, due: &mut Vec<K>) -> Option<R> {
        if self.region.access != Access::Usual {
            return None;
        }
        let local = &self.region.inner.local;
        let hit = local.find_owned(key).filter(|hit| self.is_visible(key, &hit.value))?;
        let age = hit.age;
        let value = local.count(hit);
        if age == Age::Young {
            self.sample(key, &value);
        } else {
            due.push(key.clone());
        }
        Some(value)
    }

    /// Reads keys that all differ, and that the local tier did not answer.
    pub(super) async fn read(&self, keys: Few<K>) -> Result<Pairs<K, R>, E> {
        let method = self.region.method();
        if self.region.access == Access::CachedOnly {
            return Box::pin(self.look_only(keys)).await;
        }
        if !method.policy.enabled {
            self.inform_of_call();
            let keys = keys.into_vec();
            return Ok(pairs(keys.clone(), (self.load)().call(keys).await?));
        }
        method.cache.revive();
        if self.region.access == Access::Uncached {
            return Box::pin(self.bypass(keys.into_vec(), false)).await;
        }
        let mut results = Results::of(keys);
        if self.region.access == Access::Informed {
            results.open = self.informed_hits(std::mem::take(&mut results.open), &mut results.found);
        }
        while !results.open.is_empty() {
            self.read_once(&mut results).await?;
        }
        if !results.unusable.is_empty() {
            // Boxed, like everything that a hit does not need: it would enlarge the future of every read.
            results.found.extend(Box::pin(self.bypass(results.unusable, true)).await?);
        }
        Ok(results.found)
    }

    /// Returns the values of the tiers, if they have all of them.
    async fn look_only(&self, keys: Few<K>) -> Result<Pairs<K, R>, E> {
        let name = self.region.method().name();
        let outcome = match self.region.look_only(keys, |key, value| self.is_visible(key, value)).await {
            Some(found) => Outcome::Found(found),
            None => Outcome::Broken(Error::not_cached(name).into()),
        };
        self.options.errors.result(name, outcome)
    }

    fn arrive(&self, key: &K, is_nested: bool) -> Arrival<K, R> {
        let flights = &self.region.inner.flights;
        match self.region.access {
            Access::Fresh => flights.arrive_fresh(key, is_nested),
            _ => flights.arrive(key, is_nested),
        }
    }

    /// Leads the flights that have no leader, then follows the others.
    async fn read_once(&self, results: &mut Results<K, R>) -> Result<(), E> {
        let (mut first, mut later, mut follows) = (Few::new(), Vec::new(), Vec::new());
        let keys = std::mem::take(&mut results.open);
        let (is_nested, count) = (is_nested(), keys.len());
        for key in keys {
            if !key.is_usable() {
                results.unusable.push(key);
                continue;
            }
            match recursion(self.region.address(), &key, count) {
                Recursion::None => match self.arrive(&key, is_nested) {
                    Arrival::Lead(lead) => first.push(Ready { key, lead, carried: None }),
                    Arrival::LeadAfter(lead, before) => later.push(Turn { key, lead, before }),
                    Arrival::Follow(flight) => follows.push((key, flight)),
                },
                Recursion::Once => results.unusable.push(key),
                Recursion::Endless => return self.refuse_recursion(),
            }
        }
        if later.is_empty() {
            results.add(self.lead(first).await?);
        } else {
            Box::pin(self.lead_in_turn(first, later, results)).await?;
        }
        if follows.is_empty() { Ok(()) } else { Box::pin(self.follow(follows, results)).await }
    }

    /// Begins flights as they become ready; all that are ready at one moment form a group.
    async fn lead_in_turn(
        &self,
        first: Few<Ready<K, R>>,
        later: Vec<Turn<K, R>>,
        results: &mut Results<K, R>,
    ) -> Result<(), E> {
        let at_most = later.len();
        let turns: FuturesUnordered<_> = later.into_iter().map(|turn| self.wait_for_turn(turn)).collect();
        let groups = stream::iter([first.into_iter().map(Ok).collect()]).chain(turns.ready_chunks(at_most));
        let ended = groups.map(|group: Vec<Result<_, K>>| async {
            let (mut ready, mut late) = (Few::new(), Vec::new());
            for turn in group {
                match turn {
                    Ok(turn) => ready.push(turn),
                    Err(key) => late.push(key),
                }
            }
            let mut results = self.lead(ready).await?;
            results.unusable.extend(late);
            Ok(results)
        });
        let mut ended = std::pin::pin!(ended.buffer_unordered(MAX_GROUPS));
        while let Some(group) = ended.next().await {
            results.add(group?);
        }
        Ok(())
    }

    /// Waits for the previous flight of the key. Returns the key if that takes too long, or waits for this call.
    async fn wait_for_turn(&self, Turn { key, lead, before }: Turn<K, R>) -> Result<Ready<K, R>, K> {
        match self.region.wait_for(self.options.errors, &before).await {
            Some(Outcome::Found(found)) => Ok(Ready { key, lead, carried: Some(found) }),
            Some(_) => Ok(Ready { key, lead, carried: None }),
            // This drops the lead: no other caller must wait for a flight that does not start.
            None => Err(key),
        }
    }

    /// Looks up a group of keys for all callers that wait for them, and loads the missing ones in one call of the store.
    async fn lead(&self, group: Few<Ready<K, R>>) -> Result<Results<K, R>, E> {
        let mut results = Results::of(Few::new());
        let (mut queries, mut leads, mut due) = (Few::new(), Few::new(), Vec::new());
        for Ready { key, lead, carried } in group {
            let is_fresh = lead.is_fresh();
            // The previous flight may have stored it in the local tier.
            if let Some(hit) = self.region.inner.local.find_owned(&key).filter(|_| !is_fresh) {
                let (source, age) = (hit.source(), hit.age);
                let found = Found { source, value: self.region.inner.local.count(hit), fence: None };
                due.extend(self.hand_over(key, lead, found, age, None, &mut results));
            } else {
                let accepted = if is_fresh { Accepted::Nothing } else { Accepted::Entry(carried) };
                queries.push(self.region.inner.shared.query(self.region.entry_keys(&key), accepted));
                leads.push((key, lead));
            }
        }
        if queries.is_empty() {
            self.refresh(due);
            return Ok(results);
        }
        let advance = || leads.iter().for_each(|(_, lead)| lead.advance());
        let answers = self.region.inner.shared.look_up(queries, advance).await;
        let mut missing = Vec::new();
        for ((key, lead), (keys, answer)) in leads.into_iter().zip(answers) {
            match answer {
                LookUp::Hit { found, snapshot, ends, age } => {
                    self.region.inner.local.keep_copy(&key, &found.value, snapshot, ends);
                    due.extend(self.hand_over(key, lead, found, age, Some(End::OfLife(ends.life)), &mut results));
                }
                LookUp::Confirmed(found) => {
                    self.hand_over(key, lead, found, Age::Young, None, &mut results);
                }
                LookUp::Miss { permit, expired } => missing.push(Missing { key, keys, lead, permit, expired }),
            }
        }
        self.refresh(due);
        if !missing.is_empty() {
            Box::pin(self.load(missing, &mut results)).await?;
        }
        Ok(results)
    }

    /// Ends a flight with this value, and uses it if this caller may see it. Returns the key if it is to be refreshed.
    ///
    /// A value that this caller may not see needs the load for another purpose.
    fn hand_over(
        &self,
        key: K,
        lead: Lead<K, R>,
        found: Found<R>,
        age: Age,
        end: Option<End>,
        results: &mut Results<K, R>,
    ) -> Option<K> {
        let visible = self.is_visible(&key, &found.value);
        if visible {
            self.inform_of_found(&found, &key, end, age);
        }
        let Found { value, source, fence } = found;
        trace::answered(source);
        lead.finish(flight_outcome(self.region.method(), &value, source, fence));
        if !visible {
            results.unusable.push(key);
            return None;
        }
        let due = (age != Age::Young).then(|| key.clone());
        if due.is_none() {
            self.sample(&key, &value);
        }
        results.found.push((key, value));
        due
    }

    /// Loads the keys that no tier has.
    async fn load(&self, missing: Vec<Missing<K, R>>, results: &mut Results<K, R>) -> Result<(), E> {
        let (errors, cache_if) = (self.options.errors, self.options.cache_if.clone());
        let previous = self.options.previous.clone();
        let counters = &self.region.method().counters;
        Counters::add_many(&counters.misses, missing.len());
        let keys: Vec<K> = missing.iter().map(|one| one.key.clone()).collect();
        let job = Job { region: self.region.clone(), missing, errors, cache_if, previous };
        let Answer { ending, instead } = job.run((self.load)()).await;
        if let Some(expired) = instead
            && keys.iter().zip(&expired).all(|(key, value)| self.is_visible(key, value))
        {
            let counter =
                if matches!(ending, Ending::Now(_)) { &counters.stale_if_error } else { &counters.stale_if_slow };
            Counters::add_many(counter, keys.len());
            trace::answered(Source::Expired);
            let expired = keys.into_iter().zip(expired).collect();
            self.inform_of_loaded(Source::Expired, &expired);
            results.found.extend(expired);
            return Ok(());
        }
        trace::answered(Source::Store);
        // A caller that may not see the expired values waits for the load, however long it takes.
        let outcome = ending.outcome().await;
        let loaded = errors.result(self.region.method().name(), outcome).map(|values| pairs(keys, values));
        self.inform_of_loaded(Source::Store, loaded.as_ref().unwrap_or(&Pairs::new()));
        results.found.extend(loaded?);
        Ok(())
    }

    /// Waits for the flights that other callers lead.
    async fn follow(&self, follows: Vec<(K, Arc<Flight<R>>)>, results: &mut Results<K, R>) -> Result<(), E> {
        let outcomes = follows.into_iter().map(|(key, flight)| async move {
            let outcome = self.region.wait_for(self.options.errors, &flight).await;
            (key, outcome)
        });
        for (key, outcome) in join_all(outcomes).await {
            self.take(key, outcome, results)?;
        }
        Ok(())
    }

    /// Uses the outcome of a flight that another caller led. There is none if this call must not wait for it.
    fn take(&self, key: K, outcome: Option<FlightOutcome<R>>, results: &mut Results<K, R>) -> Result<(), E> {
        let method = self.region.method();
        match outcome {
            Some(Outcome::Found(found)) if self.is_visible(&key, &found.value) => {
                Counters::add(&method.counters.coalesced);
                trace::joined(found.source);
                self.inform_of_joined(found.source, &key, &found.value);
                results.found.push((key, found.value));
            }
            // The leader was dropped without an outcome: every follower starts over.
            Some(Outcome::Abandoned) => results.open.push(key),
            outcome => match outcome.and_then(|outcome| self.options.errors.of_follower(method.name(), &outcome)) {
                Some(error) => return Err(error),
                None => results.unusable.push(key),
            },
        }
        Ok(())
    }

    /// Calls the store for this caller only, and caches nothing. `limited` bounds the number of concurrent calls.
    async fn bypass(&self, keys: Vec<K>, limited: bool) -> Result<Pairs<K, R>, E> {
        let (method, errors) = (self.region.method(), self.options.errors);
        trace::answered(Source::Store);
        self.inform_of_call();
        Counters::add_many(&method.counters.bypasses, keys.len());
        let frame = Frame::new(self.region.address(), keys.clone(), Vec::new());
        let limits = CallLimits { degraded: limited, frame, urgent: future::pending() };
        let outcome = method.call_store(limits, errors, || (self.load)().call(keys.clone())).await;
        Ok(pairs(keys, errors.result(method.name(), outcome)?))
    }

    /// Rejects a load that reads its own key recursively.
    fn refuse_recursion<T>(&self) -> Result<T, E> {
        let name = self.region.method().name();
        self.options.errors.result(name, Outcome::Broken(Error::load_recursion(name).into()))
    }

    pub(super) fn is_visible(&self, key: &K, value: &R) -> bool {
        self.options.is_visible(self.region.method().name(), key, value)
    }

    /// Refreshes these keys in the background, unless the load borrows from its caller.
    pub(super) fn refresh(&self, keys: Vec<K>) {
        if !keys.is_empty()
            && let Load::InTask(call) = (self.load)()
        {
            self.region.refresh(keys, &self.options, &call);
        }
    }

    /// Does what there is to do for a hit of the local tier.
    pub(super) fn revisit(&self, key: &K, value: &R, work: Work) {
        match work {
            Work::Verify => self.verify(key, value),
            Work::Refresh => self.refresh(vec![key.clone()]),
        }
    }

    /// Checks a hit against the store, if it is sampled.
    pub(super) fn sample(&self, key: &K, value: &R) {
        if self.region.inner.sampling.is_due() {
            self.verify(key, value);
        }
    }

    /// Checks a hit against the store, unless the load borrows from its caller.
    fn verify(&self, key: &K, value: &R) {
        if let Load::InTask(call) = (self.load)() {
            self.region.verify(key, value, &call);
        }
    }
}

/// Leaves out the keys that the store does not have.
fn pairs<K, R>(keys: Vec<K>, values: Vec<Option<R>>) -> Pairs<K, R> {
    keys.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect()
}

/// Separates each key's first occurrence from other keys that are merely equal to it.
///
/// The map that a store returns cannot distinguish equal keys, so one call must not request both.
pub(super) fn distinct<K: KeyPart>(mut keys: Vec<K>) -> (Vec<K>, Vec<K>) {
    let mut known: HashSet<K, RandomState> = HashSet::default();
    let mut others = Vec::new();
    keys.retain(|key| match known.get(key) {
        None => known.insert(key.clone()),
        Some(first) if first.same_key(key) => false,
        Some(_) => {
            others.push(key.clone());
            false
        }
    });
    (keys, others)
}
