//! The statements that differ between the databases.

use super::rows::ConfigRow;
use super::sql::set;
use crate::backend::{Dialect, Reads};

/// A database with the rows and the statements of configurations.
pub(super) trait ConfigDialect: Dialect + Reads<ConfigRow> {
    /// Inserts or replaces the settings of a place.
    const SET: &'static str;
}

#[cfg(feature = "postgres")]
impl ConfigDialect for sqlx::Postgres {
    const SET: &'static str = set!("(config_level, tenant_id, user_id)");
}

/// A conflict on any index: SQLite has one for each level.
#[cfg(feature = "sqlite")]
impl ConfigDialect for sqlx::Sqlite {
    const SET: &'static str = set!("");
}
