//! One look-up of many keys in the shared tier.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::super::lookup::{Answered, Begun, Keep, Shared, Step};
use super::super::names::Names;
use super::super::region::Region;
use crate::flight::{Found, Lead};
use crate::key::KeyPart;
use crate::tier::remote::Snapshot;
use crate::value::Cacheable;

/// A key whose previous flight has ended.
pub(super) struct Ready<K: KeyPart, R: Cacheable> {
    pub(super) key: K,
    pub(super) lead: Lead<K, R>,
    /// The value that the previous flight found.
    pub(super) carried: Option<Found<R>>,
}

/// The outcome of the look-up of one key.
pub(super) struct Looked<K: KeyPart, R: Cacheable> {
    pub(super) key: K,
    pub(super) names: Names,
    pub(super) lead: Lead<K, R>,
    pub(super) step: Step<R>,
}

/// A look-up that is about to query the shared tier.
struct Asking<K: KeyPart, R: Cacheable> {
    ready: Ready<K, R>,
    names: Names,
    begun: Begun,
}

impl<K: KeyPart, R: Cacheable> Asking<K, R> {
    fn over(self, step: Step<R>) -> Looked<K, R> {
        Looked { key: self.ready.key, names: self.names, lead: self.ready.lead, step }
    }

    fn load(self, keep: Keep) -> Looked<K, R> {
        let step = self.begun.load(keep);
        self.over(step)
    }
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Looks up all keys, in the order of a single look-up: snapshots, journal, connection, bytes.
    pub(super) async fn look_up_all(&self, ready: Vec<Ready<K, R>>) -> Vec<Looked<K, R>> {
        let asking = ready.into_iter().map(|ready| {
            let names = self.names(&ready.key);
            Asking { begun: self.begin(&names), ready, names }
        });
        let (journaled, mut asking): (Vec<_>, Vec<_>) = asking.partition(|asking| self.is_journaled(&asking.names));
        let mut looked: Vec<_> = journaled.into_iter().map(|asking| asking.load(Keep::Nothing)).collect();
        let mut at_once = None;
        while !asking.is_empty() {
            let count = self.0.entry_size.keys_at_once(at_once);
            at_once = Some(count);
            let rest = asking.split_off(asking.len().min(count));
            match self.shared() {
                Some(shared) => match self.ask(&shared, asking).await {
                    Ok(answered) => looked.extend(answered),
                    Err(asking) => {
                        // A batch waits for one timeout, not for one in each round trip.
                        let unanswered = asking.into_iter().chain(rest);
                        looked.extend(unanswered.map(|asking| asking.load(Keep::NothingDegraded)));
                        break;
                    }
                },
                None => looked.extend(asking.into_iter().map(|asking| self.unshared(asking))),
            }
            asking = rest;
            for waiting in &asking {
                waiting.ready.lead.advance();
            }
        }
        looked
    }

    fn unshared(&self, asking: Asking<K, R>) -> Looked<K, R> {
        let keep = self.keep_unshared(asking.begun);
        asking.load(keep)
    }

    /// Queries a group of keys in one round trip. If it fails, the look-ups are returned.
    async fn ask(&self, shared: &Shared, asking: Vec<Asking<K, R>>) -> Result<Vec<Looked<K, R>>, Vec<Asking<K, R>>> {
        let scopes = Scopes::of(asking.iter().map(|asking| &asking.names));
        let entries: Vec<&str> = asking.iter().map(|asking| asking.names.key()).collect();
        let Ok(Snapshot { entries, gens }) = self.fetch(&shared.live, &entries, &scopes.gens).await else {
            return Err(asking);
        };
        let states = scopes.places.into_iter().map(|places| places.into_iter().map(|at| gens[at].clone()).collect());
        let answered = entries.iter().zip(states).map(|(entry, gens)| Answered { entry, gens });
        let answered: Vec<_> = answered.collect();
        Ok(asking
            .into_iter()
            .zip(answered)
            .map(|(asking, answered)| self.judge_one(shared, asking, answered))
            .collect())
    }

    fn judge_one(&self, shared: &Shared, mut asking: Asking<K, R>, answered: Answered<'_>) -> Looked<K, R> {
        let carried = asking.ready.carried.take();
        let step = self.judge(&asking.ready.key, &asking.names, asking.begun, shared, answered, carried);
        asking.over(step)
    }
}

/// The scopes of many entries without duplicates: entries share the wider ones.
struct Scopes<'a> {
    gens: Vec<&'a str>,
    /// The indices of each entry's scopes in `gens`.
    places: Vec<Vec<usize>>,
}

impl<'a> Scopes<'a> {
    fn of(names: impl Iterator<Item = &'a Names>) -> Self {
        let mut gens = Vec::new();
        let mut known: HashMap<&str, usize, RandomState> = HashMap::default();
        let mut place = |gen_key: &'a str| {
            *known.entry(gen_key).or_insert_with(|| {
                gens.push(gen_key);
                gens.len() - 1
            })
        };
        let places = names.map(|names| names.gens().map(&mut place).collect()).collect();
        Self { gens, places }
    }
}
