//! Fuzz targets for all code that reads untrusted bytes: short runs here, long ones with `scripts/fuzz`.

mod bus;
mod codec;
mod envelope;
mod key;
