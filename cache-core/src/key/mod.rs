//! Cache keys: typed parts, injective text, bounded length.
//!
//! In process a key stays typed: the local tier hashes and compares the parts themselves. The text is built only for
//! the shared tier.
//!
//! Invariants: different parts give different text, for any text in the parts; no entry has the key of a generation, a
//! lock or a channel; a long key is hashed, and the full text is compared, so that a collision is a miss. There is no
//! way to read a key back, and no pattern over keys: nothing ever scans them.

use std::hash::Hash;

mod collections;
mod head;
#[cfg(test)]
mod injective;
mod lookup;
mod mapped;
mod parts;
mod text;
mod times;
mod writer;

pub(crate) use head::Head;
pub use lookup::Lookup;
#[doc(hidden)]
pub use mapped::{Float, TextPart};
#[doc(hidden)]
pub use text::same_display;
pub(crate) use text::{KeyText, hash_of_key, prefix_scope};
pub use writer::KeyWriter;

/// A type whose value is one or more parts of a cache key.
///
/// Derive it for newtypes and input structs; `#[cache_key(display)]` on a field writes the field's `Display` text.
///
/// | types | text |
/// | --- | --- |
/// | `str`, `String` | as it is, with special characters escaped |
/// | `Path`, `PathBuf`, `OsStr`, `OsString` | as they are, also if they are no UTF-8: `a/b` and `a//b` are two keys |
/// | `bool`, `char`, the integers | as `Display` writes them |
/// | `IpAddr`, `SocketAddr` and their variants | as `Display`, and the flow information of IPv6 |
/// | `uuid::Uuid`, with the feature `uuid` | as `Display` |
/// | the integers as `NonZero` | as `Display` writes them |
/// | `f32`, `f64` | the shortest text of the number; both zeros are one key, and a NaN is never cached |
/// | `Duration`, `SystemTime` | seconds, with nine digits after the point |
/// | dates and times of `chrono` (naive, or in UTC) and `time`, with the features of these names | as `Display`, or the nanoseconds since 1970 |
/// | `Option`, tuples of up to eight, `()` | their parts; an absent one has a mark of its own |
/// | `PhantomData` | no part |
/// | slices, `Vec`, `BTreeSet`, `BTreeMap` | their length, then their elements |
/// | arrays | their elements |
/// | `Range`, `RangeInclusive` | their bounds |
/// | `&T`, `Box`, `Rc`, `Arc`, `Cow` | those of the target |
///
/// `HashMap` and `HashSet` do not implement it, since their order varies. For a type of another crate with a `Display`
/// that tells its values apart, write `display(param)` in [`cached_store`](crate::cached_store), or a newtype with
/// `#[cache_key(display)]`.
///
/// An argument of a cached method also needs `Clone`, `Eq`, `Hash`, `Send` and `Sync`, since the local tier keeps it: see
/// [`KeyPart`].
///
/// # Arguments that are no parts
///
/// A call with a NaN goes to the store, and nothing is cached: a NaN is not equal to itself. An argument that borrows
/// inside of its type, such as `&[&str]` or an enum with a lifetime, has no owned form that a load in a task of its own
/// could keep. With `load = inline` it is allowed: the cache keeps its text, and a look-up makes one allocation.
///
/// # Contract
///
/// Different values of one type write different parts, and values that write equal parts are one key, whatever `Eq`
/// returns. A type writes the same number of parts for every value, or first writes a part that determines how many
/// follow (an `enum` its variant, a slice its length). The derive satisfies both.
///
/// # Examples
///
/// ```
/// use cache_core::CacheKey;
///
/// #[derive(CacheKey)]
/// struct Page {
///     tenant: u64,
///     locale: Option<String>,
/// }
///
/// #[derive(CacheKey)]
/// struct Price(#[cache_key(display)] std::num::Wrapping<u32>); // a type without an implementation
/// ```
///
/// By hand, to choose the text of the key:
///
/// ```
/// use cache_core::{CacheKey, KeyWriter};
///
/// #[derive(Clone, PartialEq, Eq, Hash)]
/// struct Version {
///     major: u16,
///     minor: u16,
/// }
///
/// impl CacheKey for Version {
///     fn write_key(&self, out: &mut KeyWriter) {
///         out.display(&format_args!("{}.{}", self.major, self.minor)); // one part, such as `1.20`
///     }
///
///     fn same_key(&self, other: &Self) -> bool {
///         self == other // equal values always write the same part
///     }
/// }
///
/// assert!(!Version { major: 1, minor: 20 }.same_key(&Version { major: 12, minor: 0 }));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no part of a cache key",
    label = "no `CacheKey`",
    note = "derive it for a type of your own: `#[derive(CacheKey)]`; for a type of another crate, write `display(param)` in `#[cached(..)]`, or a newtype with `#[cache_key(display)]`",
    note = "`uuid::Uuid`, dates of `chrono` and dates of `time` need the features `uuid`, `chrono` and `time` of `cache-core`"
)]
pub trait CacheKey {
    /// Writes the parts of this value, in order.
    ///
    /// It is called for each look-up in the shared tier, and must write the same parts each time.
    fn write_key(&self, out: &mut KeyWriter);

    /// Whether `other` writes the same parts.
    ///
    /// The local tier finds entries by this method and not by `Eq`, so that both tiers agree if a type treats values as
    /// equal that write different text, such as the decimals 1.5 and 1.50. Values that write the same parts must have
    /// the same `Hash`; otherwise each has its own entry in the local tier.
    ///
    /// The default compares the text. Implement it as `self == other` for a type whose equal values always write the
    /// same parts: every local hit calls it. The derive compares field by field.
    fn same_key(&self, other: &Self) -> bool {
        text::same(|out| self.write_key(out), |out| other.write_key(out))
    }

    /// Whether an entry may have this key. Only a NaN is none.
    #[doc(hidden)]
    fn is_usable(&self) -> bool {
        true
    }

    /// Writes the parts of the first `count` arguments of a method's key.
    #[doc(hidden)]
    fn write_first(&self, count: usize, out: &mut KeyWriter) {
        if count > 0 {
            self.write_key(out);
        }
    }
}

/// The requirements of a key, or of one argument of it. Implemented for every type that meets them.
///
/// `Clone`, `Eq` and `Hash` are for the local tier, which keeps typed keys. A borrowed argument (`&str`) is looked up
/// without a copy, and its owned form (`String`) meets the requirements: see [`Lookup`].
///
/// # Examples
///
/// ```
/// use cache_core::{CacheKey, KeyPart};
///
/// #[derive(CacheKey, Clone, PartialEq, Eq, Hash)]
/// struct TenantId(u64);
///
/// fn usable<K: KeyPart>() {}
/// usable::<(TenantId, Option<String>)>();
/// ```
pub trait KeyPart: CacheKey + Clone + Eq + Hash + Send + Sync + 'static {}

impl<T: CacheKey + Clone + Eq + Hash + Send + Sync + 'static> KeyPart for T {}

#[cfg(test)]
mod tests {
    //! Texts are equal if and only if the values are, for parts that were chosen to collide.

    use proptest::prelude::*;

    use super::*;

    fn head() -> Head {
        Head::new(None, "ns", None, "e")
    }

    type Nested = Option<(Option<String>, Option<String>)>;
    type Parts = (Option<String>, String, Option<Option<String>>, Vec<Option<String>>, (Nested, Option<String>));

    /// Strings with a special meaning in some context.
    const PIECES: [&str; 16] =
        [":", "%", "%-", "%+", "%3A", "%h", "*", "{", "}", "\0", "\n", "a", "1", "é", "e\u{301}", "🦀"];

    /// Generates two keys from the same pieces, with different boundaries between the parts.
    ///
    /// The second key may contain a piece in its escaped form. A careless concatenation would confuse the two.
    fn pair() -> impl Strategy<Value = (Parts, Parts)> {
        let pieces = prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..4);
        let cuts = || prop::collection::vec(0_usize..4, 11);
        (pieces, cuts(), cuts(), any::<bool>()).prop_map(|(pieces, one, two, disguise)| {
            let disguised: Vec<_> =
                pieces.iter().map(|piece| if disguise && *piece == ":" { "%3A" } else { piece }).collect();
            (cut(&pieces, &one), cut(&disguised, if disguise { &one } else { &two }))
        })
    }

    /// Gives each part the next few pieces, or makes it absent if its cut is zero.
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
            prop_assert_eq!(one.same_key(&two), one == two);
        }

        #[test]
        fn special_characters_are_escaped((key, _) in pair()) {
            let text = text(&key);
            let parts = text.key().strip_prefix("ns:e").unwrap();
            prop_assert!(!parts.chars().any(|c| matches!(c, '*' | '{' | '}') || c.is_control()), "{}", text.key());
        }

        #[test]
        fn a_prefix_covers_only_keys_that_begin_with_it((one, two) in pair(), count in 0_usize..5) {
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

    /// A number with a scale, such as 1.50, which is equal to 1.5 but written differently.
    #[derive(Debug, Clone, Copy)]
    struct Decimal(u32, u32);

    impl Decimal {
        fn value(self) -> f64 {
            f64::from(self.0) / 10_f64.powi(i32::try_from(self.1).unwrap())
        }
    }

    impl PartialEq for Decimal {
        fn eq(&self, other: &Self) -> bool {
            self.value().to_bits() == other.value().to_bits()
        }
    }

    impl Eq for Decimal {}

    impl Hash for Decimal {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.value().to_bits().hash(state);
        }
    }

    impl CacheKey for Decimal {
        fn write_key(&self, out: &mut KeyWriter) {
            out.display(&format_args!("{:.*}", self.1 as usize, self.value()));
        }
    }

    #[test]
    fn keys_are_equal_if_their_text_is_equal() {
        let (short, long) = (Decimal(15, 1), Decimal(150, 2));
        assert_eq!(short, long);
        assert!(short.same_key(&short) && long.same_key(&long) && !short.same_key(&long));
        assert!(
            !(1, short).same_key(&(1, long))
                && !Some(short).same_key(&Some(long))
                && !vec![short].same_key(&vec![long])
        );
        assert!(!Some(short).same_key(&None) && None::<Decimal>.same_key(&None));
        assert!(!(&short,).matches(&(long,)) && (&short,).matches(&(short,)));
        assert!(!(Some(&short),).matches(&(Some(long),)) && (None::<&Decimal>,).matches(&(None,)));
    }

    /// A key that looks up another one while it is written.
    #[test]
    fn keys_are_compared_within_a_comparison() {
        #[derive(Clone, Copy)]
        struct Nosy(u8);
        impl CacheKey for Nosy {
            fn write_key(&self, out: &mut KeyWriter) {
                assert!(!Decimal(1, 0).same_key(&Decimal(2, 0)));
                out.display(&self.0);
            }
        }
        assert!(Nosy(1).same_key(&Nosy(1)) && !Nosy(1).same_key(&Nosy(2)));
    }

    #[test]
    fn comparing_keys_by_their_text_does_not_allocate() {
        let (short, long) = (Decimal(15, 1), Decimal(150, 2));
        assert!(!short.same_key(&long));
        let used = allocation_counter::measure(|| assert!(!short.same_key(&long) && !same_display(&1.5, &1.25)));
        assert_eq!(used.count_total, 0);
    }

    #[test]
    fn addresses_of_different_flows_are_different_keys() {
        use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
        let address = |flow| SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, flow, 0));
        assert_ne!(KeyText::of(&head(), &address(0)), KeyText::of(&head(), &address(1)));
        assert_eq!(KeyText::of(&head(), &address(0)).key(), "ns:e:[%3A%3A1]%3A80");
    }

    #[test]
    fn long_parts_do_not_collide_either() {
        let long = |last: char| format!("{}{last}", "x".repeat(10_000));
        assert_ne!(KeyText::of(&head(), &long('a')), KeyText::of(&head(), &long('b')));
        assert_ne!(KeyText::of(&head(), &(long('a'), "b")), KeyText::of(&head(), &format!("{}b", long('a'))));
    }
}
