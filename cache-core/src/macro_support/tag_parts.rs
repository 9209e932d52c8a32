//! The parts of the keys of tags, in families that are texts.
//!
//! No type says what the keys of such a family are. A list is refused: it would be the key of one tag, where one tag for
//! each element is usually meant. The inherent method is found before that of the trait, and does not compile.

use std::collections::{BTreeMap, BTreeSet};

/// A list that may be the key of one tag: bytes are one value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a list, and this is the key of one tag",
    label = "a list",
    note = "`tags(..)` does not give an entry a tag for each element of a list",
    note = "if the whole list is the key, write it as a tuple, `(&list,)`, here and wherever the family is named"
)]
pub trait OneTag {}

impl OneTag for Vec<u8> {}
impl OneTag for [u8] {}

/// A part of the key of a tag.
#[derive(Debug)]
pub struct TagPart<'a, T: ?Sized>(pub &'a T);

/// For a part of any type but a list.
pub trait AnyPart<'a> {
    /// Its type.
    type Part: ?Sized;
    /// Returns the part.
    fn part(self) -> &'a Self::Part;
}

impl<'a, T: ?Sized> AnyPart<'a> for TagPart<'a, T> {
    type Part = T;
    fn part(self) -> &'a T {
        self.0
    }
}

/// Refuses lists, behind up to one reference.
macro_rules! lists {
    ($(<$($element:ident),*> $list:ty),*) => {$(
        impl<'a, $($element),*> TagPart<'a, $list> {
            /// Returns the part.
            pub fn part(self) -> &'a $list
            where
                $list: OneTag,
            {
                self.0
            }
        }

        impl<'a, $($element),*> TagPart<'a, &$list> {
            /// Returns the part.
            pub fn part(self) -> &'a $list
            where
                $list: OneTag,
            {
                self.0
            }
        }
    )*};
}

lists!(<T> Vec<T>, <T> [T], <T> BTreeSet<T>, <K, V> BTreeMap<K, V>);

/// The part of the key of a tag, from a reference to it.
#[doc(hidden)]
#[macro_export]
macro_rules! __tag_part {
    ($part:expr) => {
        match $part {
            part => {
                #[allow(unused_imports, reason = "an inherent method may be used")]
                use $crate::__macro::v1::AnyPart as _;
                $crate::__macro::v1::TagPart(part).part()
            }
        }
    };
}
