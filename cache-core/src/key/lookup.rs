//! Looks up keys by borrowed parts, without copying.
//!
//! A read gets `&str`, and the local tier has `String`. A [`Lookup`] is compared with an owned key in place, so that a
//! local hit allocates nothing; the owned key is made only if the entry has to be stored. Tuples of up to eight parts
//! are keys, which bounds the parameters of a read method.

use std::borrow::Borrow;
use std::hash::Hash;

use super::{CacheKey, KeyWriter};

/// A borrowed view of an owned key `K`, for looking it up.
///
/// `&str` looks up a `String`, `&u64` a `u64`, `Option<&str>` an `Option<String>`, and a tuple of such views a tuple of
/// owned parts. The methods of a [`Region`](crate::Region) take a reference to a view, so a number is `&&3`.
///
/// # Contract
///
/// A view has the same hash as the key that it matches, and writes the same parts. `Borrow` already requires the first
/// of `&Q`; the second holds for every type whose borrowed form is the same text.
///
/// # Examples
///
/// ```
/// use cache_core::Lookup;
///
/// let view = ("shop", Some("de"));
/// # fn check<L: Lookup<(String, Option<String>)>>(view: &L) {
/// assert!(view.matches(&("shop".to_owned(), Some("de".to_owned()))));
/// # }
/// # check(&view);
/// ```
pub trait Lookup<K>: CacheKey + Hash {
    /// Whether this is a view of `key`, that is, whether both write the same parts.
    fn matches(&self, key: &K) -> bool;

    /// Returns the owned key, for an entry that is to be stored.
    fn to_key(&self) -> K;
}

impl<Q> Lookup<Q::Owned> for &Q
where
    Q: CacheKey + Eq + Hash + ToOwned + ?Sized,
{
    fn matches(&self, key: &Q::Owned) -> bool {
        Q::same_key(self, key.borrow())
    }

    fn to_key(&self) -> Q::Owned {
        (*self).to_owned()
    }
}

impl<Q> Lookup<Option<Q::Owned>> for Option<&Q>
where
    Q: CacheKey + Eq + Hash + ToOwned + ?Sized,
{
    fn matches(&self, key: &Option<Q::Owned>) -> bool {
        match (self, key) {
            (Some(view), Some(key)) => Q::same_key(view, key.borrow()),
            (view, key) => view.is_none() && key.is_none(),
        }
    }

    fn to_key(&self) -> Option<Q::Owned> {
        self.map(ToOwned::to_owned)
    }
}

/// Tuples as keys and as views of keys. Each writes its parts in order, without a mark of its own.
macro_rules! tuples {
    ($($count:literal: $(($key:ident $view:ident $at:tt)),*;)*) => {$(
        impl<$($key: CacheKey),*> CacheKey for ($($key,)*) {
            fn write_key(&self, out: &mut KeyWriter) {
                $(self.$at.write_key(out);)*
            }

            fn write_first(&self, count: usize, out: &mut KeyWriter) {
                $(if $at < count {
                    self.$at.write_key(out);
                })*
            }

            #[inline]
            fn same_key(&self, other: &Self) -> bool {
                $(self.$at.same_key(&other.$at))&&*
            }

            fn is_usable(&self) -> bool {
                $(self.$at.is_usable())&&*
            }
        }

        impl<$($key, $view: Lookup<$key>),*> Lookup<($($key,)*)> for ($($view,)*) {
            #[inline]
            fn matches(&self, key: &($($key,)*)) -> bool {
                $(self.$at.matches(&key.$at))&&*
            }

            fn to_key(&self) -> ($($key,)*) {
                ($(self.$at.to_key(),)*)
            }
        }
    )*};
}

tuples! {
    1: (A VA 0);
    2: (A VA 0), (B VB 1);
    3: (A VA 0), (B VB 1), (C VC 2);
    4: (A VA 0), (B VB 1), (C VC 2), (D VD 3);
    5: (A VA 0), (B VB 1), (C VC 2), (D VD 3), (E VE 4);
    6: (A VA 0), (B VB 1), (C VC 2), (D VD 3), (E VE 4), (F VF 5);
    7: (A VA 0), (B VB 1), (C VC 2), (D VD 3), (E VE 4), (F VF 5), (G VG 6);
    8: (A VA 0), (B VB 1), (C VC 2), (D VD 3), (E VE 4), (F VF 5), (G VG 6), (H VH 7);
}
