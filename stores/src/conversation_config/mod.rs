//! Settings for merging, compressing and compacting conversations.
//!
//! They exist for all tenants, for a tenant, and for a user of a tenant. A service reads them once for each
//! conversation; admins and the users themselves write them.

mod check;
mod effective;
mod memory;
mod place;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod rows;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod types;

pub use memory::MemoryConversationConfigStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresConversationConfigStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteConversationConfigStore;
pub use store::{CachingConversationConfigStore, CachingConversationConfigStoreBuilder, ConversationConfigStore};
pub use types::{ConfigLevel, ConfigSettings, ConversationConfig, MergeCompression, PathCompression};
