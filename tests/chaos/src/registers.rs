//! The store under test: rows whose version grows by one with each write.

use async_trait::async_trait;
use cache_core::{WriteError, cached_store};

/// Why the store did not do what it was asked for.
#[derive(Debug, Clone)]
pub(crate) enum RegisterError {
    /// The database refused: nothing was written.
    Refused(String),
    /// The database did not say whether it has written.
    Unknown(String),
    /// The cache could not have the answer of a load.
    Cache(String),
}

impl From<cache_core::Error> for RegisterError {
    fn from(error: cache_core::Error) -> Self {
        Self::Cache(error.to_string())
    }
}

impl From<sqlx::Error> for RegisterError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(_) => Self::Refused(error.to_string()),
            _ => Self::Unknown(error.to_string()),
        }
    }
}

impl WriteError for RegisterError {
    fn not_written(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// Rows in groups. A write has a number of its own, by which the store's list of versions names it.
///
/// Nothing expires within a run, so that no staleness hides behind an expiry.
#[cached_store(namespace = "race:chaos")]
#[async_trait]
pub(crate) trait Registers: Send + Sync {
    /// The version of a row, if it is there.
    #[cached(entity = "safe", key(group, member), ttl = "2h", negative_ttl = "2h")]
    async fn read(&self, group: u32, member: u32) -> Result<Option<u64>, RegisterError>;

    /// The row is there, with its next version, which is returned.
    #[invalidates(read(group, member))]
    async fn put(&self, group: u32, member: u32, write: u64) -> Result<u64, RegisterError>;

    /// The row is absent, with its next version, which is returned.
    #[invalidates(read(group, member))]
    async fn erase(&self, group: u32, member: u32, write: u64) -> Result<u64, RegisterError>;

    /// Every row of the group that is there has its next version.
    #[invalidates(read(group, ..))]
    async fn touch(&self, group: u32, write: u64) -> Result<(), RegisterError>;
}
