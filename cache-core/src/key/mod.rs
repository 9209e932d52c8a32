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
