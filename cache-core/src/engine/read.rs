//! The read path after a miss in the local tier.

use std::future;

use super::load::{Call, Flying, Job, Load};
use super::lookup::Step;
use super::nesting::{Frame, Recursion, is_nested, recursion};
use super::region::Region;
use super::terms::Terms;
use super::witness;
use crate::flight::{Arrival, Found, Landing, Lead, Source};
use crate::key::KeyPart;
use crate::observability::Counters;
use crate::value::Cacheable;

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    pub(super) async fn read_with<E: Send + 'static>(
        &self,
        key: K,
        terms: Terms<'_, R, E>,
        load: impl Load<R, E>,
    ) -> Result<R, E> {
        if let Some(hit) = self.drawn_hit(&key, &terms) {
            load.verify(self, key, hit.clone());
            return Ok(hit);
        }
        if !self.0.policy.enabled {
            return load.direct().await;
        }
        self.0.cache.revive();
        match recursion(self.address(), &key, 1) {
            Recursion::None => {}
            Recursion::Once => return self.alone(key, &terms, load).await,
            Recursion::Endless => return self.refuse_recursion(terms.errors),
        }
        loop {
            let flight = match self.0.flights.arrive(&key, is_nested()) {
                Arrival::Lead(duty) => return self.lead(key, duty, terms, load).await,
                Arrival::Follow(flight) => flight,
            };
            match self.wait_for(terms.errors, &flight).await {
                // The leader was dropped without an outcome: every follower starts over.
                Some(Landing::Abandoned) => {}
                Some(landing) => match self.take(landing, &terms) {
                    Some(result) => return result,
                    None => return self.alone(key, &terms, load).await,
                },
                None => return self.alone(key, &terms, load).await,
            }
        }
    }

    /// Looks up the value for all callers that wait for the key.
    async fn lead<E: Send + 'static>(
        &self,
        key: K,
        mut duty: Lead<K, R>,
        terms: Terms<'_, R, E>,
        load: impl Load<R, E>,
    ) -> Result<R, E> {
        let mut carried = None;
        if let Some(before) = duty.take_before() {
            match self.wait_for(terms.errors, &before).await {
                Some(Landing::Found(found)) => carried = Some(found),
                Some(_) => {}
                None => {
                    // No other caller must wait for a flight that does not start.
                    drop(duty);
                    return self.alone(key, &terms, load).await;
                }
            }
        }
        // The previous flight may have stored it in the local tier.
        if let Some(hit) = self.find_owned(&key) {
            self.count(&hit);
            let found = Found { source: hit.source(), value: hit.value, fence: None };
            return self.hand_over(key, duty, found, &terms, load).await;
        }
        let names = self.names(&key);
        match self.look_up(&key, &names, carried).await {
            Step::Hit(found) => self.hand_over(key, duty, found, &terms, load).await,
            Step::Load(ticket) => {
                Counters::add(&self.0.counters.misses);
                witness::answered(Source::Store);
                let cacheable = terms.cacheable.clone();
                let flying = Flying { region: self.clone(), key, names, lead: duty, ticket, cacheable };
                load.fly(Job::new(flying, terms.errors)).await
            }
        }
    }

    /// Ends the flight with this value, and returns it if this caller may see it.
    async fn hand_over<E: Send + 'static>(
        &self,
        key: K,
        duty: Lead<K, R>,
        found: Found<R>,
        terms: &Terms<'_, R, E>,
        load: impl Load<R, E>,
    ) -> Result<R, E> {
        witness::answered(found.source);
        let value = self.landed_with(duty, found);
        if !terms.may_see(self.0.head.text(), &value) {
            return self.alone(key, terms, load).await;
        }
        if self.is_drawn() {
            load.verify(self, key, value.clone());
        }
        Ok(value)
    }

    /// Converts a flight's outcome for a follower; `None` if the follower must call the store itself.
    fn take<E: Send + 'static>(&self, landing: Landing<R>, terms: &Terms<'_, R, E>) -> Option<Result<R, E>> {
        match landing {
            Landing::Found(found) if terms.may_see(self.0.head.text(), &found.value) => {
                Counters::add(&self.0.counters.coalesced);
                witness::answered(found.source);
                witness::joined();
                Some(Ok(found.value))
            }
            fallen => terms.errors.told_by(self.0.head.text(), &fallen).map(Err),
        }
    }

    /// Calls the store for this caller only, and caches nothing.
    async fn alone<E: Send + 'static>(&self, key: K, terms: &Terms<'_, R, E>, load: impl Load<R, E>) -> Result<R, E> {
        witness::answered(Source::Store);
        Counters::add(&self.0.counters.bypasses);
        let frame = Frame::new(self.address(), vec![key], Vec::new());
        let call = Call { degraded: true, frame, urgent: future::pending() };
        match self.call(call, terms.errors, || load.direct()).await {
            Ok(value) => Ok(value),
            Err(fall) => self.fell(fall, terms.errors).1.unwrap(),
        }
    }
}
