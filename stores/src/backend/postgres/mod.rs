//! Postgres: pools, the schema of a pool, and the rows that its role sees.

mod address;
mod dialect;
mod identity;
mod migrate;
mod pool;
mod retry;
mod row_security;

pub(crate) use address::PostgresAddress;
pub(crate) use identity::identity;
pub(in crate::backend) use migrate::migrate;
pub(crate) use pool::connect;
pub(crate) use row_security::restricted;
