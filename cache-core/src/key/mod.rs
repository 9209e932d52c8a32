//! Keys: typed parts, injective text, bounded length.
//!
//! In process a key stays typed: the local tier hashes and compares the parts themselves. Text exists only for the
//! shared tier, and is built on the way there.

mod lookup;
mod parts;
mod text;
mod writer;

pub use lookup::Lookup;
pub(crate) use lookup::Query;
pub(crate) use text::{KeyText, prefix_scope};
pub use writer::KeyWriter;

/// A type whose value is one or more parts of a cache key.
///
/// Derive it for newtypes and input structs; `#[cache_key(display)]` on a field writes the field's `Display` text.
/// Implementations for `str`, `String`, `bool`, `char`, the integers, `Option`, slices, arrays, `Vec`, references and
/// tuples exist; floating-point numbers have none, since equal keys must have equal text.
///
/// # Contract
///
/// Equal values write equal parts, and different values of one type write different parts. A type writes the same
/// number of parts for every value, or writes first what tells how many follow (an `enum` its variant, a slice its
/// length). The derive keeps to both.
///
/// ```
/// use cache_core::CacheKey;
///
/// #[derive(CacheKey)]
/// struct Page {
///     tenant: u64,
///     locale: Option<String>,
/// }
/// ```
pub trait CacheKey {
    /// Writes the parts of this value, in order.
    fn write_key(&self, out: &mut KeyWriter);

    /// Writes the parts of the first `count` arguments, where this is the key of a method with several arguments.
    #[doc(hidden)]
    fn write_first(&self, count: usize, out: &mut KeyWriter) {
        if count > 0 {
            self.write_key(out);
        }
    }
}

#[cfg(test)]
mod tests {
    //! Equal text if and only if equal values, over parts that were chosen to collide.

    use proptest::prelude::*;

    use super::*;

    /// Text made of what has a meaning somewhere, so that two different draws come close.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            ":", "%", "%-", "%+", "%3A", "%h", "*", "{", "}", "{}", "\0", "\n", "a", "b", "A", "é", "e\u{301}", "🦀",
            "",
        ]);
        prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
    }

    type Parts = (Option<String>, String, Option<Option<String>>, Vec<Option<String>>, (Option<u8>, Option<String>));

    fn parts() -> impl Strategy<Value = Parts> {
        let some = || prop::option::of(hostile());
        let nested = prop::option::of(some());
        let pair = (prop::option::of(0_u8..3), some());
        (some(), hostile(), nested, prop::collection::vec(some(), 0..3), pair)
    }

    fn text(key: &Parts) -> KeyText {
        KeyText::of("ns:e", key)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn equal_text_means_equal_parts(one in parts(), two in parts()) {
            prop_assert_eq!(text(&one) == text(&two), one == two);
        }

        #[test]
        fn nothing_with_a_meaning_passes_raw(key in parts()) {
            let text = text(&key);
            let parts = text.key.strip_prefix("ns:e").unwrap();
            prop_assert!(!parts.chars().any(|c| matches!(c, '*' | '{' | '}') || c.is_control()), "{}", text.key);
        }

        #[test]
        fn a_beginning_is_a_beginning(one in parts(), two in parts(), count in 0_usize..5) {
            let begin = |key: &Parts| prefix_scope("ns:e", |out| key.write_first(count, out));
            let same = match count {
                0 => true,
                1 => one.0 == two.0,
                2 => (&one.0, &one.1) == (&two.0, &two.1),
                3 => (&one.0, &one.1, &one.2) == (&two.0, &two.1, &two.2),
                _ => (&one.0, &one.1, &one.2, &one.3) == (&two.0, &two.1, &two.2, &two.3),
            };
            prop_assert_eq!(begin(&one) == begin(&two), same);
        }
    }

    #[test]
    fn long_parts_do_not_collide_either() {
        let long = |last: char| format!("{}{last}", "x".repeat(10_000));
        assert_ne!(KeyText::of("ns:e", &long('a')), KeyText::of("ns:e", &long('b')));
        assert_ne!(KeyText::of("ns:e", &(long('a'), "b")), KeyText::of("ns:e", &format!("{}b", long('a'))));
    }
}
