//! Code that all SQL stores share: pools, migrations, bounded writes, errors.

mod errors;
mod identity;
mod migrate;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod row;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod write;

pub(crate) use errors::store_error;
pub use migrate::{Migrate, migrate};
pub(crate) use row::row;
pub(crate) use write::{Write, write_one};
