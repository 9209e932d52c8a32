//! The identity of the database that a pool has opened.

use sqlx::{Row as _, SqlitePool};
use uuid::Uuid;

use crate::StoreError;
use crate::backend::identity::{OPERATION, no_row, or_unknown};
use crate::backend::store_error;

/// An odd factor, so that different files with one id have different identities.
const SPREAD: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;

const IDENTITY: &str =
    "SELECT identity.id, (SELECT file FROM pragma_database_list WHERE name = 'main') FROM stores_identity AS identity";

/// The identity of the database; 0 if unknown.
///
/// It combines the id from the migration and the inode number of the file: a copy of the file is another source.
pub(crate) async fn identity(pool: &SqlitePool) -> Result<u128, StoreError> {
    or_unknown(read(pool).await)
}

async fn read(pool: &SqlitePool) -> Result<u128, StoreError> {
    let row = sqlx::query(IDENTITY).fetch_optional(pool).await.map_err(|error| store_error(OPERATION, error))?;
    let row = row.ok_or_else(no_row)?;
    let id: Uuid = row.try_get(0).map_err(|error| store_error(OPERATION, error))?;
    let file: Option<String> = row.try_get(1).map_err(|error| store_error(OPERATION, error))?;
    let number = file.filter(|file| !file.is_empty()).map_or(0, |file| file_number(&file));
    Ok(id.as_u128() ^ SPREAD.wrapping_mul(number.into()))
}

#[cfg(unix)]
fn file_number(file: &str) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(file).map_or(0, |file| file.ino())
}

/// Without inode numbers, copies of a file are one source.
#[cfg(not(unix))]
fn file_number(_: &str) -> u64 {
    0
}
