//! Tags that the value of an entry determines.
//!
//! They are unknown until the entry is decoded or loaded, so their generations take a round trip of their own: a hit
//! compares them with those in the envelope, and a fill stores them. [`tags`](super::super::tags) has the reason why a
//! fill may use generations from after its load.

use std::sync::Arc;

use super::{Accepted, Aged, EntryKeys, FillPermit, FillTarget, Query, SharedEntries};
use crate::coherence::Connection;
use crate::observability::Request;
use crate::protocol::{Fence, Generation, Protection, Scope, ScopeHash, ScopeState, ScopeStates, Scopes, TierError};
use crate::value::Cacheable;

/// The most values whose tags one script reads: the server executes nothing else meanwhile.
const MAX_AT_ONCE: usize = 128;

/// An entry that is current if the tags of its value are.
pub(super) struct TaggedHit<R> {
    pub(super) entry: Aged<R>,
    /// The permit of a load, if the entry is not current.
    pub(super) target: FillTarget,
}

/// A loaded value that may be filled.
pub(in crate::engine) struct Loaded<'a, R> {
    pub(in crate::engine) keys: &'a mut EntryKeys,
    pub(in crate::engine) permit: &'a mut FillPermit,
    pub(in crate::engine) value: &'a R,
}

impl<R: Cacheable> SharedEntries<R> {
    /// Answers look-ups whose entries are current as far as the tags of their values show, in one round trip.
    pub(super) async fn confirm(
        &self,
        connection: &Connection,
        hits: Vec<(&mut Query<R>, TaggedHit<R>)>,
    ) -> Result<(), TierError> {
        let scopes: Vec<Option<Scopes>> = hits.iter().map(|(_, hit)| self.tags_of(hit)).collect();
        // Asked before the generations: an invalidation that ends in between has renewed them later.
        let held: Vec<bool> =
            scopes.iter().map(|scopes| scopes.as_ref().is_some_and(|tags| self.is_held(tags))).collect();
        let wanted: Vec<Scope> = scopes.iter().flatten().flatten().cloned().collect();
        let states = match &*wanted {
            [] => Vec::new(),
            wanted => self.states(connection, wanted).await?,
        };
        let mut states = states.into_iter();
        for (((query, hit), scopes), is_held) in hits.into_iter().zip(scopes).zip(held) {
            let TaggedHit { entry: Aged { value, ends, age, tags }, target } = hit;
            let states = states.by_ref().take(scopes.as_ref().map_or(0, Scopes::len));
            let are_equal = tags.iter().zip(states).filter(|((_, filled), state)| is_free(state, filled)).count();
            let snapshot = query.begun.snapshot;
            let is_current = scopes.as_ref().is_some_and(|scopes| are_equal == scopes.len());
            query.answer = Some(match (scopes, age) {
                (Some(_), _) if is_held => query.begun.miss(FillTarget::Nothing),
                (Some(_), None) if is_current => query.begun.expired(target, value),
                (Some(scopes), Some(age)) if is_current => {
                    let fence = target.fence().map(|fence| Arc::new(extended(&fence, tags)));
                    let is_read = !matches!(query.accepted, Accepted::Young);
                    self.hit(value, (ends, age), fence, self.method.tagged(snapshot, &scopes), is_read)
                }
                _ => query.begun.miss(target),
            });
        }
        Ok(())
    }

    /// Returns the tags of a hit's value, if they are those of its fill.
    fn tags_of(&self, hit: &TaggedHit<R>) -> Option<Scopes> {
        let scopes = self.method.tags_of_value(&hit.entry.value)?;
        let are_those = scopes.iter().map(Scope::hash).eq(hit.entry.tags.iter().map(|(scope, _)| *scope));
        are_those.then_some(scopes)
    }

    async fn states(&self, connection: &Connection, scopes: &[Scope]) -> Result<Vec<ScopeState>, TierError> {
        let states = self.in_time(connection, connection.tier.states(scopes)).await;
        match &states {
            Ok(_) => self.method.coherence().succeeded(),
            Err(error) => self.failed(connection, Request::Read, error),
        }
        states
    }

    /// Extends the permits of loaded values by the tags of the values.
    ///
    /// A permit for both tiers is withdrawn if a tag of the family was invalidated since the look-up, or a write of one
    /// is in progress.
    pub(in crate::engine) async fn tag(&self, loaded: Vec<Loaded<'_, R>>) {
        let mut shared = Vec::new();
        for Loaded { keys, permit, value } in loaded {
            let Some(tags) = self.method.tags_of_value(value).filter(|tags| !self.is_held(tags)) else {
                permit.target = FillTarget::Nothing;
                continue;
            };
            match &mut permit.target {
                FillTarget::Local(snapshot) | FillTarget::Degraded(snapshot) => {
                    *snapshot = self.method.tagged(*snapshot, &tags);
                }
                // Nothing but its key and its method can make a value without tags stale, such as an absence.
                FillTarget::Both { snapshot, .. } if tags.is_empty() => {
                    *snapshot = self.method.tagged(snapshot.without_clocks(), &tags);
                    keys.set_value_tags(&tags);
                }
                FillTarget::Both { .. } => shared.push((keys, permit, tags)),
                FillTarget::Nothing | FillTarget::NothingDegraded => {}
            }
        }
        while !shared.is_empty() {
            let chunk = shared.split_off(shared.len().saturating_sub(MAX_AT_ONCE));
            self.tag_in_both(chunk).await;
        }
    }

    fn is_held(&self, tags: &[Scope]) -> bool {
        self.method.coherence().journal.holds(tags)
    }

    async fn tag_in_both(&self, mut fills: Vec<(&mut EntryKeys, &mut FillPermit, Scopes)>) {
        let Some(FillTarget::Both { connection, .. }) = fills.first().map(|(_, permit, _)| &permit.target) else {
            return;
        };
        let connection = Arc::clone(connection);
        let clocks = fills[0].0.clocks().to_vec();
        let tags = fills.iter().flat_map(|(_, _, tags)| tags);
        let generations: Vec<&str> = clocks.iter().chain(tags).map(Scope::generation_key).collect();
        let states = self.in_time(&connection, connection.tier.init_generations(&generations)).await;
        let mut states = match states {
            Ok(states) => states.into_iter(),
            Err(error) => {
                self.failed(&connection, Request::Read, &error);
                for (_, permit, _) in &mut fills {
                    permit.target = FillTarget::Nothing;
                }
                return;
            }
        };
        let clocks_now: Vec<ScopeState> = states.by_ref().take(clocks.len()).collect();
        for (keys, permit, tags) in fills {
            let states = states.by_ref().take(tags.len()).collect();
            let tagged = self.tagged(&permit.target, &connection, (&clocks, &clocks_now), states, &tags);
            if tagged.is_some() {
                keys.set_value_tags(&tags);
            }
            permit.target = tagged.unwrap_or(FillTarget::Nothing);
        }
    }

    /// Returns the permit with the tags, unless their generations may be newer than the value.
    ///
    /// A clock that has not moved shows that no write of a tag has ended since the look-up. One without registered
    /// writers shows that none is in progress either: the lock of one may have been evicted.
    fn tagged(
        &self,
        target: &FillTarget,
        connection: &Arc<Connection>,
        (names, clocks_now): (&[Scope], &[ScopeState]),
        states: ScopeStates,
        tags: &[Scope],
    ) -> Option<FillTarget> {
        let FillTarget::Both { snapshot, connection: own, fence, clocks, until } = target else { return None };
        let have_stood = tags.iter().filter_map(Scope::tag_clock).all(|clock| {
            let place = names.iter().position(|name| *name == clock);
            place.is_some_and(|place| is_unmoved(&clocks[place], &clocks_now[place]))
        });
        if !Arc::ptr_eq(own, connection) || (self.method.protects(Protection::TagClock) && !have_stood) {
            return None;
        }
        let generations = states.into_iter().map(|state| match state {
            ScopeState::Free(generation) => Some(generation),
            _ => None,
        });
        let generations: Vec<Generation> = generations.collect::<Option<_>>()?;
        let tagged = tags.iter().map(Scope::hash).zip(generations).collect();
        Some(FillTarget::Both {
            snapshot: self.method.tagged(*snapshot, tags),
            connection: Arc::clone(connection),
            fence: Arc::new(extended(fence, tagged)),
            clocks: Vec::new(),
            until: *until,
        })
    }
}

/// Whether a clock has the same generation, and no writer is registered on it.
fn is_unmoved(before: &ScopeState, now: &ScopeState) -> bool {
    match (before, now) {
        (ScopeState::Free(before) | ScopeState::Pending { generation: before, .. }, ScopeState::Free(now)) => {
            before == now
        }
        _ => false,
    }
}

fn extended(fence: &Fence, tags: Vec<(ScopeHash, Generation)>) -> Fence {
    Fence { epoch: fence.epoch, generations: fence.generations.iter().cloned().chain(tags).collect() }
}

/// Whether a tag still has the generation of a fill, and no write of it is in progress.
fn is_free(state: &ScopeState, filled: &Generation) -> bool {
    matches!(state, ScopeState::Free(generation) if generation == filled)
}
