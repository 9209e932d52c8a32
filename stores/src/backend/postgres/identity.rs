//! The identity of the database that a pool is connected to.

use sqlx::{PgPool, Row as _};
use uuid::Uuid;

use crate::StoreError;
use crate::backend::identity::{OPERATION, is_withheld, no_row, or_unknown};
use crate::backend::store_error;

/// Queries the id from the migration, its table, the database and the server.
///
/// A copy of the tables in another schema or database, from a template or a dump, is another source. Replicas are the
/// same source as their primary, also after a failover.
macro_rules! identity {
    ($($server:literal)?) => {
        concat!(
            "SELECT substr(encode(sha256(convert_to(concat_ws(' ', identity.id, identity.tableoid, ",
            "(SELECT oid FROM pg_database WHERE datname = current_database())",
            $(", ", $server,)?
            "), 'UTF8')), 'hex'), 1, 32)::uuid FROM stores_identity AS identity"
        )
    };
}

const IDENTITY: &str = identity!("(SELECT system_identifier FROM pg_control_system())");
/// The query for a role that may not read the identity of the server.
const WITHOUT_SERVER: &str = identity!();

/// The identity of the database; 0 if unknown.
///
/// # Errors
///
/// All errors that are independent of the rights of the role. After one of them the role might read another identity at
/// the next start.
pub(crate) async fn identity(pool: &PgPool) -> Result<u128, StoreError> {
    match read(pool, IDENTITY).await {
        Err(error) if is_withheld(&error) => or_unknown(read(pool, WITHOUT_SERVER).await),
        read => read,
    }
}

async fn read(pool: &PgPool, statement: &'static str) -> Result<u128, StoreError> {
    let row = sqlx::query(statement).persistent(false).fetch_optional(pool).await;
    let row = row.map_err(|error| store_error(OPERATION, error))?.ok_or_else(no_row)?;
    let id: Uuid = row.try_get(0).map_err(|error| store_error(OPERATION, error))?;
    Ok(id.as_u128())
}
