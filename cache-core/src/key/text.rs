//! The text of a key in the shared tier, bounded in length.

use std::fmt::Write as _;

use super::{CacheKey, KeyWriter};
use crate::coherence::Scope;

/// The most bytes that the parts of a key take in Redis. A longer key is hashed.
const MAX_PARTS: usize = 512;

/// A 128-bit hash that is the same in every build and on every machine (XXH3, Y. Collet).
///
/// It is not a secret and not meant to resist a forger: where a collision would matter, the full text is compared.
fn stable_hash128(bytes: &[u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128(bytes)
}

/// What the shared tier calls an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyText {
    /// Its name is the key of the entry in Redis.
    pub(crate) own: Scope,
    /// The whole text where the key holds only its hash; it travels in the envelope and is compared there.
    pub(crate) full: Option<Box<str>>,
}

impl KeyText {
    pub(crate) fn of<K: CacheKey + ?Sized>(head: &str, key: &K) -> Self {
        let mut full = None;
        let own = Scope::written(|name| {
            let parts = write_parts(name, head, |out| key.write_key(out), KeyWriter::finish);
            full = bound(name, parts).map(|parts| format!("{head}{parts}").into());
        });
        Self { own, full }
    }

    /// What Redis sees.
    #[cfg(test)]
    pub(crate) fn key(&self) -> &str {
        self.own.name()
    }
}

/// The hash that an envelope carries: of the full text.
pub(crate) fn hash_of_key(text: &str) -> u128 {
    stable_hash128(text.as_bytes())
}

/// The scope of all keys that begin with the parts that `write` writes.
pub(crate) fn prefix_scope(head: &str, write: impl FnOnce(&mut KeyWriter)) -> Scope {
    Scope::written(|name| {
        let parts = write_parts(name, head, write, KeyWriter::finish_prefix);
        bound(name, parts);
        // `*` is escaped in a part: no entry's own scope has this name.
        name.push_str(":*");
    })
}

/// Appends the head and the parts; returns where the parts begin.
fn write_parts(
    name: &mut String,
    head: &str,
    write: impl FnOnce(&mut KeyWriter),
    finish: impl FnOnce(KeyWriter) -> String,
) -> usize {
    name.push_str(head);
    let parts = name.len();
    let mut out = KeyWriter::after(std::mem::take(name));
    write(&mut out);
    *name = finish(out);
    parts
}

/// Puts a hash in the place of parts that are too long, and returns them.
fn bound(name: &mut String, parts: usize) -> Option<String> {
    if name.len() - parts <= MAX_PARTS {
        return None;
    }
    let long = name.split_off(parts);
    // `%h` cannot come from a part, where `%` is always followed by two upper-case hexadecimal digits.
    // Writing to a String does not fail.
    let _ = write!(name, ":%h{:032x}", stable_hash128(long.as_bytes()));
    Some(long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_is_hashed_and_keeps_its_full_text() {
        let long = "x".repeat(10_000);
        let text = KeyText::of("ns:e", &long);
        assert!(text.key().len() < 64, "{}", text.key());
        assert_eq!(text.full.as_deref(), Some(&*format!("ns:e:{long}")));
        assert_ne!(text.key(), KeyText::of("ns:e", &"x".repeat(10_001)).key());
    }

    #[test]
    fn the_text_hash_is_the_same_in_every_build() {
        assert_eq!(format!("{:032x}", stable_hash128(b"copilot")), "11b82bbd79ca3b5743109ccf99f5d2f1");
    }

    #[test]
    fn no_entry_has_the_name_of_a_wider_scope() {
        let scope = prefix_scope("ns:e", |out| "t".write_key(out));
        assert_eq!(scope.name(), "ns:e:t:*");
        assert_eq!(KeyText::of("ns:e", &("t", "*")).key(), "ns:e:t:%2A");
    }
}
