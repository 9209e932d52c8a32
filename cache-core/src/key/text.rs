//! The text of a key in the shared tier, bounded in length.

use super::{CacheKey, KeyWriter};

/// The most bytes that the parts of a key take in Redis. A longer key is hashed.
const MAX_PARTS: usize = 512;

/// A 128-bit hash that is the same in every build and on every machine (XXH3, Y. Collet).
///
/// It is not a secret and not meant to resist a forger: where a collision would matter, the full text is compared.
fn stable_hash128(bytes: &[u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128(bytes)
}

/// The key of an entry in the shared tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyText {
    /// What Redis sees.
    pub(crate) key: Box<str>,
    /// The whole text where `key` holds only its hash; it travels in the envelope and is compared there.
    pub(crate) full: Option<Box<str>>,
}

impl KeyText {
    pub(crate) fn of<K: CacheKey + ?Sized>(head: &str, key: &K) -> Self {
        let mut out = KeyWriter::new();
        key.write_key(&mut out);
        let parts = out.finish();
        if parts.len() <= MAX_PARTS {
            return Self { key: format!("{head}{parts}").into(), full: None };
        }
        let hashed = format!("{head}{}", hashed(&parts));
        Self { key: hashed.into(), full: Some(format!("{head}{parts}").into()) }
    }

    /// The hash that an envelope carries: of the full text.
    pub(crate) fn hash(&self) -> u128 {
        stable_hash128(self.full.as_ref().unwrap_or(&self.key).as_bytes())
    }
}

/// The name of the scope of all keys that begin with the parts that `write` writes.
pub(crate) fn prefix_scope(head: &str, write: impl FnOnce(&mut KeyWriter)) -> String {
    let mut out = KeyWriter::new();
    write(&mut out);
    let parts = out.finish_prefix();
    // `*` is escaped in a part: no entry's own scope has this name.
    if parts.len() <= MAX_PARTS { format!("{head}{parts}:*") } else { format!("{head}{}:*", hashed(&parts)) }
}

fn hashed(parts: &str) -> String {
    // `%h` cannot come from a part, where `%` is always followed by two upper-case hexadecimal digits.
    format!(":%h{:032x}", stable_hash128(parts.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_is_hashed_and_keeps_its_full_text() {
        let long = "x".repeat(10_000);
        let text = KeyText::of("ns:e", &long);
        assert!(text.key.len() < 64, "{}", text.key);
        assert_eq!(text.full.as_deref(), Some(&*format!("ns:e:{long}")));
        assert_ne!(text.hash(), KeyText::of("ns:e", &"x".repeat(10_001)).hash());
    }

    #[test]
    fn the_text_hash_is_the_same_in_every_build() {
        assert_eq!(format!("{:032x}", stable_hash128(b"copilot")), "11b82bbd79ca3b5743109ccf99f5d2f1");
    }

    #[test]
    fn no_entry_has_the_name_of_a_wider_scope() {
        let scope = prefix_scope("ns:e", |out| "t".write_key(out));
        assert_eq!(scope, "ns:e:t:*");
        assert_eq!(&*KeyText::of("ns:e", &("t", "*")).key, "ns:e:t:%2A");
    }
}
