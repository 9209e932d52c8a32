//! The store under test: rows whose version grows by one with each write.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cache_core::{WriteError, cached_store};

/// Why a call of the store failed.
#[derive(Debug, Clone)]
pub(crate) enum RegisterError {
    /// The database refused: nothing was written.
    Refused(String),
    /// The database did not answer, and may have written.
    Unknown(String),
    /// The cache could not return the result of a load.
    Cache(String),
}

impl From<cache_core::Error> for RegisterError {
    fn from(error: cache_core::Error) -> Self {
        Self::Cache(error.to_string())
    }
}

impl From<sqlx::Error> for RegisterError {
    fn from(error: sqlx::Error) -> Self {
        // Class 57 ends a connection, and may do so after a commit.
        let is_refusal = |code: &str| !code.starts_with("57P");
        match &error {
            sqlx::Error::Database(refusal) if refusal.code().is_some_and(|code| is_refusal(&code)) => {
                Self::Refused(error.to_string())
            }
            _ => Self::Unknown(error.to_string()),
        }
    }
}

/// The effect of a write on a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    /// The number of the write.
    pub(crate) write: u64,
    /// Whether the row is present afterwards.
    pub(crate) present: bool,
}

/// A row with its place, which is the key of its tag.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, cache_core::CacheValue)]
pub(crate) struct Tagged {
    pub(crate) place: (u32, u32),
    /// Its version, if it is present.
    pub(crate) version: Option<u64>,
}

impl WriteError for RegisterError {
    fn not_written(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// Rows in groups, whose writes have numbers that the store's list of versions contains.
///
/// Nothing expires within a run, so that no staleness hides behind an expiry; only the entries of `read_aging` do, which
/// answer after it while they are loaded again. Each mode has rows of its own, since a
/// write follows the strongest mode of the reads that it invalidates.
#[cached_store(namespace = "race:chaos")]
#[async_trait]
pub(crate) trait Registers: Send + Sync {
    /// The version of a row, if it is present.
    #[cached(entity = "safe", key(group, member), ttl = "2h", negative_ttl = "2h")]
    async fn read_safe(&self, group: u32, member: u32) -> Result<Option<u64>, RegisterError>;

    /// The same, of an entry that only a tag of its value invalidates. It has a value for an absent row, too: an absence
    /// has no tags.
    #[cached(entity = "tagged", key(group, member), tags("row", value.place), ttl = "2h")]
    async fn read_tagged(&self, group: u32, member: u32) -> Result<Tagged, RegisterError>;

    /// The same, of an entry that is refreshed every half second and answers after its end, unless it was invalidated.
    #[cached(entity = "aging", key(group, member), ttl = "1s", refresh_after = "50%", stale_while_revalidate = "2h")]
    async fn read_aging(&self, group: u32, member: u32) -> Result<Option<u64>, RegisterError>;

    /// The versions of the present rows among these.
    #[cached(batch = read_safe)]
    async fn read_many(&self, group: u32, members: &[u32]) -> Result<BTreeMap<u32, u64>, RegisterError>;

    /// Changes a row, and returns its next version.
    #[invalidates(read_safe(group, member), read_aging(group, member), tag("row", (group, member)))]
    async fn write_safe(&self, group: u32, member: u32, change: Change) -> Result<u64, RegisterError>;

    /// The same, and stores the version.
    #[updates(
        read_safe(group, member) = change.present.then_some(*result),
        read_aging(group, member) = change.present.then_some(*result),
        tag("row", (group, member))
    )]
    async fn store_safe(&self, group: u32, member: u32, change: Change) -> Result<u64, RegisterError>;

    /// Gives every present row of the group its next version.
    #[invalidates(read_safe(group, ..), read_aging(group, ..), tag("row", ..))]
    async fn touch_safe(&self, group: u32, write: u64) -> Result<(), RegisterError>;

    /// As `read_safe`.
    #[cached(entity = "fast", key(group, member), ttl = "2h", negative_ttl = "2h", mode = fast)]
    async fn read_fast(&self, group: u32, member: u32) -> Result<Option<u64>, RegisterError>;

    /// As `write_safe`.
    #[invalidates(read_fast(group, member))]
    async fn write_fast(&self, group: u32, member: u32, change: Change) -> Result<u64, RegisterError>;

    /// As `store_safe`.
    #[updates(read_fast(group, member) = change.present.then_some(*result))]
    async fn store_fast(&self, group: u32, member: u32, change: Change) -> Result<u64, RegisterError>;

    /// As `touch_safe`.
    #[invalidates(read_fast(group, ..))]
    async fn touch_fast(&self, group: u32, write: u64) -> Result<(), RegisterError>;

    /// As `read_safe`.
    #[cached(entity = "strict", key(group, member), ttl = "2h", negative_ttl = "2h", mode = strict)]
    async fn read_strict(&self, group: u32, member: u32) -> Result<Option<u64>, RegisterError>;

    /// As `write_safe`.
    #[invalidates(read_strict(group, member))]
    async fn write_strict(&self, group: u32, member: u32, change: Change) -> Result<u64, RegisterError>;

    /// As `store_safe`.
    #[updates(read_strict(group, member) = change.present.then_some(*result))]
    async fn store_strict(&self, group: u32, member: u32, change: Change) -> Result<u64, RegisterError>;

    /// As `touch_safe`.
    #[invalidates(read_strict(group, ..))]
    async fn touch_strict(&self, group: u32, write: u64) -> Result<(), RegisterError>;
}
