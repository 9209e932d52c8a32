//! The steps of a read of many keys.

use std::collections::HashSet;
use std::future;
use std::sync::Arc;

use foldhash::fast::RandomState;
use futures_util::future::join_all;
use futures_util::stream::{self, FuturesUnordered, StreamExt as _};

use super::super::load::{Call, Flying};
use super::super::lookup::Step;
use super::super::nesting::{Frame, Recursion, is_nested, recursion};
use super::super::region::Region;
use super::BatchTerms;
use super::load::{LoadMany, Pairs};
use super::lookup::{Looked, Ready};
use crate::flight::{Arrival, Flight, Found, Landing, Lead};
use crate::key::KeyPart;
use crate::observability::Counters;
use crate::value::Cacheable;

/// The number of groups of flights that a batch runs concurrently. There is only one, unless other callers were reading
/// some of the keys, so that they became ready at different times.
const MAX_GROUPS: usize = 8;

/// The results of a batch so far.
struct Progress<K, R> {
    found: Pairs<K, R>,
    /// Keys that this call must load itself, since no other result is usable for it.
    alone: Vec<K>,
    /// Keys whose leader was dropped.
    again: Vec<K>,
}

impl<K, R> Progress<K, R> {
    fn new() -> Self {
        Self { found: Vec::new(), alone: Vec::new(), again: Vec::new() }
    }

    fn add(&mut self, other: Self) {
        self.found.extend(other.found);
        self.alone.extend(other.alone);
        self.again.extend(other.again);
    }
}

/// The state of a flight after the wait for its predecessor.
enum Turn<K: KeyPart, R: Cacheable> {
    Come(Ready<K, R>),
    /// The predecessor did not end in time, or waits for this call.
    TooLate(K),
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    pub(super) async fn read_batch<E: Send + 'static>(
        &self,
        keys: Vec<K>,
        terms: BatchTerms<'_, K, R, E>,
        load: LoadMany<K, R, E>,
    ) -> Result<Pairs<K, R>, E> {
        let (first, mut later) = distinct(keys);
        let mut found = self.read_distinct(first, &terms, &load).await?;
        while !later.is_empty() {
            let (next, rest) = distinct(later);
            found.extend(self.read_distinct(next, &terms, &load).await?);
            later = rest;
        }
        Ok(found)
    }

    /// Reads keys that all differ, also under their `Eq`.
    async fn read_distinct<E: Send + 'static>(
        &self,
        mut open: Vec<K>,
        terms: &BatchTerms<'_, K, R, E>,
        load: &LoadMany<K, R, E>,
    ) -> Result<Pairs<K, R>, E> {
        if open.is_empty() {
            return Ok(Vec::new());
        }
        if !self.0.policy.enabled {
            return load.call(open).await;
        }
        self.0.cache.revive();
        let mut progress = self.local_hits(&mut open, terms);
        while !open.is_empty() {
            progress.add(self.arrive_all(open, terms, load).await?);
            open = std::mem::take(&mut progress.again);
        }
        if !progress.alone.is_empty() {
            progress.found.extend(self.all_alone(progress.alone, terms, load).await?);
        }
        Ok(progress.found)
    }

    /// Removes the keys from `open` that the local tier answers.
    fn local_hits<E>(&self, open: &mut Vec<K>, terms: &BatchTerms<'_, K, R, E>) -> Progress<K, R> {
        let mut progress = Progress::new();
        open.retain(|key| {
            let hit = self.find_owned(key).filter(|hit| terms.may_see(self.0.head.text(), key, &hit.value));
            let Some(hit) = hit else { return true };
            self.count(&hit);
            progress.found.push((key.clone(), hit.value));
            false
        });
        progress
    }

    /// Leads the flights that have no leader, then follows the others.
    async fn arrive_all<E: Send + 'static>(
        &self,
        keys: Vec<K>,
        terms: &BatchTerms<'_, K, R, E>,
        load: &LoadMany<K, R, E>,
    ) -> Result<Progress<K, R>, E> {
        let (mut leads, mut follows, mut alone) = (Vec::new(), Vec::new(), Vec::new());
        let (is_nested, count) = (is_nested(), keys.len());
        for key in keys {
            match recursion(self.address(), &key, count) {
                Recursion::None => {}
                Recursion::Once => {
                    alone.push(key);
                    continue;
                }
                Recursion::Endless => return self.refuse_recursion(terms.errors),
            }
            match self.0.flights.arrive(&key, is_nested) {
                Arrival::Lead(duty) => leads.push((key, duty)),
                Arrival::Follow(flight) => follows.push((key, flight)),
            }
        }
        let mut progress = self.lead_all(leads, terms, load).await?;
        progress.alone.extend(alone);
        let landings = follows.into_iter().map(|follow| self.follow(follow, terms));
        for (key, landing) in join_all(landings).await {
            self.take_landing(key, landing, terms, &mut progress)?;
        }
        Ok(progress)
    }

    /// Begins the flights as they become ready; all that are ready at one moment form a group.
    async fn lead_all<E: Send + 'static>(
        &self,
        leads: Vec<(K, Lead<K, R>)>,
        terms: &BatchTerms<'_, K, R, E>,
        load: &LoadMany<K, R, E>,
    ) -> Result<Progress<K, R>, E> {
        let mut progress = Progress::new();
        let (first, later): (Vec<_>, Vec<_>) = leads.into_iter().partition(|(_, lead)| lead.is_first());
        let first = first.into_iter().map(|(key, lead)| Turn::Come(Ready { key, lead, carried: None }));
        let turns: FuturesUnordered<_> = later.into_iter().map(|lead| self.turn(lead, terms)).collect();
        let at_most = turns.len().max(1);
        let groups = stream::iter([first.collect()]).chain(turns.ready_chunks(at_most));
        let groups = groups.map(|group| self.fly(group, terms, load));
        let mut ended = std::pin::pin!(groups.buffer_unordered(MAX_GROUPS));
        while let Some(end) = ended.next().await {
            progress.add(end?);
        }
        Ok(progress)
    }

    /// Waits for the previous flight of the key.
    async fn turn<E: Send + 'static>(
        &self,
        (key, mut lead): (K, Lead<K, R>),
        terms: &BatchTerms<'_, K, R, E>,
    ) -> Turn<K, R> {
        let Some(before) = lead.take_before() else { return Turn::Come(Ready { key, lead, carried: None }) };
        match self.wait_for(terms.errors, &before).await {
            Some(Landing::Found(found)) => Turn::Come(Ready { key, lead, carried: Some(found) }),
            Some(_) => Turn::Come(Ready { key, lead, carried: None }),
            None => Turn::TooLate(key),
        }
    }

    /// Looks up a group of keys, and loads the missing ones in one call of the store.
    async fn fly<E: Send + 'static>(
        &self,
        group: Vec<Turn<K, R>>,
        terms: &BatchTerms<'_, K, R, E>,
        load: &LoadMany<K, R, E>,
    ) -> Result<Progress<K, R>, E> {
        let mut progress = Progress::new();
        let mut asking = Vec::new();
        for turn in group {
            match turn {
                Turn::Come(ready) => asking.extend(self.look_local(ready, terms, &mut progress)),
                Turn::TooLate(key) => progress.alone.push(key),
            }
        }
        let mut flying = Vec::new();
        for Looked { key, names, lead, step } in self.look_up_all(asking).await {
            match step {
                Step::Hit(found) => self.hand_one_over(key, lead, found, terms, &mut progress),
                Step::Load(ticket) => {
                    Counters::add(&self.0.counters.misses);
                    let (region, cacheable) = (self.clone(), terms.cacheable.clone());
                    flying.push(Flying { region, key, names, lead, ticket, cacheable });
                }
            }
        }
        if !flying.is_empty() {
            progress.found.extend(self.load_all(flying, terms.errors, load.clone()).await?);
        }
        Ok(progress)
    }

    /// Checks the local tier, since the previous flight may have stored the value there.
    fn look_local<E>(
        &self,
        ready: Ready<K, R>,
        terms: &BatchTerms<'_, K, R, E>,
        progress: &mut Progress<K, R>,
    ) -> Option<Ready<K, R>> {
        let Some(hit) = self.find_owned(&ready.key) else { return Some(ready) };
        self.count(&hit);
        let found = Found { source: hit.source(), value: hit.value, fence: None };
        self.hand_one_over(ready.key, ready.lead, found, terms, progress);
        None
    }

    async fn follow<E: Send + 'static>(
        &self,
        (key, flight): (K, Arc<Flight<R>>),
        terms: &BatchTerms<'_, K, R, E>,
    ) -> (K, Option<Landing<R>>) {
        let landing = self.wait_for(terms.errors, &flight).await;
        (key, landing)
    }

    /// Records the outcome of a flight that another caller led.
    fn take_landing<E: Send + 'static>(
        &self,
        key: K,
        landing: Option<Landing<R>>,
        terms: &BatchTerms<'_, K, R, E>,
        progress: &mut Progress<K, R>,
    ) -> Result<(), E> {
        match landing {
            Some(Landing::Abandoned) => progress.again.push(key),
            Some(Landing::Found(found)) if terms.may_see(self.0.head.text(), &key, &found.value) => {
                Counters::add(&self.0.counters.coalesced);
                progress.found.push((key, found.value));
            }
            Some(fallen @ (Landing::Failed(_) | Landing::Broken(_))) => {
                match terms.errors.told_by(self.0.head.text(), &fallen) {
                    Some(error) => return Err(error),
                    None => progress.alone.push(key),
                }
            }
            Some(Landing::Found(_)) | None => progress.alone.push(key),
        }
        Ok(())
    }

    /// Calls the store for this caller only, and caches nothing.
    async fn all_alone<E: Send + 'static>(
        &self,
        keys: Vec<K>,
        terms: &BatchTerms<'_, K, R, E>,
        load: &LoadMany<K, R, E>,
    ) -> Result<Pairs<K, R>, E> {
        Counters::add_many(&self.0.counters.bypasses, keys.len());
        let frame = Frame::new(self.address(), keys.clone(), Vec::new());
        let call = Call { degraded: true, frame, urgent: future::pending() };
        match self.call(call, terms.errors, || load.call(keys)).await {
            Ok(pairs) => Ok(pairs),
            Err(fall) => self.fell(fall, terms.errors).1.unwrap(),
        }
    }

    /// Ends the flight with this value, and uses it if this caller may see it.
    fn hand_one_over<E>(
        &self,
        key: K,
        lead: Lead<K, R>,
        found: Found<R>,
        terms: &BatchTerms<'_, K, R, E>,
        progress: &mut Progress<K, R>,
    ) {
        let value = self.landed_with(lead, found);
        if terms.may_see(self.0.head.text(), &key, &value) {
            progress.found.push((key, value));
        } else {
            progress.alone.push(key);
        }
    }
}

/// Separates each key's first occurrence from other keys that are merely equal to it.
///
/// The map that a store returns cannot distinguish equal keys, so one call must not request both.
fn distinct<K: KeyPart>(mut keys: Vec<K>) -> (Vec<K>, Vec<K>) {
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
