//! Turns the syntax tree into a valid model, or reports its mistakes.

mod absent;
mod batch;
mod captures;
mod changes;
mod given;
mod key;
mod lossless;
mod method;
mod mirror;
mod names;
mod over;
mod read;
mod read_options;
mod receiver;
mod returned;
mod self_type;
mod shape;
mod signature;
mod store;
mod supertraits;
mod tags;
mod transaction;
mod write;

pub(crate) use lossless::lossless;
pub(crate) use shape::shape;
pub(crate) use store::store;
