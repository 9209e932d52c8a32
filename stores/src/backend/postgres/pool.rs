//! A pool for an address and a schema.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::PostgresAddress;
use crate::StoreError;
use crate::backend::store_error;

/// How long a call waits for a connection before it fails.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Connects, with `schema` as the only schema in the `search_path`.
///
/// So no table of another schema is mistaken for one of ours.
pub(crate) async fn connect(address: PostgresAddress, schema: &str) -> Result<PgPool, StoreError> {
    PgPoolOptions::new()
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // The test costs a round trip for each query. Calls that encounter a closed connection try another one
        // (`retry.rs`).
        .test_before_acquire(false)
        .connect_with(with_schema(address, schema))
        .await
        .map_err(|error| store_error("connect to Postgres", error))
}

fn with_schema(address: PostgresAddress, schema: &str) -> PgConnectOptions {
    let options = address.options.options([("search_path", schema)]);
    if address.kind.keeps_statements() { options } else { options.statement_cache_capacity(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str) -> PgConnectOptions {
        with_schema(PostgresAddress::parse(url).unwrap(), "copilot_internal")
    }

    #[test]
    fn the_search_path_is_the_schema_alone() {
        assert_eq!(options("postgres://u@h/db").get_options(), Some("-c search_path=copilot_internal"));
    }

    /// Only the options' `Debug` shows the capacity of the statement cache.
    #[test]
    fn no_statement_is_kept_behind_a_transaction_pooler() {
        let kept = |url| format!("{:?}", options(url)).contains("statement_cache_capacity: 100");
        assert!(kept("postgres://u@h/db"));
        assert!(!kept("postgres://u@h:6543/db"));
        assert!(!kept("postgres://u@h/db?pgbouncer=true"));
    }
}
