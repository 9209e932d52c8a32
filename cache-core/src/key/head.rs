//! The beginning of every key of a read method, which is built once for each region.
//!
//! It also determines the bus namespace. Two stores with the same first part of the namespace share a bus, on every
//! instance.

use std::fmt::Write as _;

use super::text::stable_hash128;
use super::writer::escape_into;
use crate::protocol::TAG_MARK;

/// The maximum length of a partition in a key, in bytes. A longer one is hashed.
const MAX_PARTITION: usize = 128;

/// The beginning of a key: prefix, namespace, partition and entity.
///
/// ```text
/// staging:copilot:llm:%peu:policy
/// ```
///
/// The prefix and the partition are optional. Entities are escaped like the parts of a key, in which `%` is always
/// followed by two upper-case hexadecimal digits: no entity can look like `%p`, or like the `%t` of a tag family, and the
/// text contains no brace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    text: Box<str>,
    /// The length of the bus namespace at the start of the text.
    bus: usize,
    /// The full text, if the partition is hashed in `text`.
    full: Option<Box<str>>,
}

impl Head {
    pub(crate) fn new(prefix: Option<&str>, namespace: &str, partition: Option<&str>, entity: &str) -> Self {
        Self::marked(prefix, namespace, partition, "", entity)
    }

    /// Returns the beginning of the names of a tag family's scopes.
    pub(crate) fn of_family(prefix: Option<&str>, namespace: &str, partition: Option<&str>, family: &str) -> Self {
        Self::marked(prefix, namespace, partition, TAG_MARK, family)
    }

    fn marked(prefix: Option<&str>, namespace: &str, partition: Option<&str>, mark: &str, entity: &str) -> Self {
        let mut text = String::with_capacity(64);
        if let Some(prefix) = prefix {
            text.push_str(prefix);
            text.push(':');
        }
        let namespace_at = text.len();
        for (at, part) in namespace.split(':').enumerate() {
            if at > 0 {
                text.push(':');
            }
            escape_into(&mut text, part);
        }
        let bus = text[namespace_at..].find(':').map_or(text.len(), |at| namespace_at + at);
        let mut full = None;
        if let Some(partition) = partition {
            full = push_partition(&mut text, partition);
        }
        text.push(':');
        text.push_str(mark);
        escape_into(&mut text, entity);
        if let Some(full) = &mut full {
            full.push(':');
            full.push_str(mark);
            escape_into(full, entity);
        }
        Self { text: text.into(), bus, full: full.map(Into::into) }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The full text, if [`text`](Self::text) has only a hash of the partition.
    pub(crate) fn full(&self) -> Option<&str> {
        self.full.as_deref()
    }

    /// The full text, which differs for every head, whatever its length.
    pub(crate) fn full_text(&self) -> &str {
        self.full().unwrap_or(self.text())
    }

    /// The bus namespace: the prefix and the first part of the namespace.
    ///
    /// The bus, the epoch and the heartbeats belong to it. It is derived and not configured, so that two instances that
    /// share a store are always on the same bus.
    pub(crate) fn bus_namespace(&self) -> &str {
        &self.text[..self.bus]
    }
}

/// Appends the partition or its hash; returns the full text if it was hashed.
fn push_partition(text: &mut String, partition: &str) -> Option<String> {
    let mut escaped = String::with_capacity(partition.len());
    escape_into(&mut escaped, partition);
    if escaped.len() <= MAX_PARTITION {
        text.push_str(":%p");
        text.push_str(&escaped);
        return None;
    }
    let full = format!("{text}:%p{escaped}");
    // Writing to a String does not fail.
    let _ = write!(text, ":%P{:032x}", stable_hash128(escaped.as_bytes()));
    Some(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_and_partition_have_fixed_positions() {
        let head = Head::new(None, "copilot:llm", None, "policy");
        assert_eq!((head.text(), head.bus_namespace()), ("copilot:llm:policy", "copilot"));
        let head = Head::new(Some("a:staging"), "copilot:llm", Some("eu"), "policy");
        assert_eq!((head.text(), head.bus_namespace()), ("a:staging:copilot:llm:%peu:policy", "a:staging:copilot"));
        let head = Head::new(Some("staging"), "shop", Some(""), "owner");
        assert_eq!((head.text(), head.bus_namespace()), ("staging:shop:%p:owner", "staging:shop"));
    }

    #[test]
    fn a_partition_of_any_text_is_escaped_and_bounded() {
        let head = |partition: &str| Head::new(None, "ns", Some(partition), "e");
        assert_eq!(head("a:b*{c}%").text(), "ns:%pa%3Ab%2A%7Bc%7D%25:e");
        let (one, two) = (head(&"x".repeat(10_000)), head(&"x".repeat(10_001)));
        assert!(one.text().len() < 64 && one != two, "{}", one.text());
        assert_eq!(one.full().map(str::len), Some("ns:%p".len() + 10_000 + ":e".len()));
        assert_ne!(head("%p").text(), head("p").text());
    }

    #[test]
    fn custom_names_cannot_escape_their_position() {
        assert_eq!(Head::new(None, "g", None, "{ns:}:epoch").text(), "g:%7Bns%3A%7D%3Aepoch");
        assert_eq!(Head::new(None, "ns:%peu", None, "e").text(), "ns:%25peu:e");
        assert_eq!(Head::new(None, "g:{x}", None, "%peu").bus_namespace(), "g");
    }
}
