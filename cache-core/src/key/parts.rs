//! Implementations of `CacheKey` for standard types.
//!
//! A type is here only if equal values always write equal text. Floating-point numbers and unordered collections are
//! absent on purpose.

use std::net::{SocketAddr, SocketAddrV6};
use std::rc::Rc;
use std::sync::Arc;

use super::{CacheKey, KeyWriter};

/// Implements `same_key` as `==`, for types whose equal values write the same parts.
macro_rules! same_as_equal {
    () => {
        #[inline]
        fn same_key(&self, other: &Self) -> bool {
            self == other
        }
    };
}

impl CacheKey for str {
    fn write_key(&self, out: &mut KeyWriter) {
        out.part(self);
    }

    same_as_equal!();
}

impl CacheKey for String {
    fn write_key(&self, out: &mut KeyWriter) {
        out.part(self);
    }

    same_as_equal!();
}

macro_rules! written_as_display {
    ($($part:ty),*) => {$(
        impl CacheKey for $part {
            fn write_key(&self, out: &mut KeyWriter) {
                out.display(self);
            }

            same_as_equal!();
        }
    )*};
}

written_as_display!(bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
written_as_display!(std::net::IpAddr, std::net::Ipv4Addr, std::net::Ipv6Addr, std::net::SocketAddrV4);

impl CacheKey for SocketAddrV6 {
    /// The text of an address omits the flow information, which distinguishes addresses.
    fn write_key(&self, out: &mut KeyWriter) {
        match self.flowinfo() {
            0 => out.display(self),
            flow => out.display(&format_args!("{self}/{flow}")),
        }
    }

    same_as_equal!();
}

impl CacheKey for SocketAddr {
    fn write_key(&self, out: &mut KeyWriter) {
        match self {
            Self::V4(address) => address.write_key(out),
            Self::V6(address) => address.write_key(out),
        }
    }

    same_as_equal!();
}

#[cfg(feature = "uuid")]
written_as_display!(uuid::Uuid);

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
        }
    )*};
}

written_as_its_target!(&T, Box<T>, Rc<T>, Arc<T>);

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
}

impl<T: CacheKey> CacheKey for Vec<T> {
    fn write_key(&self, out: &mut KeyWriter) {
        self.as_slice().write_key(out);
    }

    #[inline]
    fn same_key(&self, other: &Self) -> bool {
        self.as_slice().same_key(other)
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
}

impl CacheKey for () {
    fn write_key(&self, _: &mut KeyWriter) {}

    same_as_equal!();
}
