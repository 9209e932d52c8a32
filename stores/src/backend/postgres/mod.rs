//! Postgres: pools, the schema that a pool works in, writes with an end.

mod migrate;
mod pool;
mod write;

pub(in crate::backend) use migrate::migrate;
pub(crate) use pool::{connect, is_transaction_pooler};
pub(crate) use write::Write;
