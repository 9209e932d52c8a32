//! Parts of keys in place of arguments that cannot be parts themselves.
//!
//! The local tier compares and hashes owned parts. A floating-point number has no `Eq`, and an argument that borrows
//! inside of its type has no owned form: generated code looks up one of these in their place.

use std::fmt::{self, Display};
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{CacheKey, KeyWriter};

macro_rules! floats {
    ($($float:ident),*) => {$(
        impl CacheKey for $float {
            /// The shortest text that is read as this number again. Both zeros are one key, as they are equal.
            fn write_key(&self, out: &mut KeyWriter) {
                out.display(&format_args!("{:?}", self + 0.0));
            }

            fn is_usable(&self) -> bool {
                !self.is_nan()
            }
        }

        impl Float<$float> {
            /// Creates the part for a number.
            #[inline]
            pub fn of(number: &$float) -> Self {
                // The sum is 0.0 for both zeros.
                Self(number + 0.0)
            }

            /// Returns the number.
            pub fn number(self) -> $float {
                self.0
            }
        }

        impl Serialize for Float<$float> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for Float<$float> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $float::deserialize(deserializer).map(|number| Self::of(&number))
            }
        }

        impl PartialEq for Float<$float> {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                self.0.to_bits() == other.0.to_bits()
            }
        }

        impl Eq for Float<$float> {}

        impl Hash for Float<$float> {
            #[inline]
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.to_bits().hash(state);
            }
        }

        impl CacheKey for Float<$float> {
            fn write_key(&self, out: &mut KeyWriter) {
                self.0.write_key(out);
            }

            #[inline]
            fn same_key(&self, other: &Self) -> bool {
                self == other
            }

            fn is_usable(&self) -> bool {
                self.0.is_usable()
            }
        }
    )*};
}

/// A floating-point number as a part of a key, compared by its bits.
#[derive(Debug, Clone, Copy)]
pub struct Float<F>(F);

floats!(f32, f64);

/// The text of an argument as a part of a key, with which the local tier compares it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TextPart {
    text: Box<str>,
    is_usable: bool,
}

impl TextPart {
    /// Creates the part for an argument.
    pub fn of<T: CacheKey + ?Sized>(argument: &T) -> Self {
        let mut out = KeyWriter::after(String::new());
        argument.write_key(&mut out);
        Self { text: out.finish_prefix().into(), is_usable: argument.is_usable() }
    }

    /// Creates the part for an argument that writes no key, from its `Display` text.
    pub fn displayed<T: Displayed + ?Sized>(argument: &T) -> Self {
        let mut out = KeyWriter::after(String::new());
        argument.write_displayed(&mut out);
        Self { text: out.finish_prefix().into(), is_usable: true }
    }
}

/// An argument whose `Display` text is a part of a key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is in `display(..)` and does not implement `Display`",
    label = "not `Display`",
    note = "implement `Display`, or `CacheKey` and leave it out of `display(..)`"
)]
pub trait Displayed {
    /// Writes the text.
    fn write_displayed(&self, out: &mut KeyWriter);
}

#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> Displayed for T {
    fn write_displayed(&self, out: &mut KeyWriter) {
        out.display(&self);
    }
}

impl fmt::Debug for TextPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextPart").finish_non_exhaustive()
    }
}

impl CacheKey for TextPart {
    fn write_key(&self, out: &mut KeyWriter) {
        out.written(&self.text);
    }

    fn same_key(&self, other: &Self) -> bool {
        self.text == other.text
    }

    fn is_usable(&self) -> bool {
        self.is_usable
    }
}
