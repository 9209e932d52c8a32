//! Keys: typed parts, injective text, bounded length.
//!
//! In process a key stays typed: the local tier hashes and compares the parts themselves. Text exists only for the
//! shared tier, and is built on the way there.

use std::hash::Hash;

mod head;
mod lookup;
mod parts;
mod text;
mod writer;

pub(crate) use head::Head;
pub use lookup::Lookup;
pub(crate) use lookup::Query;
pub(crate) use text::{KeyText, hash_of_key, prefix_scope};
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

/// What a key, or one argument of it, has to be. Implemented for every type that can be one.
pub trait KeyPart: CacheKey + Clone + Eq + Hash + Send + Sync + 'static {}

impl<T: CacheKey + Clone + Eq + Hash + Send + Sync + 'static> KeyPart for T {}

#[cfg(test)]
mod tests {
    //! Equal text if and only if equal values, over parts that were chosen to collide.

    use proptest::prelude::*;

    use super::*;

    fn head() -> Head {
        Head::new(None, "ns", None, "e")
    }

    type Nested = Option<(Option<String>, Option<String>)>;
    type Parts = (Option<String>, String, Option<Option<String>>, Vec<Option<String>>, (Nested, Option<String>));

    /// Pieces that have a meaning somewhere.
    const PIECES: [&str; 16] =
        [":", "%", "%-", "%+", "%3A", "%h", "*", "{", "}", "\0", "\n", "a", "1", "é", "e\u{301}", "🦀"];

    /// Two keys from the same pieces, cut into parts at different places, the second one perhaps with a piece as its
    /// escaped form: what a careless join would confuse.
    fn pair() -> impl Strategy<Value = (Parts, Parts)> {
        let pieces = prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..4);
        let cuts = || prop::collection::vec(0_usize..4, 11);
        (pieces, cuts(), cuts(), any::<bool>()).prop_map(|(pieces, one, two, disguise)| {
            let disguised: Vec<_> =
                pieces.iter().map(|piece| if disguise && *piece == ":" { "%3A" } else { piece }).collect();
            (cut(&pieces, &one), cut(&disguised, if disguise { &one } else { &two }))
        })
    }

    /// Gives each part the next few pieces, or makes it absent where its cut is zero.
    fn cut(pieces: &[&str], cuts: &[usize]) -> Parts {
        let mut pieces = pieces.iter();
        let mut text = |cut: usize| (cut > 0).then(|| pieces.by_ref().take(cut - 1).copied().collect::<String>());
        let first = text(cuts[0]);
        let second = text(cuts[1]).unwrap_or_default();
        let optional = (cuts[2] > 0).then(|| text(cuts[3]));
        let list = (0..cuts[4]).map(|at| text(cuts[5 + at % 2])).collect();
        let nested = (cuts[7] > 0).then(|| (text(cuts[8]), text(cuts[9])));
        (first, second, optional, list, (nested, text(cuts[10])))
    }

    fn text(key: &Parts) -> KeyText {
        KeyText::of(&head(), key)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn equal_text_means_equal_parts((one, two) in pair()) {
            prop_assert_eq!(text(&one) == text(&two), one == two);
        }

        #[test]
        fn nothing_with_a_meaning_passes_raw((key, _) in pair()) {
            let text = text(&key);
            let parts = text.key().strip_prefix("ns:e").unwrap();
            prop_assert!(!parts.chars().any(|c| matches!(c, '*' | '{' | '}') || c.is_control()), "{}", text.key());
        }

        #[test]
        fn a_beginning_is_a_beginning((one, two) in pair(), count in 0_usize..5) {
            let begin = |key: &Parts| prefix_scope(&head(), |out| key.write_first(count, out));
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
        assert_ne!(KeyText::of(&head(), &long('a')), KeyText::of(&head(), &long('b')));
        assert_ne!(KeyText::of(&head(), &(long('a'), "b")), KeyText::of(&head(), &format!("{}b", long('a'))));
    }
}
