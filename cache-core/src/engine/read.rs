//! The read path, from the moment the local tier did not answer.

use super::load::{Flying, Job, Load};
use super::lookup::Step;
use super::region::Region;
use super::terms::{LoadErrors, Terms};
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
        loop {
            let flight = match self.0.flights.arrive(&key) {
                Arrival::Lead(duty) => return self.lead(key, duty, terms, load).await,
                Arrival::Follow(flight) => flight,
            };
            match self.in_patience(terms.errors, flight.landing()).await {
                // Its leader left without an answer: whoever waited starts over.
                Some(Landing::Abandoned) => {}
                Some(landing) => match self.take(landing, &terms) {
                    Some(result) => return result,
                    None => return self.alone(load).await,
                },
                None => return self.alone(load).await,
            }
        }
    }

    /// Looks the value up for all who wait for the key.
    async fn lead<E: Send + 'static>(
        &self,
        key: K,
        mut duty: Lead<K, R>,
        terms: Terms<'_, R, E>,
        load: impl Load<R, E>,
    ) -> Result<R, E> {
        let carried = match self.in_patience(terms.errors, duty.turn()).await {
            Some(Some(Landing::Found(found))) => Some(found),
            Some(_) => None,
            None => return self.alone(load).await,
        };
        // The flight before may have put it into the local tier.
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

    /// Ends the flight with a value that was found, and returns it if this caller may see it.
    async fn hand_over<E: Send + 'static>(
        &self,
        key: K,
        duty: Lead<K, R>,
        found: Found<R>,
        terms: &Terms<'_, R, E>,
        load: impl Load<R, E>,
    ) -> Result<R, E> {
        let value = found.value.clone();
        witness::answered(found.source);
        duty.land(Landing::Found(found));
        if !terms.may_see(&value) {
            return self.alone(load).await;
        }
        if self.is_drawn() {
            load.verify(self, key, value.clone());
        }
        Ok(value)
    }

    /// What a flight's end means for one who waited; `None` when the call must ask the store itself.
    fn take<E: Send + 'static>(&self, landing: Landing<R>, terms: &Terms<'_, R, E>) -> Option<Result<R, E>> {
        match landing {
            Landing::Found(found) if terms.may_see(&found.value) => {
                Counters::add(&self.0.counters.coalesced);
                witness::answered(found.source);
                witness::joined();
                Some(Ok(found.value))
            }
            fallen => terms.errors.told_by(&fallen).map(Err),
        }
    }

    /// Asks the store for this call alone; nothing is cached.
    async fn alone<E>(&self, load: impl Load<R, E>) -> Result<R, E> {
        witness::answered(Source::Store);
        // The semaphore is never closed.
        let _permit = self.0.cache.0.direct_loads.acquire().await.ok();
        Counters::add(&self.0.counters.bypasses);
        self.0.counters.load(&self.0.link.clock, load.direct()).await
    }

    /// Waits for another flight. A load that hangs ends by its deadline, where its error type can say so; where it
    /// cannot, those who wait lose patience instead.
    pub(super) async fn in_patience<E: Send + 'static, T>(
        &self,
        errors: LoadErrors<E>,
        wait: impl Future<Output = T>,
    ) -> Option<T> {
        if errors.can_tell_of_a_deadline() {
            return Some(wait.await);
        }
        self.0.link.clock.timeout(self.0.link.settings.load_deadline, wait).await
    }
}
