//! Cached values, and the fingerprints of their shapes.

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
    const FINGERPRINT: u64;

    /// The reason why a codec without field names alters values of this type.
    #[doc(hidden)]
    const SELF_DESCRIBING_ONLY: Option<&'static str> = None;
}

/// The requirements of a cached value. Implemented for every type that meets them.
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

pub(crate) const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

macro_rules! named {
    ($($type:ty),* $(,)?) => {$(
        impl CacheValue for $type {
            const FINGERPRINT: u64 = fnv1a(FNV_START, stringify!($type).as_bytes());
        }
    )*};
}

named!(bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, String, str, ());

#[cfg(feature = "uuid")]
named!(uuid::Uuid);

macro_rules! transparent {
    ($($pointer:ty),*) => {$(
        impl<T: CacheValue + ?Sized> CacheValue for $pointer {
            const FINGERPRINT: u64 = T::FINGERPRINT;
            const SELF_DESCRIBING_ONLY: Option<&'static str> = T::SELF_DESCRIBING_ONLY;
        }
    )*};
}

transparent!(&T, Box<T>, Rc<T>, Arc<T>);

macro_rules! wrapped {
    ($($name:literal $type:ty),*) => {$(
        impl<T: CacheValue> CacheValue for $type {
            const FINGERPRINT: u64 = fnv1a(T::FINGERPRINT, $name);
            const SELF_DESCRIBING_ONLY: Option<&'static str> = T::SELF_DESCRIBING_ONLY;
        }
    )*};
}

wrapped!(b"Option" Option<T>, b"List" Vec<T>, b"List" [T], b"Set" HashSet<T>, b"Set" BTreeSet<T>);

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
