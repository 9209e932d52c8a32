//! Claims: one refresh of a key in the whole fleet (`refresh = once`).
//!
//! An instance claims a key in the shared tier before it looks there for what another one has refreshed. So the next one to
//! claim the key finds the value of the refresh before. A claim that is lost or expires costs a load, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use super::refresh::{PAUSE, Running};
use super::region::Region;
use crate::coherence::Connection;
use crate::key::KeyPart;
use crate::runtime::random;
use crate::value::Cacheable;

/// The claim of this instance on keys.
pub(super) struct Claim {
    connection: Arc<Connection>,
    token: String,
    /// The keys of the entries' generations.
    generations: Vec<String>,
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Returns the keys that this instance may refresh, and its claim on them.
    ///
    /// The others pause: another instance refreshes them. So do all of them without a reply: the fill would probably fail
    /// as well.
    pub(super) async fn claim(&self, running: Vec<Running<K>>) -> (Vec<Running<K>>, Option<Claim>) {
        let method = self.method();
        let Some(connection) = method.coherence().connection().filter(|_| method.policy.refresh_once) else {
            return (running, None);
        };
        let (clock, token) = (&method.process().clock, random::token_text());
        let keys: Vec<_> = running.iter().map(|one| self.entry_keys(&one.key)).collect();
        let generations: Vec<&str> = keys.iter().map(|keys| keys.scopes[0].generation_key()).collect();
        let settings = &method.process().settings;
        // The claim covers the look-up before the load and the fill after it as well.
        let ttl = method.load_deadline.saturating_add(settings.read_timeout).saturating_add(settings.write_timeout);
        let asked = connection.tier.claim(&generations, &token, ttl);
        let replies = connection.read_in_time(clock, asked).await.unwrap_or_default();
        let now = clock.now();
        let (mut mine, mut claimed) = (Vec::new(), Vec::new());
        for ((mut one, generation), is_claimed) in
            running.into_iter().zip(generations).zip(replies.into_iter().chain(std::iter::repeat(false)))
        {
            if is_claimed {
                claimed.push(generation.to_owned());
                mine.push(one);
            } else {
                one.pause(now, PAUSE);
            }
        }
        (mine, Some(Claim { connection, token, generations: claimed }))
    }

    /// Ends a claim after `rest`. Without a reply it expires.
    pub(super) async fn end_claim(&self, claim: Option<Claim>, rest: Duration) {
        let Some(Claim { connection, token, generations }) = claim.filter(|claim| !claim.generations.is_empty()) else {
            return;
        };
        let generations: Vec<&str> = generations.iter().map(String::as_str).collect();
        let ended = connection.tier.unclaim(&generations, &token, rest);
        let _ = connection.read_in_time(&self.method().process().clock, ended).await;
    }
}
