//! What the SQL implementations of every store share: pools, migrations, bounded writes, the meaning of errors.

mod errors;
mod identity;
mod migrate;
pub(crate) mod postgres;
pub(crate) mod sqlite;
mod write;

pub(crate) use errors::store_error;
pub use migrate::{Migrate, migrate};
pub(crate) use write::{Write, write_one};
