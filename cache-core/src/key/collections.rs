//! Implementations of `CacheKey` for pointers, ranges and ordered collections.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};
use std::rc::Rc;
use std::sync::Arc;

use super::{CacheKey, KeyWriter};

macro_rules! written_as_its_target {
    ($($pointer:ty),*) => {$(
        impl<T: CacheKey + ?Sized> CacheKey for $pointer {
            fn write_key(&self, out: &mut KeyWriter) {
                (**self).write_key(out);
            }

            #[inline]
            fn same_key(&self, other: &Self) -> bool {
                (**self).same_key(&**other)
            }

            fn is_usable(&self) -> bool {
                (**self).is_usable()
            }
        }
    )*};
}

written_as_its_target!(&T, Box<T>, Rc<T>, Arc<T>);

impl<T: CacheKey + ToOwned + ?Sized> CacheKey for Cow<'_, T> {
    fn write_key(&self, out: &mut KeyWriter) {
        (**self).write_key(out);
    }

    #[inline]
    fn same_key(&self, other: &Self) -> bool {
        (**self).same_key(&**other)
    }

    fn is_usable(&self) -> bool {
        (**self).is_usable()
    }
}

impl<T: CacheKey> CacheKey for Option<T> {
    fn write_key(&self, out: &mut KeyWriter) {
        out.optional(self.as_ref());
    }

    #[inline]
    fn same_key(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(one), Some(two)) => one.same_key(two),
            (one, two) => one.is_none() && two.is_none(),
        }
    }

    fn is_usable(&self) -> bool {
        self.iter().all(CacheKey::is_usable)
    }
}

impl<T: CacheKey> CacheKey for [T] {
    /// The length comes first, so that adjacent slices cannot exchange elements.
    fn write_key(&self, out: &mut KeyWriter) {
        out.display(&self.len());
        for part in self {
            part.write_key(out);
        }
    }

    #[inline]
    fn same_key(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|(one, two)| one.same_key(two))
    }

    fn is_usable(&self) -> bool {
        self.iter().all(CacheKey::is_usable)
    }
}

impl<T: CacheKey> CacheKey for Vec<T> {
    fn write_key(&self, out: &mut KeyWriter) {
        self.as_slice().write_key(out);
    }

    #[inline]
    fn same_key(&self, other: &Self) -> bool {
        self.as_slice().same_key(other)
    }

    fn is_usable(&self) -> bool {
        self.as_slice().is_usable()
    }
}

impl<T: CacheKey, const N: usize> CacheKey for [T; N] {
    fn write_key(&self, out: &mut KeyWriter) {
        for part in self {
            part.write_key(out);
        }
    }

    #[inline]
    fn same_key(&self, other: &Self) -> bool {
        self.iter().zip(other).all(|(one, two)| one.same_key(two))
    }

    fn is_usable(&self) -> bool {
        self.as_slice().is_usable()
    }
}

impl<T: CacheKey> CacheKey for BTreeSet<T> {
    fn write_key(&self, out: &mut KeyWriter) {
        out.display(&self.len());
        for part in self {
            part.write_key(out);
        }
    }

    #[inline]
    fn same_key(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|(one, two)| one.same_key(two))
    }

    fn is_usable(&self) -> bool {
        self.iter().all(CacheKey::is_usable)
    }
}

impl<K: CacheKey, V: CacheKey> CacheKey for BTreeMap<K, V> {
    fn write_key(&self, out: &mut KeyWriter) {
        out.display(&self.len());
        for (key, value) in self {
            key.write_key(out);
            value.write_key(out);
        }
    }

    #[inline]
    fn same_key(&self, other: &Self) -> bool {
        let mut pairs = self.iter().zip(other);
        self.len() == other.len()
            && pairs.all(|((key, value), (other_key, other))| key.same_key(other_key) && value.same_key(other))
    }

    fn is_usable(&self) -> bool {
        self.iter().all(|(key, value)| key.is_usable() && value.is_usable())
    }
}

impl<T: CacheKey> CacheKey for Range<T> {
    fn write_key(&self, out: &mut KeyWriter) {
        self.start.write_key(out);
        self.end.write_key(out);
    }

    #[inline]
    fn same_key(&self, other: &Self) -> bool {
        self.start.same_key(&other.start) && self.end.same_key(&other.end)
    }

    fn is_usable(&self) -> bool {
        self.start.is_usable() && self.end.is_usable()
    }
}

/// Whether an iteration has used the range up. Its bounds alone do not show that.
fn is_exhausted<T: PartialOrd>(range: &RangeInclusive<T>) -> bool {
    range.is_empty() && range.start() <= range.end()
}

impl<T: CacheKey + PartialOrd> CacheKey for RangeInclusive<T> {
    fn write_key(&self, out: &mut KeyWriter) {
        self.start().write_key(out);
        self.end().write_key(out);
        out.optional(is_exhausted(self).then_some("exhausted"));
    }

    #[inline]
    fn same_key(&self, other: &Self) -> bool {
        self.start().same_key(other.start())
            && self.end().same_key(other.end())
            && is_exhausted(self) == is_exhausted(other)
    }

    fn is_usable(&self) -> bool {
        self.start().is_usable() && self.end().is_usable()
    }
}
