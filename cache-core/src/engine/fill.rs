//! Fills of the shared tier with loaded values.

use std::sync::Arc;
use std::time::Duration;

use super::lookup::{Keep, Ticket};
use super::names::Names;
use super::region::Region;
#[cfg(feature = "testing")]
use crate::coherence::Epoch;
use crate::coherence::{Gen, Live, WAITS};
use crate::config::limits::MILLISECOND;
use crate::envelope::{self, Expiry, Unfit};
use crate::flight::FoundFence;
use crate::key::KeyPart;
use crate::observability::{Counters, Request};
use crate::tier::remote::{Fill, GEN_TTL};
use crate::value::Cacheable;

/// The size that completes a round trip of fills: large values must not occupy the connection for long.
const MAX_BYTES_AT_ONCE: usize = 1 << 20;
const MAX_ENTRIES_AT_ONCE: usize = 512;

/// A fill of the shared tier, after the callers have received the value.
pub(super) struct LateFill(Option<Filling>);

struct Filling {
    names: Names,
    live: Arc<Live>,
    fence: Arc<FoundFence>,
    bytes: Vec<u8>,
    ttl: Duration,
}

/// The reason why a value has no envelope.
enum Unsealed {
    Encode,
    /// Decoding would return another value.
    Altered,
}

impl LateFill {
    pub(super) fn nothing() -> Self {
        Self(None)
    }

    pub(super) fn new<K: KeyPart, R: Cacheable>(
        region: &Region<K, R>,
        names: Names,
        ticket: Ticket,
        life: Option<Duration>,
        value: &R,
    ) -> Self {
        let (Some(life), Keep::Both { live, fence, .. }) = (life, ticket.keep) else { return Self::nothing() };
        let now = region.0.link.clock.now();
        let Some(ttl) = life.checked_sub(now.since(ticket.started)).filter(|ttl| *ttl >= MILLISECOND) else {
            return Self::nothing();
        };
        let ends = live.server_now(now).saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        let expiry = Expiry { soft: ends, hard: ends };
        Self(region.seal(&names, &fence, expiry, value).map(|bytes| Filling { names, live, fence, bytes, ttl }))
    }

    /// Stores the entry. An error is only counted: the next read finds a miss.
    pub(super) async fn store<K: KeyPart, R: Cacheable>(self, region: &Region<K, R>) {
        if let Some(filling) = self.0 {
            region.store(vec![filling]).await;
        }
    }

    /// Stores entries that were loaded together, and were therefore looked up over the same connection.
    pub(super) async fn store_all<K: KeyPart, R: Cacheable>(fills: Vec<Self>, region: &Region<K, R>) {
        let (mut group, mut size) = (Vec::new(), 0);
        for filling in fills.into_iter().filter_map(|fill| fill.0) {
            size += filling.bytes.len();
            group.push(filling);
            if size >= MAX_BYTES_AT_ONCE || group.len() >= MAX_ENTRIES_AT_ONCE {
                region.store(std::mem::take(&mut group)).await;
                size = 0;
            }
        }
        region.store(group).await;
    }
}

impl Filling {
    fn as_fill(&self, now: u64) -> Fill<'_> {
        let renew = renewals(&self.names, &self.fence, now);
        Fill { entry: self.names.key(), bytes: &self.bytes, ttl: self.ttl, renew }
    }
}

/// The scopes whose generations are in the second half of their lifetime.
///
/// They are renewed, since a wide generation must not expire while many entries depend on it.
fn renewals<'a>(names: &'a Names, fence: &'a FoundFence, now: u64) -> Vec<(&'a str, &'a Gen)> {
    let half = GEN_TTL.as_millis() / 2;
    let all = names.gens().zip(&fence.gens);
    all.filter(|(_, token)| u128::from(now.saturating_sub(token.made_at())) > half).collect()
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Stores entries in one round trip, over the connection of the first.
    async fn store(&self, fillings: Vec<Filling>) {
        #[cfg(feature = "testing")]
        let fillings = self.weakened(fillings).await;
        let Some(live) = fillings.first().map(|first| &first.live) else { return };
        self.0.entry_size.observe(fillings.iter().map(|filling| filling.bytes.len()));
        live.sends(fillings.iter().map(|filling| filling.bytes.len()).sum(), self.0.link.clock.now());
        let now = live.server_now(self.0.link.clock.now());
        let fills = fillings.iter().map(|filling| filling.as_fill(now)).collect();
        let limit = self.0.link.settings.write_timeout;
        let clock = &self.0.link.clock;
        let asked = live.in_time(clock, limit, WAITS, "a fill", live.session.fill(fills));
        match self.0.counters.meter.fill.of(clock, asked).await {
            Ok(()) => {
                self.0.link.succeeded();
                let counters = &self.0.counters;
                Counters::add_many(&counters.fills, fillings.len());
                Counters::add_many(&counters.bytes_written, fillings.iter().map(|filling| filling.bytes.len()).sum());
            }
            Err(error) => self.remote_failed(live, Request::Fill, &error),
        }
    }

    /// Returns the envelope of a value.
    ///
    /// Returns `None` if the value cannot be encoded, is too large to be read again, or would decode to another value.
    fn seal(&self, names: &Names, fence: &FoundFence, expiry: Expiry, value: &R) -> Option<Vec<u8>> {
        let absent = self.0.presence.is_absent(value);
        let codec = self.0.policy.codec;
        let payload = |out: &mut Vec<u8>| {
            let start = out.len();
            codec.encode(value, out).map_err(|_| Unsealed::Encode)?;
            // The flag alone marks an absence, whatever the codec writes for it.
            let is_checked = !absent && self.0.counters.trips.is_due();
            if is_checked && !codec.returns(value, &out[start..]) { Err(Unsealed::Altered) } else { Ok(()) }
        };
        match envelope::seal(&self.identity(names), &names.fence(fence), expiry, absent, payload) {
            Ok(bytes) if bytes.len() <= self.0.link.settings.max_entry => Some(bytes),
            Ok(_) => {
                self.0.counters.unfit(Unfit::TooLarge);
                None
            }
            Err(Unsealed::Encode) => {
                self.0.counters.encode_error();
                None
            }
            Err(Unsealed::Altered) => {
                self.0.counters.altered(codec);
                None
            }
        }
    }

    /// For negative controls: fences the entries with the current generations, as without a fence.
    #[cfg(feature = "testing")]
    async fn weakened(&self, mut fillings: Vec<Filling>) -> Vec<Filling> {
        for filling in &mut fillings {
            match self.0.link.settings.weakness {
                crate::testing::Weakness::NoFence => filling.unfence().await,
                crate::testing::Weakness::EpochAtFill => filling.follow(self.0.link.readable(self.0.namespace)),
                _ => {}
            }
        }
        fillings
    }
}

#[cfg(feature = "testing")]
impl Filling {
    async fn unfence(&mut self) {
        let Ok(gens) = self.live.session.init_gens(&self.names.gens().collect::<Vec<_>>()).await else { return };
        let tokens = gens.into_iter().filter_map(|state| match state {
            crate::coherence::GenState::Free(token) | crate::coherence::GenState::Pending { generation: token, .. } => {
                Some(token)
            }
            _ => None,
        });
        let fence = FoundFence { epoch: self.fence.epoch, gens: tokens.collect() };
        self.bytes = envelope::restamp(&self.bytes, &self.names.fence(&fence));
    }

    /// Fills the current server, as if the entry were loaded under its epoch.
    fn follow(&mut self, current: Option<(Arc<Live>, Epoch)>) {
        let Some((live, epoch)) = current else { return };
        let fence = FoundFence { epoch, gens: self.fence.gens.clone() };
        self.bytes = envelope::restamp(&self.bytes, &self.names.fence(&fence));
        self.live = live;
    }
}
