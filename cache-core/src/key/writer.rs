//! The text of a key: parts joined by `:`, each escaped.
//!
//! Invariant: the text is injective. A separator inside of a part is escaped, an absent part differs from an empty one,
//! and a key prefix writes absent parts that a whole key omits.

use std::fmt::{Display, Write as _};

use super::CacheKey;

/// Written for an absent part that a present one follows. `%` is always escaped in a part, so no part can equal it.
const ABSENT: &str = ":%-";
/// Written before a present optional value whose own text could be mistaken for an absent one.
const PRESENT: &str = ":%+";

/// Joins the parts of a key into text that differs for different parts.
///
/// `:`, `%`, `*`, braces and control characters are always escaped: each byte is written as `%` and two hexadecimal
/// digits. Absent parts at the end are omitted.
///
/// Only an implementation of [`CacheKey`] receives one. There is no way to read the text back.
///
/// # Examples
///
/// ```
/// use cache_core::{CacheKey, KeyWriter};
///
/// #[derive(Clone, PartialEq, Eq, Hash)]
/// struct Range {
///     from: u32,
///     to: Option<u32>,
/// }
///
/// impl CacheKey for Range {
///     fn write_key(&self, out: &mut KeyWriter) {
///         out.display(&self.from);
///         out.optional(self.to.as_ref());
///     }
/// }
/// ```
#[derive(Debug)]
pub struct KeyWriter {
    text: String,
    /// The number of absent parts since the last present one.
    absent: usize,
}

impl KeyWriter {
    /// Creates a writer that appends to `text`.
    pub(crate) fn after(text: String) -> Self {
        Self { text, absent: 0 }
    }

    /// Writes one part. Any text is allowed, and empty text is a part as well.
    pub fn part(&mut self, text: &str) {
        self.begin_part();
        Escaped(&mut self.text).push(text);
    }

    /// Writes bytes as one part: their text as it is, and what is no text byte by byte in the escaped form.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.begin_part();
        let mut part = Escaped(&mut self.text);
        for chunk in bytes.utf8_chunks() {
            part.push(chunk.valid());
            part.push_escaped(chunk.invalid());
        }
    }

    /// Writes the `Display` text of `value` as one part.
    ///
    /// # Panics
    ///
    /// Panics if the `Display` implementation returns an error, as `to_string` does: the text written until then may be
    /// the beginning of several keys.
    pub fn display(&mut self, value: &dyn Display) {
        self.begin_part();
        write!(Escaped(&mut self.text), "{value}").expect("the Display implementation of a key returned an error");
    }

    /// Writes parts that another writer has written, with all absent ones.
    pub(super) fn written(&mut self, parts: &str) {
        if !parts.is_empty() {
            self.write_absent();
            self.text.push_str(parts);
        }
    }

    /// Writes the parts of an optional value, or the mark of an absent one.
    ///
    /// `None`, `Some("")` and `Some(None)` differ.
    pub fn optional<T: CacheKey + ?Sized>(&mut self, value: Option<&T>) {
        let Some(value) = value else {
            self.absent += 1;
            return;
        };
        self.write_absent();
        let start = self.text.len();
        value.write_key(self);
        let written = &self.text[start..];
        if written.is_empty() || written.starts_with(ABSENT) || written.starts_with(PRESENT) {
            self.text.insert_str(start, PRESENT);
        }
    }

    /// Returns the text of a whole key, without absent parts at the end.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// Returns the text of a key prefix with all absent parts, since more parts may follow.
    pub(crate) fn finish_prefix(mut self) -> String {
        self.write_absent();
        self.text
    }

    fn begin_part(&mut self) {
        self.write_absent();
        self.text.push(':');
    }

    fn write_absent(&mut self) {
        for _ in 0..std::mem::take(&mut self.absent) {
            self.text.push_str(ABSENT);
        }
    }
}

/// Appends one part of a key in escaped form.
pub(super) fn escape_into(out: &mut String, part: &str) {
    Escaped(out).push(part);
}

/// Appends text, and escapes everything with a meaning in keys, Redis Cluster or terminals.
struct Escaped<'a>(&'a mut String);

impl Escaped<'_> {
    fn push(&mut self, text: &str) {
        if text.bytes().all(is_plain) {
            self.0.push_str(text);
            return;
        }
        let mut rest = text;
        while let Some(at) = rest.find(must_escape) {
            self.0.push_str(&rest[..at]);
            let width = rest[at..].chars().next().map_or(1, char::len_utf8);
            self.push_escaped(&rest.as_bytes()[at..at + width]);
            rest = &rest[at + width..];
        }
        self.0.push_str(rest);
    }

    fn push_escaped(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let _ = write!(self.0, "%{byte:02X}");
        }
    }
}

impl std::fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push(text);
        Ok(())
    }
}

/// Whether a byte needs no escaping. Most parts are identifiers, which need not be decoded into characters.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

fn must_escape(c: char) -> bool {
    matches!(c, ':' | '%' | '*' | '{' | '}') || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<K: CacheKey>(key: &K) -> String {
        let mut out = KeyWriter::after(String::new());
        key.write_key(&mut out);
        out.finish()
    }

    /// Two such values may have written the same text.
    #[test]
    #[should_panic(expected = "the Display implementation of a key returned an error")]
    fn a_display_error_makes_no_key() {
        struct Broken;

        impl Display for Broken {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("user-")?;
                Err(std::fmt::Error)
            }
        }

        KeyWriter::after(String::new()).display(&Broken);
    }

    #[test]
    fn reserved_characters_are_escaped() {
        assert_eq!(text(&"a:b%c{d}*\0\n\u{85}é🦀"), ":a%3Ab%25c%7Bd%7D%2A%00%0A%C2%85é🦀");
    }

    #[test]
    fn absent_trailing_parts_are_omitted_and_others_are_not() {
        assert_eq!(text(&("t", Some("u"))), ":t:u");
        assert_eq!(text(&("t", None::<&str>)), ":t");
        assert_eq!(text(&("t", Some(""))), ":t:");
        assert_eq!(text(&(None::<&str>, "t")), ":%-:t");
        assert_eq!(text(&(None::<&str>, None::<&str>)), "");
    }

    #[test]
    fn nested_optionals_stay_apart() {
        assert_eq!(text(&None::<Option<u8>>), "");
        assert_eq!(text(&Some(None::<u8>)), ":%+");
        assert_eq!(text(&Some(Some(1_u8))), ":1");
        assert_eq!(text(&Some((None::<u8>, 1_u8))), ":%+:%-:1");
    }
}
