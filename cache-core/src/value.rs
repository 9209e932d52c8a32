//! Cached values, and the fingerprints of their shapes.
//!
//! Two builds of a service run side by side during a roll-out. If they define a type differently, bytes of one may
//! decode to a wrong value in the other. The fingerprint of a type's shape is therefore part of each entry, and an
//! entry of another shape is a miss. It is computed at compile time from names and types, so that equal shapes agree in
//! every build and on every machine. It does not cover the meaning of a field: for that there is `version` in the
//! annotation.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type whose shape has a fingerprint.
///
/// Builds with different shapes never read each other's bytes.
///
/// Derive it: the fingerprint is computed at compile time from the names and types of the fields. Without it the name
/// of the type is used instead of its shape, and a change of the fields needs a new `version` in the annotation.
///
/// The derive also rejects serde attributes that lose data for every value, such as a skipped field: see the table of
/// the derive.
///
/// `bool`, `char`, the numbers, `str`, `String`, `()`, `Option`, `Vec`, slices, the sets and maps of the standard
/// library, and `Box`, `Rc`, `Arc` and references implement it; `uuid::Uuid` does with the feature `uuid`. A pointer
/// has the fingerprint of its target, since serde writes the same bytes for both.
///
/// # Examples
///
/// ```
/// use cache_core::CacheValue;
///
/// #[derive(CacheValue)]
/// struct Old { name: String }
/// mod new {
///     #[derive(cache_core::CacheValue)]
///     pub struct Old { pub name: Option<String> }
/// }
/// assert_ne!(Old::FINGERPRINT, <new::Old as CacheValue>::FINGERPRINT);
/// ```
pub trait CacheValue {
    /// The fingerprint, which is the same for the same shape in every build.
    ///
    /// It is not a cryptographic hash: two shapes may have the same one with a probability of about 2⁻⁶⁴.
    const FINGERPRINT: u64;

    /// The reason why a codec without field names alters values of this type.
    #[doc(hidden)]
    const SELF_DESCRIBING_ONLY: Option<&'static str> = None;
}

/// The requirements of a cached value. Implemented for every type that meets them.
///
/// | bound | because |
/// | --- | --- |
/// | `Clone` | a hit returns a clone. It is called on every local hit: `Arc<T>` makes it cheap |
/// | `Serialize`, `DeserializeOwned` | the shared tier has bytes |
/// | `Send`, `Sync`, `'static` | the local tier is shared by all threads of the process |
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use cache_core::Cacheable;
///
/// fn cached<T: Cacheable>() {}
///
/// cached::<Option<Arc<String>>>(); // this crate enables the feature `rc` of serde, which `Arc` needs
/// cached::<Vec<(u64, bool)>>();
/// ```
pub trait Cacheable: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Cacheable for T {}

/// FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo) over the bytes, from the state `hash`.
pub(crate) const fn fnv1a(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

/// The offset basis of 64-bit FNV-1a.
pub(crate) const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// Types whose fingerprint is that of their name.
macro_rules! named {
    ($($type:ty),* $(,)?) => {$(
        impl CacheValue for $type {
            const FINGERPRINT: u64 = fnv1a(FNV_START, stringify!($type).as_bytes());
        }
    )*};
}

named!(bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, String, str, ());
named!(std::time::Duration, std::time::SystemTime);

#[cfg(feature = "uuid")]
named!(uuid::Uuid);

/// Pointers, which serialize as their target.
macro_rules! transparent {
    ($($pointer:ty),*) => {$(
        impl<T: CacheValue + ?Sized> CacheValue for $pointer {
            const FINGERPRINT: u64 = T::FINGERPRINT;
            const SELF_DESCRIBING_ONLY: Option<&'static str> = T::SELF_DESCRIBING_ONLY;
        }
    )*};
}

transparent!(&T, Box<T>, Rc<T>, Arc<T>);

/// Containers of one type. Containers that serialize alike have one name, and so the same fingerprint.
macro_rules! wrapped {
    ($($name:literal $type:ty),*) => {$(
        impl<T: CacheValue> CacheValue for $type {
            const FINGERPRINT: u64 = fnv1a(T::FINGERPRINT, $name);
            const SELF_DESCRIBING_ONLY: Option<&'static str> = T::SELF_DESCRIBING_ONLY;
        }
    )*};
}

wrapped!(b"Option" Option<T>, b"List" Vec<T>, b"List" [T], b"Set" HashSet<T>, b"Set" BTreeSet<T>);

/// Maps, whose order makes no difference to the fingerprint.
macro_rules! mapped {
    ($($type:ty),*) => {$(
        impl<K: CacheValue, V: CacheValue> CacheValue for $type {
            const FINGERPRINT: u64 = fnv1a(fnv1a(K::FINGERPRINT, b"Map"), &V::FINGERPRINT.to_le_bytes());
            const SELF_DESCRIBING_ONLY: Option<&'static str> =
                first_of(&[K::SELF_DESCRIBING_ONLY, V::SELF_DESCRIBING_ONLY]);
        }
    )*};
}

mapped!(HashMap<K, V>, BTreeMap<K, V>);

/// Returns the first reason among those of several types.
pub const fn first_of(reasons: &[Option<&'static str>]) -> Option<&'static str> {
    let mut at = 0;
    while at < reasons.len() {
        if reasons[at].is_some() {
            return reasons[at];
        }
        at += 1;
    }
    None
}
