//! Postgres: pools, and the schema that a pool works in.

mod migrate;
mod pool;

pub(in crate::backend) use migrate::migrate;
pub(crate) use pool::{connect, is_transaction_pooler};
