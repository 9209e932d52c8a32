//! Fuzz targets for all code that reads untrusted bytes: short runs here, long ones with `scripts/fuzz`.
//!
//! Each target is a function over bytes that asserts what must hold for all of them.

mod bus;
mod codec;
mod envelope;
mod key;
