//! What the standard types write into a key.

use std::rc::Rc;
use std::sync::Arc;

use super::{CacheKey, KeyWriter};

impl CacheKey for str {
    fn write_key(&self, out: &mut KeyWriter) {
        out.part(self);
    }
}

impl CacheKey for String {
    fn write_key(&self, out: &mut KeyWriter) {
        out.part(self);
    }
}

macro_rules! written_as_display {
    ($($part:ty),*) => {$(
        impl CacheKey for $part {
            fn write_key(&self, out: &mut KeyWriter) {
                out.display(self);
            }
        }
    )*};
}

written_as_display!(bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
written_as_display!(std::net::IpAddr, std::net::Ipv4Addr, std::net::Ipv6Addr, std::net::SocketAddr);

#[cfg(feature = "uuid")]
written_as_display!(uuid::Uuid);

macro_rules! written_as_its_target {
    ($($pointer:ty),*) => {$(
        impl<T: CacheKey + ?Sized> CacheKey for $pointer {
            fn write_key(&self, out: &mut KeyWriter) {
                (**self).write_key(out);
            }
        }
    )*};
}

written_as_its_target!(&T, Box<T>, Rc<T>, Arc<T>);

impl<T: CacheKey> CacheKey for Option<T> {
    fn write_key(&self, out: &mut KeyWriter) {
        out.optional(self.as_ref());
    }
}

impl<T: CacheKey> CacheKey for [T] {
    /// The length comes first, so that two slices side by side cannot trade elements.
    fn write_key(&self, out: &mut KeyWriter) {
        out.display(&self.len());
        for part in self {
            part.write_key(out);
        }
    }
}

impl<T: CacheKey> CacheKey for Vec<T> {
    fn write_key(&self, out: &mut KeyWriter) {
        self.as_slice().write_key(out);
    }
}

impl<T: CacheKey, const N: usize> CacheKey for [T; N] {
    fn write_key(&self, out: &mut KeyWriter) {
        for part in self {
            part.write_key(out);
        }
    }
}

impl CacheKey for () {
    fn write_key(&self, _: &mut KeyWriter) {}
}
