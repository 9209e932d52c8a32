//! Bytes of anybody, at each place where the cache reads some: short runs here, long ones with `scripts/fuzz`.

mod bus;
mod codec;
mod envelope;
mod key;
