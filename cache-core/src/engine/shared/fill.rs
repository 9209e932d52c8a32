//! Fills of the shared tier with loaded values.

use std::sync::Arc;
use std::time::Duration;

use super::{EntryKeys, FillPermit, FillTarget, SharedEntries};
use crate::coherence::{Connection, WAITS};
use crate::config::limits::MILLISECOND;
use crate::observability::{Counters, Request};
use crate::protocol::envelope::{self, Expiry, Unusable};
use crate::protocol::{Fence, Fill, GENERATION_TTL, Generation, Protection, ScopeState};
use crate::value::Cacheable;

/// The size that completes a round trip of fills: large values must not occupy the connection for long.
const MAX_BYTES_AT_ONCE: usize = 1 << 20;
const MAX_ENTRIES_AT_ONCE: usize = 512;

/// A value to be encoded, by its entry.
pub(in crate::engine) struct SharedFill {
    pub(in crate::engine) keys: EntryKeys,
    pub(in crate::engine) permit: FillPermit,
    /// The time to live, from the start of the load.
    pub(in crate::engine) lifetime: Duration,
}

/// An entry to be stored after the callers have received its value.
pub(in crate::engine) struct Encoded {
    keys: EntryKeys,
    connection: Arc<Connection>,
    fence: Arc<Fence>,
    bytes: Vec<u8>,
    ttl: Duration,
}

/// The reason why a value has no envelope.
enum Unencodable {
    Codec,
    /// Decoding would return another value.
    Altered,
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Encoded {
    fn as_fill(&self, now: u64) -> Fill<'_> {
        Fill { entry: self.keys.entry(), bytes: &self.bytes, ttl: self.ttl, renew: self.renewals(now) }
    }

    /// The scopes whose generations are in the second half of their lifetime.
    ///
    /// They are renewed, since a wide generation must not expire while many entries depend on it.
    fn renewals(&self, now: u64) -> Vec<(&str, &Generation)> {
        let half = GENERATION_TTL.as_millis() / 2;
        let generations = self.fence.generations.iter().map(|(_, generation)| generation);
        let all = self.keys.generation_keys().zip(generations);
        all.filter(|(_, generation)| u128::from(now.saturating_sub(generation.made_at())) > half).collect()
    }

    /// Replaces the fence, as for a fill that takes it from after the load.
    fn refence(&mut self, fence: Fence) {
        self.bytes = envelope::refence(&self.bytes, &fence);
        self.fence = Arc::new(fence);
    }
}

impl<R: Cacheable> SharedEntries<R> {
    /// Encodes a value, if it may be cached in the shared tier.
    pub(in crate::engine) fn encode(
        &self,
        SharedFill { keys, permit, lifetime }: SharedFill,
        value: &R,
    ) -> Option<Encoded> {
        let FillTarget::Both { connection, fence, .. } = permit.target else { return None };
        let now = self.method.process().clock.now();
        let ttl = lifetime.checked_sub(now.since(permit.started)).filter(|ttl| *ttl >= MILLISECOND)?;
        let ends = connection.server_now(now).saturating_add(millis(ttl));
        let kept = self.method.staleness(self.method.presence.is_absent(value)).kept();
        let expiry = Expiry { soft: ends, hard: ends.saturating_add(millis(kept)) };
        let bytes = self.seal(&keys, &fence, expiry, value)?;
        Some(Encoded { keys, connection, fence, bytes, ttl: ttl.saturating_add(kept) })
    }

    /// Returns the envelope of a value.
    ///
    /// Returns `None` if the value cannot be encoded, is too large to be read again, or would decode to another value.
    fn seal(&self, keys: &EntryKeys, fence: &Fence, expiry: Expiry, value: &R) -> Option<Vec<u8>> {
        let (absent, codec) = (self.method.presence.is_absent(value), self.method.policy.codec);
        let counters = &self.method.counters;
        let payload = |out: &mut Vec<u8>| {
            let start = out.len();
            codec.encode(value, out).map_err(|_| Unencodable::Codec)?;
            // The flag alone marks an absence, whatever the codec writes for it.
            let is_checked = !absent && counters.trips.is_due();
            if is_checked && !codec.returns(value, &out[start..]) { Err(Unencodable::Altered) } else { Ok(()) }
        };
        match envelope::seal(&self.identity(keys), fence, expiry, absent, payload) {
            Ok(bytes) if bytes.len() <= self.method.process().settings.max_entry => return Some(bytes),
            Ok(_) => counters.unusable(Unusable::TooLarge),
            Err(Unencodable::Codec) => counters.encode_error(),
            Err(Unencodable::Altered) => counters.altered(codec),
        }
        None
    }

    /// Stores entries that were loaded together, each over the connection of its look-up.
    ///
    /// An error is only counted: the next read finds a miss.
    pub(in crate::engine) async fn store(&self, entries: Vec<Encoded>) {
        let (mut group, mut size) = (Vec::new(), 0);
        for entry in entries {
            if group.last().is_some_and(|last: &Encoded| !Arc::ptr_eq(&last.connection, &entry.connection)) {
                self.send(std::mem::take(&mut group)).await;
                size = 0;
            }
            size += entry.bytes.len();
            group.push(entry);
            if size >= MAX_BYTES_AT_ONCE || group.len() >= MAX_ENTRIES_AT_ONCE {
                self.send(std::mem::take(&mut group)).await;
                size = 0;
            }
        }
        self.send(group).await;
    }

    /// Stores entries of one connection in one round trip.
    async fn send(&self, mut entries: Vec<Encoded>) {
        self.follow_the_server(&mut entries).await;
        let Some(connection) = entries.first().map(|first| &first.connection) else { return };
        let process = self.method.process();
        let (clock, now) = (&process.clock, process.clock.now());
        let bytes = entries.iter().map(|entry| entry.bytes.len()).sum();
        self.entry_size.observe(entries.iter().map(|entry| entry.bytes.len()));
        connection.sends(bytes, now);
        let server_now = connection.server_now(now);
        let fills = entries.iter().map(|entry| entry.as_fill(server_now)).collect();
        let limit = process.settings.write_timeout;
        let asked = connection.in_time(clock, limit, WAITS, "a fill", connection.tier.fill(fills));
        match self.method.counters.meter.fill.of(clock, asked).await {
            Ok(()) => {
                self.method.coherence().succeeded();
                Counters::add_many(&self.method.counters.fills, entries.len());
                Counters::add_many(&self.method.counters.bytes_written, bytes);
            }
            Err(error) => self.failed(connection, Request::Fill, &error),
        }
    }

    /// Without the fence, entries carry the generations or the epoch of their fill.
    async fn follow_the_server(&self, entries: &mut [Encoded]) {
        if !self.method.protects(Protection::Fence) {
            for entry in entries.iter_mut() {
                self.follow_generations(entry).await;
            }
        }
        if !self.method.protects(Protection::LoadEpoch)
            && let Some((connection, epoch)) = self.method.coherence().readable(self.namespace)
        {
            for entry in entries {
                entry.refence(Fence { epoch, generations: entry.fence.generations.clone() });
                entry.connection = Arc::clone(&connection);
            }
        }
    }

    async fn follow_generations(&self, entry: &mut Encoded) {
        let names: Vec<&str> = entry.keys.generation_keys().collect();
        let Ok(states) = entry.connection.tier.init_generations(&names).await else { return };
        let generations = states.into_iter().filter_map(|state| match state {
            ScopeState::Free(generation) | ScopeState::Pending { generation, .. } => Some(generation),
            ScopeState::Locked | ScopeState::Missing => None,
        });
        let fence = Fence::new(entry.fence.epoch, entry.keys.fenced_scopes(), generations);
        entry.refence(fence);
    }
}
