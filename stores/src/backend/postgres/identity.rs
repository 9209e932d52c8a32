//! The identity of the database that a pool is connected to.

use sqlx::{PgPool, Row as _};
use uuid::Uuid;

use crate::StoreError;
use crate::backend::identity::{OPERATION, or_unknown};
use crate::backend::store_error;

/// Hashes the id from the migration, the database within its server, and the server.
///
/// A copy of the tables in another database, made from a template or a dump, is another source. A replica, also one
/// that takes over from the primary, is the same source.
macro_rules! identity {
    ($($server:literal)?) => {
        concat!(
            "SELECT substr(encode(sha256(convert_to(concat_ws(' ', identity.id, ",
            "(SELECT oid FROM pg_database WHERE datname = current_database())",
            $(", ", $server,)?
            "), 'UTF8')), 'hex'), 1, 32)::uuid FROM stores_identity AS identity"
        )
    };
}

const IDENTITY: &str = identity!("(SELECT system_identifier FROM pg_control_system())");
/// For a role that may not read the identity of the server.
const WITHOUT_SERVER: &str = identity!();

/// The identity of the database; 0 if unknown.
pub(crate) async fn identity(pool: &PgPool) -> Result<u128, StoreError> {
    match read(pool, IDENTITY).await {
        Ok(identity) => Ok(identity),
        Err(_) => or_unknown(read(pool, WITHOUT_SERVER).await),
    }
}

async fn read(pool: &PgPool, statement: &'static str) -> Result<u128, StoreError> {
    let row = sqlx::query(statement).persistent(false).fetch_one(pool).await;
    let id: Uuid = row.and_then(|row| row.try_get(0)).map_err(|error| store_error(OPERATION, error))?;
    Ok(id.as_u128())
}
