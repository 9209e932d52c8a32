//! Putting a loaded value into the shared tier.

use std::sync::Arc;
use std::time::Duration;

use super::lookup::{Keep, Ticket};
use super::names::Names;
use super::region::Region;
use crate::coherence::{Gen, Live};
use crate::envelope::{self, Expiry, Unfit};
use crate::flight::FoundFence;
use crate::key::KeyPart;
use crate::observability::Counters;
use crate::tier::remote::{Fill, GEN_TTL, RemoteError};
use crate::value::Cacheable;

/// A value on its way into the shared tier, after the callers have been answered.
pub(super) struct LateFill<K, R>(Option<Filling<K, R>>);

struct Filling<K, R> {
    region: Region<K, R>,
    names: Names,
    live: Arc<Live>,
    fence: Arc<FoundFence>,
    bytes: Vec<u8>,
    ttl: Duration,
}

impl<K: KeyPart, R: Cacheable> LateFill<K, R> {
    pub(super) fn nothing() -> Self {
        Self(None)
    }

    pub(super) fn new(region: Region<K, R>, names: Names, ticket: Ticket, life: Option<Duration>, value: &R) -> Self {
        let (Some(life), Keep::Both { live, fence, .. }) = (life, ticket.keep) else { return Self::nothing() };
        let now = region.0.link.clock.now();
        let Some(ttl) = life.checked_sub(now.since(ticket.started)).filter(|ttl| !ttl.is_zero()) else {
            return Self::nothing();
        };
        let ends = live.server_now(now) + u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX / 2);
        let expiry = Expiry { soft: ends, hard: ends };
        match region.seal(&names, &fence, expiry, value) {
            Some(bytes) => Self(Some(Filling { region, names, live, fence, bytes, ttl })),
            None => Self::nothing(),
        }
    }

    /// Stores the entry. An error is counted and nothing else: the next read finds a miss.
    pub(super) async fn store(self) {
        let Some(filling) = self.0 else { return };
        let Filling { region, names, live, fence, bytes, ttl } = filling;
        #[cfg(feature = "testing")]
        let bytes = region.unfenced(&names, &live, bytes).await;
        let size = bytes.len();
        let renew = renewals(&names, &fence, live.server_now(region.0.link.clock.now()));
        let fill = Fill { entry: &names.text.key, bytes, ttl, renew };
        let limit = region.0.link.settings.write_timeout;
        match region.0.link.clock.timeout(limit, live.session.fill(fill)).await {
            Some(Ok(())) => {
                Counters::add(&region.0.counters.fills);
                Counters::add_many(&region.0.counters.bytes_written, size);
            }
            Some(Err(error)) => region.remote_failed(&live, &error),
            None => region.remote_failed(&live, &RemoteError::timeout("a fill")),
        }
    }
}

/// The scopes whose tokens are in the second half of their life: a wide one must not lapse under all its entries.
fn renewals<'a>(names: &'a Names, fence: &'a FoundFence, now: u64) -> Vec<(&'a str, &'a Gen)> {
    let half = GEN_TTL.as_millis() / 2;
    let all = names.gen_keys.iter().map(String::as_str).zip(&fence.gens);
    all.filter(|(_, token)| u128::from(now.saturating_sub(token.made_at())) > half).collect()
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// The envelope of a value; `None` when it cannot be encoded or is too large to be read again.
    fn seal(&self, names: &Names, fence: &FoundFence, expiry: Expiry, value: &R) -> Option<Vec<u8>> {
        let absent = self.0.presence.is_absent(value);
        let codec = self.0.policy.codec;
        let payload = |out: &mut Vec<u8>| codec.encode(value, out);
        match envelope::seal(&self.identity(names), &names.fence(fence), expiry, absent, payload) {
            Ok(bytes) if bytes.len() <= self.0.link.settings.max_entry => Some(bytes),
            Ok(_) => {
                self.0.counters.unfit(Unfit::TooLarge);
                None
            }
            Err(_) => {
                self.0.counters.encode_error();
                None
            }
        }
    }

    /// For negative controls: stamps the entry with what is current now, as a cache without a fence would.
    #[cfg(feature = "testing")]
    async fn unfenced(&self, names: &Names, live: &Live, bytes: Vec<u8>) -> Vec<u8> {
        use crate::testing::Weakness;
        if self.0.link.settings.weakness != Weakness::NoFence {
            return bytes;
        }
        let Ok(gens) = live.session.init_gens(&names.gen_keys).await else { return bytes };
        let tokens: Vec<_> = gens
            .into_iter()
            .filter_map(|state| match state {
                crate::coherence::GenState::Free(token) => Some(token),
                _ => None,
            })
            .collect();
        let fence = FoundFence { epoch: live.epoch(), gens: tokens };
        envelope::restamp(&bytes, &names.fence(&fence))
    }
}
