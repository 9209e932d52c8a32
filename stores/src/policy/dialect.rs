//! The statements that differ between the databases.

use super::rows::PolicyRow;
use super::sql::select;
use crate::backend::{Dialect, Reads};

/// A database with the rows and the statements of policies.
pub(super) trait PolicyDialect: Dialect + Reads<PolicyRow> + Reads<(i64,)> {
    /// The policies of a list of tenants, which is one argument.
    const GET_SOME: &'static str;
}

#[cfg(feature = "postgres")]
impl PolicyDialect for sqlx::Postgres {
    const GET_SOME: &'static str = select!("WHERE tenant_id = ANY($1)");
}

#[cfg(feature = "sqlite")]
impl PolicyDialect for sqlx::Sqlite {
    const GET_SOME: &'static str = select!("WHERE tenant_id IN (SELECT unhex(value) FROM json_each($1))");
}
