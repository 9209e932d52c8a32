//! A pool for an address and a schema.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::StoreError;
use crate::backend::store_error;

/// How long a call waits for a connection before it fails.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Supabase's pooler listens here in transaction mode: what is set or prepared on one connection is unknown to the next.
const TRANSACTION_POOLER_PORT: u16 = 6543;

/// Connects. Every connection's `search_path` is `schema` alone, so that no table of another schema is ever taken for
/// one of ours.
pub(crate) async fn connect(options: PgConnectOptions, schema: &str) -> Result<PgPool, StoreError> {
    PgPoolOptions::new()
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // It costs a round trip a query; a lost connection is an error that a retry mends.
        .test_before_acquire(false)
        .connect_with(with_schema(options, schema))
        .await
        .map_err(|error| store_error("connect to Postgres", error))
}

/// Whether sessions are cut into transactions on the way: no lock outlives one, and no migration can run.
pub(crate) fn is_transaction_pooler(options: &PgConnectOptions) -> bool {
    options.get_port() == TRANSACTION_POOLER_PORT
}

fn with_schema(options: PgConnectOptions, schema: &str) -> PgConnectOptions {
    let pooled = is_transaction_pooler(&options);
    let options = options.options([("search_path", schema)]);
    if pooled { options.statement_cache_capacity(0) } else { options }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_path_is_the_schema_alone() {
        let options = with_schema(PgConnectOptions::new_without_pgpass(), "copilot_internal");
        assert_eq!(options.get_options(), Some("-c search_path=copilot_internal"));
    }

    #[test]
    fn the_transaction_pooler_is_known_by_its_port() {
        let options = |url: &str| url.parse::<PgConnectOptions>().unwrap();
        assert!(is_transaction_pooler(&options("postgres://u@aws-0.pooler.supabase.com:6543/postgres")));
        assert!(!is_transaction_pooler(&options("postgres://u@aws-0.pooler.supabase.com:5432/postgres")));
    }
}
