//! The text of a key in the shared tier, bounded in length.
//!
//! Short parts stay readable, for an operator with `redis-cli`. Parts of more than 512 bytes are replaced by a hash of
//! 128 bits, and the envelope of the entry carries the full text: a collision is a miss.

use std::cell::Cell;
use std::fmt::{Display, Write as _};

use super::{CacheKey, Head, KeyWriter};
use crate::protocol::Scope;

/// The maximum length of a key's parts in Redis, in bytes. Longer parts are hashed.
const MAX_PARTS: usize = 512;

/// A 128-bit hash that is the same in every build (XXH3, Y. Collet).
///
/// It does not resist forgery; if a collision would matter, the full text is compared.
pub(super) fn stable_hash128(bytes: &[u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128(bytes)
}

/// The text of an entry's key in the shared tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyText {
    /// The scope whose name is the key of the entry in Redis.
    pub(crate) own: Scope,
    /// The full text, if the key has only a hash of a part of it.
    ///
    /// The envelope carries it, and a reader compares it.
    pub(crate) full: Option<Box<str>>,
}

impl KeyText {
    pub(crate) fn of<K: CacheKey + ?Sized>(head: &Head, key: &K) -> Self {
        let mut full = None;
        let own = Scope::written(head.bus_namespace().len(), |name| {
            let parts = write_parts(name, head, |out| key.write_key(out), KeyWriter::finish);
            full = bound(name, parts).map(|parts| format!("{}{parts}", head.full_text()).into());
            if let (None, Some(head)) = (&full, head.full()) {
                full = Some(format!("{head}{}", &name[parts..]).into());
            }
        });
        Self { own, full }
    }

    /// Returns the key in Redis.
    #[cfg(test)]
    pub(crate) fn key(&self) -> &str {
        self.own.name()
    }
}

thread_local! {
    /// Buffers for the texts of a comparison, so that a local hit does not allocate.
    static BUFFERS: Cell<[String; 2]> = const { Cell::new([String::new(), String::new()]) };
}

/// Whether both write the same parts.
pub(super) fn same(one: impl FnOnce(&mut KeyWriter), two: impl FnOnce(&mut KeyWriter)) -> bool {
    // A key that looks up another one while it is written gets new buffers here.
    let [first, second] = BUFFERS.take();
    let (first, second) = (written(first, one), written(second, two));
    let same = first == second;
    BUFFERS.set([first, second]);
    same
}

fn written(mut buffer: String, write: impl FnOnce(&mut KeyWriter)) -> String {
    buffer.clear();
    let mut out = KeyWriter::after(buffer);
    write(&mut out);
    out.finish()
}

/// Whether both display the same text.
pub fn same_display<T: Display + ?Sized>(one: &T, two: &T) -> bool {
    same(|out| out.display(&one), |out| out.display(&two))
}

/// The hash of the full text, which an envelope carries.
pub(crate) fn hash_of_key(text: &str) -> u128 {
    stable_hash128(text.as_bytes())
}

/// Returns the scope of all keys that begin with the parts of `write`.
pub(crate) fn prefix_scope(head: &Head, write: impl FnOnce(&mut KeyWriter)) -> Scope {
    Scope::written(head.bus_namespace().len(), |name| {
        let parts = write_parts(name, head, write, KeyWriter::finish_prefix);
        bound(name, parts);
        // `*` is escaped in a part: no entry's own scope has this name.
        name.push_str(":*");
    })
}

/// Appends the head and the parts; returns where the parts begin.
fn write_parts(
    name: &mut String,
    head: &Head,
    write: impl FnOnce(&mut KeyWriter),
    finish: impl FnOnce(KeyWriter) -> String,
) -> usize {
    name.push_str(head.text());
    let parts = name.len();
    let mut out = KeyWriter::after(std::mem::take(name));
    write(&mut out);
    *name = finish(out);
    parts
}

/// Replaces parts that are too long by a hash, and returns them.
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

    fn head() -> Head {
        Head::new(None, "ns", None, "e")
    }

    #[test]
    fn a_long_key_is_hashed_and_keeps_its_full_text() {
        let long = "x".repeat(10_000);
        let text = KeyText::of(&head(), &long);
        assert!(text.key().len() < 64, "{}", text.key());
        assert_eq!(text.full.as_deref(), Some(&*format!("ns:e:{long}")));
        assert_ne!(text.key(), KeyText::of(&head(), &"x".repeat(10_001)).key());
    }

    #[test]
    fn a_hashed_partition_travels_in_full() {
        let long = "p".repeat(1000);
        let head = Head::new(None, "ns", Some(&long), "e");
        let text = KeyText::of(&head, "k");
        assert!(text.key().len() < 64 && text.key().ends_with(":e:k"), "{}", text.key());
        assert_eq!(text.full.as_deref(), Some(&*format!("ns:%p{long}:e:k")));
        let both = KeyText::of(&head, &"x".repeat(1000));
        assert_eq!(both.full.as_deref(), Some(&*format!("ns:%p{long}:e:{}", "x".repeat(1000))));
    }

    #[test]
    fn the_text_hash_is_the_same_in_every_build() {
        assert_eq!(format!("{:032x}", stable_hash128(b"copilot")), "11b82bbd79ca3b5743109ccf99f5d2f1");
    }

    #[test]
    fn no_entry_has_the_name_of_a_wider_scope() {
        let scope = prefix_scope(&head(), |out| "t".write_key(out));
        assert_eq!(scope.name(), "ns:e:t:*");
        assert_eq!(KeyText::of(&head(), &("t", "*")).key(), "ns:e:t:%2A");
    }
}
