//! Parts of a shared look-up, one by one: the text of a key, and the envelope of an entry.
//!
//! The gates of the package `cache-benches` count their instructions and allocations. Nothing else may depend on them.

use crate::key::{CacheKey, Head, KeyText, hash_of_key, prefix_scope};
use crate::protocol::envelope::{Expiry, Identity, open, seal};
use crate::protocol::{Epoch, Fence, Generation};

const GENERATION: &[u8] = b"U1764500000000000-0123456789abcdef";
const EXPIRY: Expiry = Expiry { soft: 1_000, hard: 2_000 };

/// One entry of the shared tier, with the two scopes that a read method without prefixes has.
#[derive(Debug)]
pub struct Entry {
    head: Head,
    hash: u128,
    fence: Fence,
}

impl Entry {
    /// Creates the entry of a key. Returns `None` if the module and the protocol disagree about a generation.
    pub fn of<K: CacheKey>(namespace: &str, entity: &str, key: &K) -> Option<Self> {
        let head = Head::new(None, namespace, None, entity);
        let own = KeyText::of(&head, key).own;
        let hash = hash_of_key(own.name());
        let generation = Generation::from_bytes(GENERATION)?;
        let scopes = [own, prefix_scope(&head, |_| ())];
        Some(Self { fence: Fence::new(Epoch(5), &scopes, [generation.clone(), generation]), head, hash })
    }

    /// Writes the text of another key of the same method, and returns its length in bytes.
    pub fn key_text<K: CacheKey>(&self, key: &K) -> usize {
        KeyText::of(&self.head, key).own.name().len()
    }

    /// Returns the envelope around a payload.
    pub fn seal(&self, payload: &[u8]) -> Vec<u8> {
        let sealed = seal(&self.identity(), &self.fence, EXPIRY, false, |out| {
            out.extend_from_slice(payload);
            Ok::<_, std::convert::Infallible>(())
        });
        match sealed {
            Ok(bytes) => bytes,
            Err(never) => match never {},
        }
    }

    /// Returns the length of the payload of an envelope that [`seal`](Self::seal) wrote, and `None` for any other bytes.
    pub fn open(&self, bytes: &[u8]) -> Option<usize> {
        open(bytes, &self.identity(), &self.fence, 0, 0).ok().map(|opened| opened.payload.len())
    }

    fn identity(&self) -> Identity<'_> {
        Identity { source: 1, method: 2, codec: 1, fingerprint: 3, key_hash: self.hash, full_key: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_opens_its_own_envelope_and_no_other() {
        let [one, two] = ["1", "2"].map(|key| Entry::of("ns", "e", &key).unwrap());
        let sealed = one.seal(b"payload");
        assert_eq!(one.open(&sealed), Some(7));
        assert_eq!(two.open(&sealed), None);
        assert_eq!(one.key_text(&"other"), "ns:e:other".len());
    }
}
