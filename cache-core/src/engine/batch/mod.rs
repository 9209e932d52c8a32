//! Reads of many keys at once, which share entries, flights and fences with reads of one key.
//!
//! Keys that the local tier lacks are fetched from the shared tier, in round trips that are bounded by keys and by
//! bytes (`entry_size`), and keys that the shared tier lacks are loaded from the store in one call.
//!
//! A batch leads the flights of some of its keys and follows those of others, and another batch may do the reverse. To
//! avoid a cycle of waits, a flight begins as soon as the previous flight *of the same key* has ended, together with
//! all others that are ready at that moment, regardless of what the rest of the batch waits for. A batch follows the
//! flights of others only after its own have ended.

mod load;
mod lookup;
mod read;
mod slot;
mod terms;

use std::hash::Hash;

use futures_util::future::BoxFuture;

use super::region::Region;
use crate::key::KeyPart;
use crate::value::Cacheable;
use load::LoadMany;

pub use slot::{BatchMap, Slot};
pub use terms::BatchTerms;

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Returns the values of many keys from the local tier, the shared tier, or `load`.
    ///
    /// The keys differ in one part, which `part` returns; the result maps that part to the value. Keys may occur more
    /// than once. `load` receives the parts that no tier could answer, each once, usually in one call. There is more
    /// than one call only if another read of the same keys is in progress. It runs in a task of its own.
    ///
    /// A key that is missing in the result of `load` is absent: if the region's values are optional, the absence is
    /// cached like that of a single read.
    pub fn read_many<'a, T, M, E, F, Fut>(
        &'a self,
        keys: Vec<K>,
        part: fn(&K) -> &T,
        terms: BatchTerms<'a, K, R, E>,
        load: F,
    ) -> BoxFuture<'a, Result<M, E>>
    where
        T: Clone + Eq + Hash + Send + Sync + 'static,
        M: BatchMap<T>,
        R: Slot<M::Value>,
        E: Send + 'static,
        F: Fn(Vec<T>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<M, E>> + Send + 'static,
    {
        let load = LoadMany::new(part, load);
        Box::pin(async move {
            let found = self.read_batch(keys, terms, load).await?;
            let pairs = found.into_iter().filter_map(|(key, value)| Some((part(&key).clone(), value.into_found()?)));
            Ok(M::from_pairs(pairs))
        })
    }
}
