//! Implementations of `CacheKey` for standard types.
//!
//! A type is here only if equal values always write equal text. Unordered collections are absent on purpose.

use std::ffi::{OsStr, OsString};
use std::marker::PhantomData;
use std::net::{SocketAddr, SocketAddrV6};
use std::num::NonZero;
use std::path::{Path, PathBuf};

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

pub(super) use same_as_equal;

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

macro_rules! written_as_bytes {
    ($($part:ty),*) => {$(
        impl CacheKey for $part {
            fn write_key(&self, out: &mut KeyWriter) {
                out.bytes(self.as_encoded_bytes());
            }

            same_as_equal!();
        }
    )*};
}

written_as_bytes!(OsStr, OsString);

/// Paths, whose `Eq` ignores differences of their text: `a//b` is `a/b`.
macro_rules! written_as_os_str {
    ($($part:ty),*) => {$(
        impl CacheKey for $part {
            fn write_key(&self, out: &mut KeyWriter) {
                self.as_os_str().write_key(out);
            }

            fn same_key(&self, other: &Self) -> bool {
                self.as_os_str() == other.as_os_str()
            }
        }
    )*};
}

written_as_os_str!(Path, PathBuf);

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
written_as_display!(NonZero<u8>, NonZero<u16>, NonZero<u32>, NonZero<u64>, NonZero<u128>, NonZero<usize>);
written_as_display!(NonZero<i8>, NonZero<i16>, NonZero<i32>, NonZero<i64>, NonZero<i128>, NonZero<isize>);
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

impl CacheKey for () {
    fn write_key(&self, _: &mut KeyWriter) {}

    same_as_equal!();
}

/// No part: it has one value. A typed id with a marker is the id alone.
impl<T: ?Sized> CacheKey for PhantomData<T> {
    fn write_key(&self, _: &mut KeyWriter) {}

    same_as_equal!();
}
