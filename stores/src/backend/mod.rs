//! Code that all SQL stores share: pools, migrations, statements, bounded writes, errors.

mod dialect;
mod errors;
mod identity;
mod migrate;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod read;
mod row;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod statement;
mod write;

pub(crate) use dialect::{Dialect, Reads};
pub(crate) use errors::store_error;
pub use migrate::{Migrate, migrate};
pub(crate) use read::{read_all, read_optional};
pub(crate) use row::row;
use statement::Argument;
pub(crate) use statement::{Statement, json};
pub(crate) use write::{Write, write_one};
