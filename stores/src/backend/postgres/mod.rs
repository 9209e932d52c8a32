//! Postgres: pools, and the schema that a pool works in.

mod address;
mod migrate;
mod pool;

pub(crate) use address::PostgresAddress;
pub(in crate::backend) use migrate::migrate;
pub(crate) use pool::connect;
